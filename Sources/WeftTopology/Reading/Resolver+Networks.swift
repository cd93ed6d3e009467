import WeftCore
import WeftSettings
import WeftWire

/// A network whose subnet may still have to be chosen.
struct NetworkDraft {
  var name: String
  var mark: Mark
  var mode: NetworkMode
  var subnet: IPv4Prefix?
  /// A subnet stands in the file, be it a wrong one.
  var hasSubnet: Bool
  var read: NetworkEntry
  var object: Object<NetworkEntry>
}

extension Resolver {
  func draft(_ entry: Written.Entry, of host: Host, hasUplink: Bool) -> NetworkDraft? {
    var own = entry
    if own.value.text != nil, !own.value.isNull {
      own.value = NetworkEntry.keys.object((\.mode, own.value), at: own.value.mark)
    }
    let value = merged(own, \.network)
    require(value, NetworkEntry.keys.keys, at: entry.keyMark, name: entry.key)
    let (read, object) = read(value, NetworkEntry.keys)
    guard let place = object.place(\.mode), let mode = read.mode else { return nil }
    if !hasUplink, mode == .nat || mode == .bridge {
      report(
        "a \(mode.rawValue) network needs an uplink, and host \"\(host.name)\" has none", at: place,
        hint: "give \"\(host.name)\" an uplink, or use host-only")
    }
    // Only what the network itself says: defaults are for those they fit.
    checkKeys(Object(own.value, NetworkEntry.keys), of: entry.key, mode, host)
    var draft = NetworkDraft(name: entry.key, mark: entry.keyMark, mode: mode, hasSubnet: false, read: read, object: object)
    if mode == .bridge {
      draft.subnet = host.uplink?.prefix
      draft.hasSubnet = true
    } else if object.place(\.subnet) != nil {
      draft.hasSubnet = true
      draft.subnet = read.subnet
    }
    return draft
  }

  /// Keys of modes that the network's isn't.
  private func checkKeys(_ own: Object<NetworkEntry>, of name: String, _ mode: NetworkMode, _ host: Host) {
    let rows: [(PartialKeyPath<NetworkEntry>, [NetworkMode])] = [
      (\.forwards, [.nat]), (\.nat, [.nat]), (\.gateway, [.nat, .hostOnly]), (\.dhcp, [.nat, .hostOnly]),
      (\.subnet, [.nat, .hostOnly, .isolated]),
    ]
    for (path, modes) in rows where !modes.contains(mode) {
      guard let entry = own.entry(path) else { continue }
      // `dhcp: false` says what is so anyway.
      if path == \NetworkEntry.dhcp {
        if entry.value.text == "false" || entry.value.isNull { continue }
        withoutDHCP.insert(name)
        if mode == .bridge {
          refuseDHCP(entry, of: host)
          continue
        }
      }
      let hint = path == \NetworkEntry.subnet ? "its addresses are those of the host's segment" : nil
      report("\(mode.rawValue.article) network has no \"\(entry.key)\"", atKey: entry.keyMark, entry.key, hint: hint)
    }
  }

  /// A bridge is a switch and no more.
  private func refuseDHCP(_ entry: Written.Entry, of host: Host) {
    let message = "a bridge network has no DHCP server of its own: its VMs ask that of "
    guard let uplink = host.uplink, let index = segmentIndex[uplink.segment] else {
      return report(
        message + "the network its host is plugged into", atKey: entry.keyMark, entry.key, hint: "leave the key out")
    }
    let segment = topology.segments[index]
    report(
      message + "\"\(segment.name)\"", atKey: entry.keyMark, entry.key,
      hint: segment.dhcp != nil
        ? "leave the key out"
        : "give the segment one, segments: {\(segment.name): {subnet: \(segment.subnet), dhcp: true}}, or the VMs addresses")
  }

