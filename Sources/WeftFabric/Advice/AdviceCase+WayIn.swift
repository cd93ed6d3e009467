import WeftCore
import WeftSettings
import WeftTopology
import WeftWire

// How to come in: through a NAT's forwards, and those of the NATs before it.
extension Advisor.Case {
  private typealias Door = (host: WeftTopology.Host, network: Network)

  /// How to reach a machine behind a NAT from outside.
  func wayIn(to owner: String, _ host: WeftTopology.Host, _ network: Network) -> String {
    let doors = doors(host, network)
    for (inner, outer) in zip(doors, doors.dropFirst()) where outer.network.mode != .nat {
      return "and \(inner.host.name) itself is on \(outer.network.name) of \(outer.host.name)"
        + "\(place(outer.network.mark.line)), which nothing outside reaches"
    }
    guard let (type, number) = port else {
      return "a ping gets no further than \((doors.last?.host ?? host).name): forwards are for TCP and UDP ports"
    }
    let tail = type == .udp ? "/udp" : ""
    if let steps = steps(doors[...], to: owner, destination.address, type, number), let (first, outer) = steps.last {
      guard steps.count > 1 else {
        return
          "ask for \(host.name)'s forward, \(first.hostAddress?.description ?? host.name):\(outer)\(tail)\(place(first.mark.line))"
      }
      let ends = zip(doors, steps).map { "\($0.host.name):\($1.outer)\(tail)" }
      let ask = first.hostAddress.map { "\($0):\(outer)\(tail)" } ?? ends[ends.count - 1]
      let path = ends.dropLast().reversed() + ["\(owner):\(number)\(tail)"]
      return "ask for \(ask)\(place(first.mark.line)), which leads to " + path.joined(separator: " and on to ")
    }
    return doors.count > 1 ? missing(doors, to: owner, type, number) : missing(host, network, to: owner, type, number)
  }

  /// The NATs between the asker and a network, the innermost first.
  private func doors(_ host: WeftTopology.Host, _ network: Network) -> [Door] {
    let reach = advisor.reach(of: from)
    var doors: [Door] = [(host, network)]
    while let beyond = doors.last?.host.uplink.flatMap({ advisor.network($0.segment) }), !reach.contains(beyond.network.name),
      !doors.contains(where: { $0.network.name == beyond.network.name })
    {
      doors.append(beyond)
    }
    return doors
  }

  /// The forwards that lead through all doors, and from which port of each host, in their order.
  private func steps(
    _ doors: ArraySlice<Door>, to machine: String, _ address: IPv4Address?, _ type: TransportProtocol, _ number: UInt16
  ) -> [(forward: Forward, outer: UInt16)]? {
    guard let door = doors.first else { return [] }
    for forward in advisor.forwards(of: door.network, at: now) {
      guard let outer = forward.hostPort(of: machine, address, type, number),
        let more = steps(doors.dropFirst(), to: door.host.name, advisor.names.addresses[door.host.name], type, outer)
      else { continue }
      return [(forward, outer)] + more
    }
    return nil
  }

  private func missing(
    _ host: WeftTopology.Host, _ network: Network, to owner: String, _ type: TransportProtocol, _ number: UInt16
  ) -> String {
    let later = advisor.next(after: now) { action in
      guard case .addForward(network.name, let forwards) = action else { return false }
      return forwards.contains { $0.hostPort(of: owner, destination.address, type, number) != nil }
    }
    if let later {
      return "\(host.name)'s forward to it comes at \(Instant.start + later.at)\(place(later.mark.line))"
    }
    let free = freePort(host, type, number)
    return "ask for a forward of \(host.name): there is none to \(type.upper) port \(number) of \(owner) yet; "
      + "`forwards: [\"\(free):\(owner):\(number)/\(type.rawValue)\"]` in \(network.name) would be one"
  }

