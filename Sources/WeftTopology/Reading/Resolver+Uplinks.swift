import WeftCore
import WeftSettings
import WeftWire

/// Uplinks are plugged into segments, or into the networks of other hosts: those are read first, wherever they stand.
extension Resolver {
  func readHosts(_ entries: [Written.Entry]) {
    for entry in byUplink(entries) { readHost(entry) }
    // What is built has the order of the file.
    let places = Dictionary(entries.enumerated().map { ($1.key, $0) }, uniquingKeysWith: { first, _ in first })
    topology.hosts.sort { places[$0.name, default: 0] < places[$1.name, default: 0] }
    for (index, host) in topology.hosts.enumerated() {
      hostIndex[host.name] = index
      for (number, network) in host.networks.enumerated() { networkIndex[network.name] = (index, number) }
    }
  }

  /// The hosts, each after the one whose network its uplink is plugged into.
  private func byUplink(_ entries: [Written.Entry]) -> [Written.Entry] {
    let known = entries.named.filter { names[$0.key]?.mark == $0.keyMark }
    let byName = Dictionary(known.map { ($0.key, $0) }, uniquingKeysWith: { first, _ in first })
    var done: Set<String> = []
    var order: [Written.Entry] = []
    for entry in known {
      var chain: [Written.Entry] = []
      var next: Written.Entry? = entry
      while let host = next, !done.contains(host.key) {
        if let start = chain.firstIndex(where: { $0.key == host.key }) {
          let circle = chain[start...].map { "\"\($0.key)\"" }.joined(separator: ", ")
          report(
            "the uplinks of \(circle) go round in a circle", atKey: chain[start].keyMark, chain[start].key,
            hint: "one of them needs a segment")
          break
        }
        chain.append(host)
        next = upstream(of: host).flatMap { $0 == host.key ? nil : byName[$0] }
      }
      for host in chain.reversed() where done.insert(host.key).inserted { order.append(host) }
    }
    return order
  }

  /// The host whose network an uplink names.
  private func upstream(of entry: Written.Entry) -> String? {
    let uplink = Object(merged(entry, \.host), tables.host).place(\.uplink)
    let name =
      uplink.flatMap { Object($0, UplinkEntry.keys).place(\.segment) }?.text
      ?? uplink?.text.flatMap { $0.split(separator: " ").first.map(String.init) }
    return name.flatMap { networkHost[$0] }
  }

  /// `campus 134.115.153.10`, `campus`, or a map.
  func readUplink(_ value: Written, of host: String) -> Uplink? {
    if let text = value.text {
      let parts = text.split(separator: " ").map(String.init)
      guard parts.count == 1 || parts.count == 2, (try? Parse.name(parts[0])) != nil,
        resolve(parts[0], [.segment, .network], at: value)
      else { return nil }
      guard parts.count == 2 else { return makeUplink(to: parts[0], at: value, nil, at: value, value, of: host) }
      guard let address = try? Parse.address(parts[1]) else { return nil }
      return makeUplink(to: parts[0], at: value, address, at: value, value, of: host)
    }
    let (own, object) = read(value, UplinkEntry.keys)
    guard let segment = own.segment, let name = segment.text, !name.isEmpty,
      resolve(name, [.segment, .network], at: segment)
    else { return nil }
    guard let place = object.place(\.address) else {
      return makeUplink(to: name, at: segment, nil, at: value, value, of: host)
    }
    for path in [\UplinkEntry.dhcp as PartialKeyPath, \.lease] {
      if let other = object[path] { report("an uplink has either \"address\" or \"\(other.key)\"", at: other.value) }
    }
    guard let address = own.address else { return nil }
    return makeUplink(to: name, at: segment, address, at: place, value, of: host)
  }

