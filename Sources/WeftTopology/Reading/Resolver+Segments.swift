import WeftCore
import WeftSettings
import WeftWire

extension Resolver {
  func readSegment(_ entry: Written.Entry) {
    guard !entry.key.hasPrefix("x-"), names[entry.key]?.mark == entry.keyMark else { return }
    var value = entry.value
    if value.text != nil, !value.isNull {
      value = SegmentEntry.keys.object((\.subnet, value), at: value.mark)
    }
    value = merged(.init(key: entry.key, keyMark: entry.keyMark, value: value), \.segment)
    require(value, SegmentEntry.keys.keys, at: entry.keyMark, name: entry.key)
    let (own, object) = read(value, SegmentEntry.keys)
    guard let subnet = own.subnet else { return lost(at: entry.keyMark) }
    var segment = Segment(name: entry.key, subnet: subnet, mark: entry.keyMark)
    segment.link = link(value)
    let (name, hasOwn) = (entry.key, segment.link.rate != nil)
    note(queueOf: value) { [unowned self] in hasOwn || hasRate(name) }
    if let address = own.gateway, let place = object.place(\.gateway), fits(address, subnet, of: segment.name, at: place) {
      segment.gateway = address
    }
    // One that can't be read is one all the same: nobody is told that there is none.
    let dhcp = own.dhcp ?? (object.place(\.dhcp) == nil ? nil : DHCPChoice())
    if let dhcp, dhcp.isOn {
      let place = object.place(\.subnet) ?? Written(kind: .scalar("", quoted: false), mark: entry.keyMark)
      segment.dhcp = dhcpServer(dhcp, of: segment.name, subnet, gateway: segment.gateway, at: place)
    }
    segment.tree = own.stp
    readSwitches(own, of: &segment)
    readVLAN(own, object, of: &segment, at: entry)
    segmentIndex[segment.name] = topology.segments.count
    topology.segments.append(segment)
  }

  /// Segments share one address space: hosts route between them.
  func checkSegments() {
    checkVLANs()
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