  /// What lacks of a way through several NATs.
  private func missing(_ doors: [Door], to owner: String, _ type: TransportProtocol, _ number: UInt16) -> String {
    var (machine, address, inner) = (owner, destination.address, number)
    var lacking: [(host: String, text: String)] = []
    for door in doors {
      let outer = advisor.forwards(of: door.network, at: now).lazy.compactMap { $0.hostPort(of: machine, address, type, inner) }
        .first
      let chosen = outer ?? freePort(door.host, type, inner)
      if outer == nil {
        let forward = "`forwards: [\"\(chosen):\(machine):\(inner)/\(type.rawValue)\"]` in \(door.network.name)"
        lacking.append((door.host.name, forward))
      }
      (machine, address, inner) = (door.host.name, advisor.names.addresses[door.host.name], chosen)
    }
    let through = doors.reversed().map(\.host.name).joined(separator: " and ")
    let whose = lacking.map { "one of \($0.host)" }.joined(separator: " and ")
    return "the way in is through forwards of \(through), and \(whose) \(lacking.count == 1 ? "is" : "are") missing: "
      + lacking.map(\.text).joined(separator: " and ")
      + " would lead in from \(machine):\(inner)\(type == .udp ? "/udp" : "")"
  }

  /// A port of a host that nothing has, the wanted one if it can be.
  func freePort(_ host: WeftTopology.Host, _ type: TransportProtocol, _ wanted: UInt16) -> UInt16 {
    let forwards = host.networks.flatMap { advisor.forwards(of: $0, at: now) }
    func isFree(_ port: UInt16) -> Bool {
      !forwards.contains { $0.covers(type, port) }
        && !host.programs.contains { $0.listens.contains { $0.0 == type && $0.1 == port } }
    }
    let others = stride(from: 8000 + UInt32(wanted) % 1000, to: 65_536, by: 1).lazy.map { UInt16($0) }
    return isFree(wanted) ? wanted : others.first(where: isFree) ?? wanted
  }

  // MARK: The two sides of a NAT

  func isOutside(_ address: IPv4Address, of host: WeftTopology.Host, _ network: Network) -> Bool {
    advisor.names.addresses[host.name] == address || network.nat.addresses.contains(address)
  }

  /// Asked was a NAT's own address on its inner side, where no forward is.
  func insideAddress(of host: WeftTopology.Host, _ type: TransportProtocol, _ number: UInt16) -> Advice? {
    let nats = host.networks.filter { $0.mode == .nat }
    guard let address = destination.address, let network = nats.first(where: { $0.gateway == address }) else { return nil }
    let what = "\(address) is \(host.name)'s inside address"
    let tail = type == .udp ? "/udp" : ""
    for owner in nats {
      guard let forward = advisor.forwards(of: owner, at: now).first(where: { $0.covers(type, number) }) else { continue }
      let outside = (forward.hostAddress ?? advisor.names.addresses[host.name]).map { "\($0)" } ?? host.name
      let door = "\(outside):\(number)\(tail)\(place(forward.mark.line))"
      let target = "\(forward.vm):\(forward.vmPort &+ (number &- forward.hostPort))\(tail)"
      let text =
        leadsIn(owner, of: host)
        ? "\(what); forwards are for its outside one: ask \(door)"
        : "\(what); forwards are for its outside one, \(door), which leads to \(target): ask that"
      return Advice(line: forward.mark.line, text: text)
    }
    return Advice(
      line: network.mark.line,
      text: "\(what) (\(network.name)\(comma(network.mark.line))), where nothing listens on \(type.upper) port \(number); "
        + "forwards are for its outside one, and there is none of that port")
  }

  /// Whether a forward into a network serves the asker, too, when it asks for the host's outside address.
  private func leadsIn(_ network: Network, of host: WeftTopology.Host) -> Bool {
    if from == host.name { return network.nat.localForwards }
    let reach = advisor.reach(of: from)
    guard host.networks.contains(where: { $0.mode == .nat && reach.contains($0.name) }) else { return true }
    return switch network.nat.hairpin {
    case .off: false
    case .externalSource: true
    // An answer within the network goes past the NAT.
    case .internalSource: !reach.contains(network.name)
    }
  }
}