  /// 192.168.122.0/24 as libvirt's first network has it, then the next ones that are free on this host.
  func chooseSubnets(_ drafts: inout [NetworkDraft], of host: Host) {
    var used = drafts.filter { $0.mode != .bridge }.compactMap(\.subnet)
    // Every segment may be somewhere a VM wants to go.
    used += topology.segments.map(\.subnet) + subnetsAbove(host)
    var candidates = (Array(122...255) + Array(0..<122)).map {
      IPv4Prefix(IPv4Address(192, 168, UInt8($0), 0), length: 24)
    }[...]
    for i in drafts.indices where !drafts[i].hasSubnet {
      while let candidate = candidates.first, used.contains(where: candidate.overlaps) { candidates.removeFirst() }
      guard let choice = candidates.popFirst() else {
        report(
          "no 192.168.N.0/24 is free for \"\(drafts[i].name)\"", atKey: drafts[i].mark, drafts[i].name,
          hint: "give it a subnet")
        continue
      }
      drafts[i].subnet = choice
      used.append(choice)
    }
  }

  func readNetwork(_ draft: NetworkDraft, of host: Host) -> Network? {
    guard let subnet = draft.subnet else { return nil }
    let (own, object, value) = (draft.read, draft.object, draft.object.written)
    var network = Network(name: draft.name, mode: draft.mode, subnet: subnet, mark: draft.mark)
    var base = LinkSettings()
    // A bridge is one link with what it is plugged into.
    if draft.mode == .bridge { base.mtu = host.uplink?.link.mtu }
    network.link = link(value, over: base)
    let (name, hasOwn) = (draft.name, network.link.rate != nil)
    note(queueOf: value) { [unowned self] in hasOwn || hasRate(name) }
    network.fdb = own.fdb
    network.guards = own.guards
    network.tree = own.stp
    checkGuards(own.guards, object.inside(\.guards, GuardSettings.keys))
    guard draft.mode == .nat || draft.mode == .hostOnly else { return network }

    let place = object.place(\.subnet) ?? Written(kind: .scalar("", quoted: false), mark: draft.mark)
    guard subnet.hostCount >= 2, subnet.length < 31 else {
      report("\(subnet) is too small for a gateway and a VM", at: place, hint: "a /24 has 254 addresses")
      return nil
    }
    network.gateway = subnet.firstHost
    if let address = own.gateway, let place = object.place(\.gateway) {
      fits(address, subnet, of: draft.name, at: place)
      network.gateway = address
    }
    let dhcp = own.dhcp ?? DHCPChoice()
    if dhcp.isOn { network.dhcp = dhcpServer(dhcp, of: network.name, subnet, gateway: network.gateway, at: place) }
    if draft.mode == .nat {
      if let nat = own.nat { network.nat = readNAT(nat, of: host) }
      for forward in own.forwards?.items ?? [] { network.forwards += Forward.form.read(forward, self) ?? [] }
    }
    return network
  }

  /// The server of a network or segment.
  func dhcpServer(
    _ choice: DHCPChoice, of name: String, _ subnet: IPv4Prefix, gateway: IPv4Address?, at place: Written
  ) -> DHCPSettings? {
    guard subnet.hostCount >= 3 else {
      report(
        "\(subnet) is too small for a gateway, a DHCP server and a VM", at: place,
        hint: "dhcp: false, or a larger subnet")
      return nil
    }
    var server = subnet.lastHost
    if server == gateway { server = IPv4Address(rawValue: server.rawValue - 1) }
    let object = choice.place.map { Object($0, DHCPEntry.keys) }
    if let address = choice.keys.server, let place = object?.place(\.server) {
      if fits(address, subnet, of: name, at: place), address == gateway {
        report(
          "\(address) is the gateway's address", at: place, hint: "the DHCP server has one of its own, like \(server)")
      }
      server = address
    }
    var (first, last) = (subnet.firstHost, subnet.lastHost)
    while first == gateway || first == server { first = IPv4Address(rawValue: first.rawValue + 1) }
    while last == gateway || last == server { last = IPv4Address(rawValue: last.rawValue - 1) }
    var settings = DHCPSettings(server: server, rangeFirst: first, rangeLast: last)
    if let range = choice.keys.range, let place = object?.place(\.range) {
      for end in [range.lowerBound, range.upperBound] { fits(end, subnet, of: name, at: place) }
      (settings.rangeFirst, settings.rangeLast) = (range.lowerBound, range.upperBound)
    }
    settings.leaseTime = choice.keys.leaseTime
    return settings
  }
}
