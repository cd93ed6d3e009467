import WeftCore
import WeftSettings
import WeftWire

extension Resolver {
  func readHost(_ entry: Written.Entry) {
    guard !entry.key.hasPrefix("x-"), names[entry.key]?.mark == entry.keyMark else { return }
    let value = merged(entry, \.host)
    let (own, _) = read(value, tables.host)
    var host = Host(name: entry.key, mark: entry.keyMark)
    if let uplink = own.uplink { host.uplink = readUplink(uplink, of: host.name) }
    host.links = readLinks(own.links, of: host)
    host.ipForwarding = own.forwards
    host.memory = own.memory?.value
    host.overcommit = own.overcommit
    host.power = own.power
    if let memory = own.memory { hostMemory[host.name] = memory.mark }
    host.pools = readPools(own.pools)
    host.processors = readProcessors(own.processors, Object(value, tables.host))
    hostIndex[host.name] = topology.hosts.count
    let hasUplink = own.uplink != nil
    if !hasUplink { withoutUplink.insert(host.name) }
    if hasUplink, host.uplink == nil { lost(at: entry.keyMark) }
    host.networks = readNetworks(own.networks, of: host, hasUplink: hasUplink)
    settleMTU(of: &host, own.uplink)
    if let uplink = host.uplink, uplink.address == nil, let nat = host.networks.first(where: { $0.mode == .nat }) {
      report(
        "host \"\(host.name)\" has the nat network \"\(nat.name)\", so that its uplink needs an address", at: uplink.mark,
        hint: "for example \(uplink.segment) \(free(at: uplink.segment, uplink.prefix, besides: [uplink.gateway]))")
    }
    if let place = Object(entry.value, tables.host).place(\.forwards), (try? Parse.boolean(place.text ?? "")) != nil,
      !host.networks.contains(where: { $0.mode == .nat })
    {
      warn("host \"\(host.name)\" has no nat network: it forwards nothing either way", at: place)
    }
    for (i, network) in host.networks.enumerated() { networkIndex[network.name] = (topology.hosts.count, i) }
    topology.hosts.append(host)
  }

  private func readLinks(_ value: Written?, of host: Host) -> [HostLink] {
    (value?.entries ?? []).named.compactMap { entry in
      guard resolve(entry.key, [.segment], at: entry.keyPlace), let index = segmentIndex[entry.key],
        let address = Form<IPv4Address>.address.read(entry.value, self)
      else { return nil }
      let segment = topology.segments[index]
      if host.uplink?.segment == segment.name {
        report("the uplink of \"\(host.name)\" is there already", atKey: entry.keyMark, entry.key)
        return nil
      }
      guard fits(address, segment.subnet, of: segment.name, at: entry.value) else { return nil }
      if segment.dhcp?.server == address {
        report("\(address) is the DHCP server of \"\(segment.name)\"", at: entry.value)
      }
      take(address, on: segment.name, for: "host \"\(host.name)\"", at: entry.value)
      var link = HostLink(segment: segment.name, address: address, prefix: segment.subnet)
      link.link = segment.link
      return link
    }
  }

  /// A NAT's MTU is that of its uplink: one for both directions, whichever of the two keys says it.
  private func settleMTU(of host: inout Host, _ uplink: Written?) {
    guard let nat = host.networks.first(where: { $0.mode == .nat }), let mtu = nat.nat.mtu else { return }
    if let own = uplink.flatMap({ cable($0).bare(\.mtu) }), let other = host.uplink?.link.mtu, other != mtu {
      report(
        "the uplink has an MTU of \(other), and the NAT of \"\(nat.name)\" one of \(mtu): they are one link, and the smaller one "
          + "holds", at: own.mark, length: own.length, severity: .warning)
    }
    // Behind a bridge the uplink is the VMs' too.
    if !host.networks.contains(where: { $0.mode == .bridge }) {
      let least = min(mtu, host.uplink?.link.mtu ?? mtu)
      host.uplink?.link.mtu = least
    }
  }

  private func readNetworks(_ value: Written?, of host: Host, hasUplink: Bool) -> [Network] {
    let entries = (value?.entries ?? []).named.filter { names[$0.key]?.mark == $0.keyMark }
    var drafts: [NetworkDraft] = []
    for entry in entries { if let draft = draft(entry, of: host, hasUplink: hasUplink) { drafts.append(draft) } }
    chooseSubnets(&drafts, of: host)
    var subnets: [(what: String, subnet: IPv4Prefix, mark: Mark, name: String)] = []
    if let uplink = host.uplink, let index = segmentIndex[uplink.segment] {
      let segment = topology.segments[index]
      subnets.append(("segment \"\(segment.name)\"", segment.subnet, segment.mark, segment.name))
    } else if let uplink = host.uplink, let named = names[uplink.segment] {
      subnets.append(("network \"\(uplink.segment)\"", uplink.prefix, named.mark, uplink.segment))
    }
    for draft in drafts where draft.mode != .bridge {
      guard let subnet = draft.subnet else { continue }
      subnets.append(("network \"\(draft.name)\"", subnet, draft.mark, draft.name))
    }
    overlaps(subnets)
    let bridges = drafts.filter { $0.mode == .bridge }
    for bridge in bridges.dropFirst() {
      report(
        "host \"\(host.name)\" bridges its uplink in \"\(bridges[0].name)\" already", atKey: bridge.mark, bridge.name,
        hint: "one uplink, one bridge: put the VMs on \"\(bridges[0].name)\"")
    }
    let networks = drafts.compactMap { readNetwork($0, of: host) }
    // They share the host's one address, and so one gateway: whose settings would it be?
    let nats = networks.filter { $0.mode == .nat }
    if let first = nats.first, let other = nats.first(where: { !$0.nat.agrees(with: first.nat) }) {
      report(
        "the NAT of \"\(other.name)\" has other settings than that of \"\(first.name)\", and they share one gateway",
        atKey: other.mark, other.name, hint: "give both networks the same \"nat\", or put it under \"defaults\"")
    }
    if networks.count < entries.count { lost(at: host.mark) }
    return networks
  }
}