  private func makeUplink(
    to name: String, at namePlace: Written, _ address: IPv4Address?, at place: Written, _ value: Written,
    of host: String
  ) -> Uplink? {
    let (own, object) = read(value, UplinkEntry.keys)
    var uplink: Uplink
    let base: LinkSettings
    let dhcp: DHCPSettings?
    if let index = segmentIndex[name] {
      let segment = topology.segments[index]
      uplink = Uplink(segment: name, address: address, prefix: segment.subnet, mark: value.mark)
      if segment.gateway != address { uplink.gateway = segment.gateway }
      base = segment.link
      dhcp = segment.dhcp
    } else {
      guard let network = upstreamNetwork(name, at: namePlace, of: host) else { return nil }
      uplink = Uplink(segment: name, address: address, prefix: network.subnet, mark: value.mark)
      // Only a NAT's gateway leads anywhere.
      if network.mode == .nat, network.gateway != address { uplink.gateway = network.gateway }
      base = network.link
      dhcp = network.dhcp
    }
    func occupy(_ address: IPv4Address, at place: Written) {
      if fits(address, uplink.prefix, of: name, at: place) {
        occupyUpstream(address, on: uplink, for: "host \"\(host)\"", at: place)
      }
    }
    if let address {
      occupy(address, at: place)
    } else if dhcp == nil, isWhole(name) {
      report(
        "host \"\(host)\" needs an address on \"\(name)\", which has no DHCP server", at: namePlace, part: name,
        hint: segmentIndex[name] == nil
          ? "for example \(name) \(free(at: name, uplink.prefix, besides: [uplink.gateway]))"
          : "for example \(name) \(free(at: name, uplink.prefix, besides: [uplink.gateway])), "
            + "or give the segment one: dhcp: true")
    }
    if address == nil, let wanted = own.lease, let lease = object.place(\.lease) {
      occupy(wanted, at: lease)
      uplink.reservation = wanted
    }
    if let hop = own.gateway, let gateway = object.place(\.gateway) {
      fits(hop, uplink.prefix, of: name, at: gateway)
      if hop == address ?? uplink.reservation { report("a host is not its own gateway", at: gateway) }
      uplink.gateway = hop
    }
    if let mac = own.mac, let place = object.place(\.mac) {
      take(mac, for: "host \"\(host)\"", at: place)
      uplink.mac = mac
    }
    uplink.vlans = readVLANs(value)
    uplink.port = own.port
    readSwitch(own, of: &uplink)
    uplink.link = link(value, over: base)
    if address == nil { demandRoomForDHCP(uplink.link, "host \"\(host)\"", at: value) }
    let hasRate = uplink.link.rate != nil
    note(queueOf: value) { [unowned self] in hasRate || isGivenRate(LinkName(node: host, port: "uplink")) }
    return uplink
  }

  /// A network that an uplink may be plugged into; nil after a report, or where the network could not be read.
  private func upstreamNetwork(_ name: String, at place: Written, of host: String) -> Network? {
    guard networkHost[name] != host else {
      report("host \"\(host)\" cannot plug its uplink into its own network", at: place, part: name)
      return nil
    }
    guard let index = networkIndex[name] else { return nil }
    let network = topology.hosts[index.host].networks[index.network]
    guard network.mode != .bridge else {
      let segment = topology.hosts[index.host].uplink?.segment
      report(
        "\"\(name)\" is a bridge, whose addresses are those of its segment", at: place, part: name,
        hint: segment.map { "plug the uplink into \"\($0)\"" })
      return nil
    }
    return network
  }

  /// A segment or network whose own mistakes haven't been reported instead.
  private func isWhole(_ name: String) -> Bool { !withoutDHCP.contains(name) }

  /// Takes an address of what a bridge's host is plugged into, for a machine behind the bridge.
  func occupy(_ address: IPv4Address, on uplink: Uplink, for owner: String, at value: Written) {
    if address == uplink.gateway, networkIndex[uplink.segment] == nil {
      return report("\(address) is the gateway of \"\(uplink.segment)\"", at: value, part: "\(address)")
    }
    occupyUpstream(address, on: uplink, for: owner, at: value)
  }

  private func occupyUpstream(_ address: IPv4Address, on uplink: Uplink, for owner: String, at value: Written) {
    if let index = networkIndex[uplink.segment] {
      return occupy(address, topology.hosts[index.host].networks[index.network], at: value, owner: owner)
    }
    if let index = segmentIndex[uplink.segment], topology.segments[index].dhcp?.server == address {
      return report(
        "\(address) is the DHCP server of \"\(uplink.segment)\"", at: value, part: "\(address)",
        hint: "dhcp: {server: ADDRESS} moves it")
    }
    take(address, on: uplink.segment, for: owner, at: value)
  }

  /// The DHCP server that NICs on a network ask: of a bridge, that of what its host is plugged into.
  func dhcp(for network: Network) -> DHCPSettings? {
    guard network.mode == .bridge else { return network.dhcp }
    let place = place(of: network.name)
    if let index = segmentIndex[place] { return topology.segments[index].dhcp }
    return networkIndex[place].flatMap { topology.hosts[$0.host].networks[$0.network].dhcp }
  }

  /// The subnets between a host and the outermost segment: its VMs may want to go to all of them.
  func subnetsAbove(_ host: Host) -> [IPv4Prefix] {
    var subnets: [IPv4Prefix] = []
    var next = host.uplink
    while let uplink = next {
      subnets.append(uplink.prefix)
      next = networkIndex[uplink.segment].flatMap { topology.hosts[$0.host].uplink }
    }
    return subnets
  }
}
