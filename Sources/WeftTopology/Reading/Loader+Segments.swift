import WeftCore
import WeftSettings
import WeftWire

extension Loader {
  func readSegment(_ entry: Written.Entry) {
    guard !entry.key.hasPrefix("x-"), names[entry.key]?.mark == entry.keyMark else { return }
    var value = entry.value
    if value.text != nil, !value.isNull {
      let key = Written.Entry(key: "subnet", keyMark: value.mark, value: value)
      value = Written(kind: .map([key]), mark: value.mark)
    }
    value = merged(.init(key: entry.key, keyMark: entry.keyMark, value: value), "segment")
    require(value, Tables.segment, at: entry.keyMark, name: entry.key)
    guard let subnet = parse(value["subnet"], Parse.subnet) else { return lost(at: entry.keyMark) }
    var segment = Segment(name: entry.key, subnet: subnet, mark: entry.keyMark)
    segment.link = link(value)
    let (name, hasOwn) = (entry.key, segment.link.rate != nil)
    note(queueOf: value) { [unowned self] in hasOwn || hasRate(name) }
    if let gateway = value["gateway"], let address = parse(gateway, Parse.address),
      fits(address, subnet, of: segment.name, at: gateway)
    {
      segment.gateway = address
    }
    if let dhcp = value["dhcp"], !dhcp.isNull, dhcp.text != "false" {
      let place = value["subnet"] ?? Written(kind: .scalar("", quoted: false), mark: entry.keyMark)
      segment.dhcp = readDHCP(dhcp, of: segment.name, subnet, gateway: segment.gateway, at: place)
    }
    segmentIndex[segment.name] = topology.segments.count
    topology.segments.append(segment)
  }

  /// Segments share one address space: hosts route between them.
  func checkSegments() {
    overlaps(topology.segments.map { ("segment \"\($0.name)\"", $0.subnet, $0.mark, $0.name) })
  }

  /// Reports subnets that overlap; after sorting, only neighbours can.
  func overlaps(_ subnets: [(what: String, subnet: IPv4Prefix, mark: Mark, name: String)]) {
    let sorted = subnets.indices.sorted {
      let (a, b) = (subnets[$0].subnet, subnets[$1].subnet)
      return (a.network, a.length, $0) < (b.network, b.length, $1)
    }
    // Prefixes nest or are apart, so the widest so far is the only one that can reach the next.
    var widest: Int?
    for i in sorted {
      guard let wide = widest, subnets[wide].subnet.overlaps(subnets[i].subnet) else {
        widest = i
        continue
      }
      // The later one in the file is the mistake.
      let (first, second) = (subnets[min(wide, i)], subnets[max(wide, i)])
      report(
        "\(second.what) (\(second.subnet)) overlaps \(first.what) (\(first.subnet), line \(first.mark.line))",
        atKey: second.mark, second.name)
    }
  }
}
