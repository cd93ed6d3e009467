import WeftCore
import WeftWire

/// A network whose subnet may still have to be chosen.
struct NetworkDraft {
  var name: String
  var mark: Mark
  var mode: NetworkMode
  var subnet: IPv4Prefix?
  /// A subnet stands in the file, be it a wrong one.
  var hasSubnet: Bool
  var value: YAMLValue
}

extension Loader {
  func draft(_ entry: YAMLValue.Entry, of host: Host, hasUplink: Bool) -> NetworkDraft? {
    var own = entry
    if own.value.text != nil, !own.value.isNull {
      let key = YAMLValue.Entry(key: "mode", keyMark: own.value.mark, value: own.value)
      own.value = YAMLValue(kind: .map([key]), mark: own.value.mark)
    }
    let value = merged(own, "network")
    require(value, Tables.network, at: entry.keyMark, name: entry.key)
    guard let place = value["mode"], let mode = place.text.flatMap(NetworkMode.init(rawValue:)) else { return nil }
    if !hasUplink, mode == .nat || mode == .bridge {
      report(
        "a \(mode.rawValue) network needs an uplink, and host \"\(host.name)\" has none", at: place,
        hint: "give \"\(host.name)\" an uplink, or use host-only")
    }
    // Only what the network itself says: defaults are for those they fit.
    for entry in own.value.entries ?? [] {
      let modes: [NetworkMode]
      switch entry.key {
      case "forwards", "nat": modes = [.nat]
      case "gateway", "dhcp": modes = [.nat, .hostOnly]
      case "subnet": modes = [.nat, .hostOnly, .isolated]
      default: continue
      }
      if modes.contains(mode) { continue }
      // `dhcp: false` says what is so anyway.
      if entry.key == "dhcp", entry.value.text == "false" { continue }
      let hint: String?
      switch entry.key {
      case "subnet": hint = "its addresses are those of the host's segment"
      case "dhcp":
        // `true` is no value of it either, and its VMs have no address: it is one mistake.
        withdraw(at: entry.value.mark)
        withoutDHCP.insert(own.key)
        let segment = host.uplink.map { " of \"\($0.segment)\" (\($0.prefix))" } ?? ""
        hint =
          mode == .bridge
          ? "take it away and give its VMs addresses\(segment)" : "take it away and give its VMs addresses of its subnet"
      default: hint = nil
      }
      report("\(mode.rawValue.article) network has no \"\(entry.key)\"", atKey: entry.keyMark, entry.key, hint: hint)
    }
    var draft = NetworkDraft(name: entry.key, mark: entry.keyMark, mode: mode, hasSubnet: false, value: value)
    if mode == .bridge {
      draft.subnet = host.uplink?.prefix
      draft.hasSubnet = true
    } else if let text = value["subnet"], !text.isNull {
      draft.hasSubnet = true
      draft.subnet = parse(text, Parse.subnet)
    }
    return draft
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
    let value = draft.value
    var network = Network(name: draft.name, mode: draft.mode, subnet: subnet, mark: draft.mark)
    network.link = link(value)
    if let fdb = value["fdb"] {
      if let limit = integer(fdb["limit"], 1...10_000_000) { network.fdbLimit = limit }
      if let ageing = interval(fdb["ageing"]) { network.fdbAgeing = ageing }
    }
    guard draft.mode == .nat || draft.mode == .hostOnly else { return network }

    let place = value["subnet"] ?? YAMLValue(kind: .scalar("", quoted: false), mark: draft.mark)
    guard subnet.hostCount >= 2, subnet.length < 31 else {
      report("\(subnet) is too small for a gateway and a VM", at: place, hint: "a /24 has 254 addresses")
      return nil
    }
    network.gateway = subnet.firstHost
    if let gateway = value["gateway"], let address = parse(gateway, Parse.address) {
      fits(address, subnet, of: draft.name, at: gateway)
      network.gateway = address
    }
    if value["dhcp"]?.text != "false" { network.dhcp = readDHCP(value["dhcp"], network, at: place) }
    if draft.mode == .nat {
      if let nat = value["nat"] { network.nat = readNAT(nat, of: host) }
      for forward in value["forwards"]?.items ?? [] { network.forwards += readForward(forward) ?? [] }
    }
    return network
  }

  private func readDHCP(_ value: YAMLValue?, _ network: Network, at place: YAMLValue) -> DHCPSettings? {
    let (subnet, gateway) = (network.subnet, network.gateway ?? network.subnet.firstHost)
    guard subnet.hostCount >= 3 else {
      report(
        "\(subnet) is too small for a gateway, a DHCP server and a VM", at: place,
        hint: "dhcp: false, or a larger subnet")
      return nil
    }
    var server = subnet.lastHost
    if server == gateway { server = IPv4Address(rawValue: server.rawValue - 1) }
    if let text = value?["server"], let address = parse(text, Parse.address) {
      if fits(address, subnet, of: network.name, at: text), address == gateway {
        report(
          "\(address) is the gateway's address", at: text, hint: "the DHCP server has one of its own, like \(server)")
      }
      server = address
    }
    var (first, last) = (subnet.firstHost, subnet.lastHost)
    while first == gateway || first == server { first = IPv4Address(rawValue: first.rawValue + 1) }
    while last == gateway || last == server { last = IPv4Address(rawValue: last.rawValue - 1) }
    var settings = DHCPSettings(server: server, rangeFirst: first, rangeLast: last)
    if let text = value?["range"], let (from, to) = parse(text, Parse.range) {
      for end in [from, to] { fits(end, subnet, of: network.name, at: text) }
      (settings.rangeFirst, settings.rangeLast) = (from, to)
    }
    if let time = interval(value?["lease-time"]) { settings.leaseTime = time }
    return settings
  }
}
