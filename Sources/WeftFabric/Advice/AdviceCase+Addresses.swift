import WeftCore
import WeftTopology
import WeftWire

// Addresses that lead nowhere, and why.
extension Advisor.Case {
  /// Asked was no machine's address at all.
  var special: Advice? {
    guard let address = destination.address else { return nil }
    let line = advisor.line(ofMachine: from)
    func advice(_ text: String) -> Advice { Advice(line: line, text: text) }
    if address.isMulticast || address.isBroadcast || isDirectedBroadcast(address) {
      let who = address.isMulticast ? "\(address) is a group" : "\(address) is everybody on the link"
      guard port?.type != .tcp else {
        return advice("\(who): a TCP connection has two ends and can't be with many; ask one machine, or by UDP")
      }
      return advice(
        "\(who): whoever on the link of \(from) hears it may answer, and nobody did; it goes through no NAT and no router")
    }
    if address.rawValue >> 24 == 0 { return advice("\(address) is nobody's address: nothing can be sent to it") }
    if address.rawValue >> 28 == 15 { return advice("\(address) is reserved (240.0.0.0/4, RFC 1112): no machine has it") }
    return nil
  }

  private func isDirectedBroadcast(_ address: IPv4Address) -> Bool {
    advisor.places(of: from).contains { advisor.subnet(of: $0).map { $0.length < 31 && $0.broadcast == address } ?? false }
  }

  /// Asked was an address of a network that is closed to the asker.
  var privateAddress: Advice? {
    guard let (owner, host, network) = privatePlace, let address = destination.address else { return nil }
    let line = network.mark.line
    if owner == nil, network.mode == .nat, let (type, number) = port, let advice = insideAddress(of: host, type, number) {
      return advice
    }
    let who = owner ?? "\(address)"
    let isNobody = owner == nil && network.gateway != address && network.dhcp?.server != address
    let nobody = isNobody ? ", and no machine of this lab has that address" : ""
    switch network.mode {
    case .bridge: return nil
    case .nat where owner == nil:
      return Advice(
        line: line,
        text: "\(address) is an address behind \(host.name)'s NAT (\(network.name)\(comma(line))), private there\(nobody)")
    case .nat:
      let inside = host.networks.contains { $0.mode == .nat && advisor.standing(of: from).contains($0.name) }
      let why =
        inside
        ? "and two NAT networks of one host don't reach each other"
        : "and no gateway leads to it from outside"
      return Advice(
        line: line,
        text: "\(who) is behind \(host.name)'s NAT (\(network.name)\(comma(line))): its address \(address) is private "
          + "there, \(why); \(wayIn(to: who, host, network))")
    case .hostOnly:
      return Advice(
        line: line,
        text: "\(who) is on the host-only network \(network.name) of \(host.name)\(place(line)): only \(host.name) and its "
          + "VMs there reach it\(nobody)")
    case .isolated:
      return Advice(
        line: line,
        text: "\(who) is on the isolated network \(network.name) of \(host.name)\(place(line)): only VMs there reach it\(nobody)")
    }
  }

  /// Where an address is, if that is out of the asker's reach.
  private var privatePlace: (owner: String?, host: WeftTopology.Host, network: Network)? {
    let (name, address) = destination
    guard let address else { return nil }
    let reach = advisor.reach(of: from)
    // Private subnets may be the same in many places: by an address, what is near is meant.
    if !isNamed, reach.contains(where: { advisor.network($0)?.network.subnet.contains(address) ?? false }) { return nil }
    if let name {
      for place in advisor.standing(of: name) {
        guard let (host, network) = advisor.network(place), network.mode != .bridge, network.subnet.contains(address),
          host.name != name
        else { continue }
        return reach.contains(network.name) ? nil : (name, host, network)
      }
      // A name's place is known: what else has the same subnet is nothing to it.
      return nil
    }
    for host in topology.hosts {
      for network in host.networks where network.mode != .bridge && network.subnet.contains(address) {
        return (nil, host, network)
      }
    }
    return nil
  }

  /// No route: at the machine that asked, at one that answers, or at a gateway between.
  func noRoute(_ target: IPv4Address, _ node: String, isAnswer: Bool) -> Advice? {
    if !isAnswer, let advice = special ?? privateAddress { return advice }
    let line = advisor.line(ofMachine: node) ?? advisor.gateway(node)?.host.mark.line
    let who =
      isAnswer
      ? "\(node)\(place(line)) was asked, but has no route back to \(target)" : "\(node)\(place(line)) has no route to \(target)"
    // What is closed is closed to all that is beyond it.
    if let network = advisor.vm(node)?.nics.first.flatMap({ advisor.network($0.network) }),
      [.hostOnly, .isolated].contains(network.network.mode)
    {
      let mode = network.network.mode == .hostOnly ? "host-only" : "isolated"
      return Advice(
        line: network.network.mark.line,
        text: "\(who): its network \(network.network.name)\(place(network.network.mark.line)) is \(mode), and nothing leads "
          + "out of it; a NIC on a nat or bridge network would")
    }
    let host =
      advisor.host(node) ?? advisor.gateway(node)?.host
      ?? advisor.vm(node)?.nics.first.flatMap { advisor.network($0.network)?.host }
    let owner = advisor.owner(of: target)
    guard let uplink = host?.uplink, let host else { return Advice(line: line, text: "\(who): it has no uplink") }
    let there = owner.flatMap { advisor.standing(of: $0).last }.map { advisor.network($0)?.host.uplink?.segment ?? $0 }
    if let owner, let there, there != uplink.segment {
      return Advice(
        line: line, text: "\(who): \(owner) is on \(there), \(host.name) on \(uplink.segment), and nothing routes between them")
    }
    if owner == nil {
      return Advice(line: line, text: "\(who): no machine of this lab has that address, and \(host.name) has no `gateway`")
    }
    return Advice(line: line, text: "\(who): \(host.name)'s uplink has no `gateway`")
  }
}
