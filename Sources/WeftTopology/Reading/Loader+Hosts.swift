import WeftCore
import WeftWire

extension Loader {
  func readHost(_ entry: YAMLValue.Entry) {
    guard !entry.key.hasPrefix("x-"), names[entry.key]?.mark == entry.keyMark else { return }
    let value = merged(entry, "host")
    var host = Host(name: entry.key, mark: entry.keyMark)
    if let uplink = value["uplink"], !uplink.isNull { host.uplink = readUplink(uplink, of: host.name) }
    if let forwarding = parse(value["ip-forwarding"], Parse.boolean) { host.ipForwarding = forwarding }
    hostIndex[host.name] = topology.hosts.count
    let hasUplink = !(value["uplink"]?.isNull ?? true)
    if !hasUplink { withoutUplink.insert(host.name) }
    if hasUplink, host.uplink == nil { lost(at: entry.keyMark) }
    host.networks = readNetworks(value["networks"], of: host, hasUplink: hasUplink)
    for (i, network) in host.networks.enumerated() { networkIndex[network.name] = (topology.hosts.count, i) }
    topology.hosts.append(host)
  }

  /// `campus 134.115.153.10`, or a map.
  private func readUplink(_ value: YAMLValue, of host: String) -> Uplink? {
    if let text = value.text {
      let parts = text.split(separator: " ").map(String.init)
      guard parts.count == 2, resolve(parts[0], [.segment], at: value), let address = try? Parse.address(parts[1])
      else {
        return nil
      }
      return makeUplink(segment: parts[0], address, at: value, value, of: host)
    }
    guard let segment = value["segment"], let name = segment.text, !name.isEmpty,
      resolve(name, [.segment], at: segment),
      let place = value["address"], let address = parse(place, Parse.address)
    else { return nil }
    return makeUplink(segment: name, address, at: place, value, of: host)
  }

  private func makeUplink(
    segment name: String, _ address: IPv4Address, at place: YAMLValue, _ value: YAMLValue, of host: String
  ) -> Uplink? {
    guard let index = segmentIndex[name] else { return nil }
    let segment = topology.segments[index]
    fits(address, segment.subnet, of: name, at: place)
    take(address, on: name, for: "host \"\(host)\"", at: place)
    var uplink = Uplink(segment: name, address: address, prefix: segment.subnet, mark: value.mark)
    if let gateway = value["gateway"], let hop = parse(gateway, Parse.address) {
      fits(hop, segment.subnet, of: name, at: gateway)
      if hop == address { report("a host is not its own gateway", at: gateway) }
      uplink.gateway = hop
    }
    if let mac = value["mac"], let hardware = parse(mac, Parse.mac) {
      take(hardware, for: "host \"\(host)\"", at: mac)
      uplink.mac = hardware
    }
    uplink.link = link(value, over: segment.link)
    return uplink
  }

  private func readNetworks(_ value: YAMLValue?, of host: Host, hasUplink: Bool) -> [Network] {
    let entries = (value?.entries ?? []).named.filter { names[$0.key]?.mark == $0.keyMark }
    var drafts: [NetworkDraft] = []
    for entry in entries { if let draft = draft(entry, of: host, hasUplink: hasUplink) { drafts.append(draft) } }
    chooseSubnets(&drafts, of: host)
    var subnets: [(what: String, subnet: IPv4Prefix, mark: Mark, name: String)] = []
    if let uplink = host.uplink, let index = segmentIndex[uplink.segment] {
      let segment = topology.segments[index]
      subnets.append(("segment \"\(segment.name)\"", segment.subnet, segment.mark, segment.name))
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
    let networks = drafts.compactMap { readNetwork($0) }
    // They share the host's one address, and so one gateway: whose settings would it be?
    let nats = networks.filter { $0.mode == .nat }
    if let first = nats.first, let other = nats.first(where: { $0.nat != first.nat }) {
      report(
        "the NAT of \"\(other.name)\" has other settings than that of \"\(first.name)\", and they share one gateway",
        atKey: other.mark, other.name, hint: "give both networks the same \"nat\", or put it under \"defaults\"")
    }
    if networks.count < entries.count { lost(at: host.mark) }
    return networks
  }
}
