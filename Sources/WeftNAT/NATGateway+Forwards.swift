import WeftCore
import WeftSettings
import WeftWire

// Static mappings: the host's services and port forwards.

extension NATGateway {
  mutating func insertService(_ service: ServicePort) {
    let address = configuration.outside.address
    guard configuration.hasHostPort else { return }
    for number in service.transport.numbers where mappings.find(number, external: address, service.port) < 0 {
      _ = mappings.insert(
        Mapping(
          insideAddress: address, externalAddress: address, remoteAddress: .any, holders: 0, insidePort: service.port,
          externalPort: service.port, remotePort: 0, port: 1, kind: number, owner: .service))
    }
  }

  /// Every external endpoint of a forward: a static mapping each, so that a lookup finds a range's as it finds one.
  private func endpoints(of forward: PortForward, _ body: (UInt8, IPv4Address, Int) -> Void) {
    for kind in forward.transport.numbers {
      for address in forward.externalAddress.map({ [$0] }) ?? mappings.addresses {
        for offset in 0..<Int(forward.count) { body(kind, address, offset) }
      }
    }
  }

  /// Precondition: the target is inside and the external ports free.
  mutating func insertForward(_ forward: PortForward) {
    guard let port = insidePort(of: forward.address) else { preconditionFailure("a forward's target must be inside") }
    var made: [Mapping] = []
    endpoints(of: forward) { kind, address, offset in
      made.append(
        Mapping(
          insideAddress: forward.address, externalAddress: address, remoteAddress: .any, holders: 0,
          insidePort: forward.port + UInt16(offset), externalPort: forward.externalPort + UInt16(offset),
          remotePort: 0, port: UInt16(port), kind: kind, owner: .forward))
    }
    for mapping in made { _ = mappings.insert(mapping) }
  }

  public var forwards: [PortForward] { configuration.forwards }

  /// From now on; a port that something else has is refused, naming both.
  public mutating func addForward(_ forward: PortForward) throws(PortForwardError) {
    var changed = configuration
    changed.forwards.append(forward)
    if let problem = changed.problem { throw problem }
    mappings.releaseHeld(now: moment)
    var rival: Mapping?
    endpoints(of: forward) { kind, address, offset in
      let held = mappings.find(kind, external: address, forward.externalPort + UInt16(offset))
      if held >= 0, rival == nil { rival = mappings.entries[held] }
    }
    if let rival { throw .conflict(forward, with: .flow(rival.insideAddress, port: rival.insidePort)) }
    // A forward is settled by hand: hold-down is not for it (RFC 6888, REQ-8b).
    var held: [(UInt8, IPv4Address, UInt16)] = []
    endpoints(of: forward) { held.append(($0, $1, forward.externalPort + UInt16($2))) }
    for (kind, address, port) in held { mappings.held.remove(kind, address, port) }
    configuration = changed
    insertForward(forward)
  }

  /// The port is free for others at once. Its connections end with it, or go on as they began until they are over: by
  /// default as the behaviour has it.
  public mutating func removeForward(
    _ forward: PortForward, keepingConnections keeps: Bool? = nil
  ) throws(PortForwardError) {
    guard let index = configuration.forwards.firstIndex(of: forward) else { throw .unknown(forward) }
    configuration.forwards.remove(at: index)
    var numbers: Set<UInt32> = []
    endpoints(of: forward) { kind, address, offset in
      let number = mappings.find(kind, external: address, forward.externalPort + UInt16(offset))
      if number >= 0, mappings.entries[number].owner == .forward { numbers.insert(UInt32(number)) }
    }
    for session in sessions.inOrder {
      let entry = sessions.entries[session]
      let isThrough =
        numbers.contains(sessions.links[session].mapping)
        || forward.covers(entry.kind, entry.originalDestination, entry.originalDestinationPort)
          && isExternal(entry.originalDestination) && entry.originalPort != 1
      guard isThrough else { continue }
      if keeps ?? configuration.settings.keepsFlows {
        // Its tuples are all it needs; the mapping goes.
        if numbers.contains(sessions.links[session].mapping) { detach(session) }
      } else {
        remove(session)
      }
    }
    for number in numbers.sorted() { mappings.remove(Int(number)) }
  }

  /// Lets a session go on without its mapping.
  private mutating func detach(_ session: Int) {
    if sessions.entries[session].flags.contains(.contact) {
      countContact(sessions.entries[session], up: false)
      sessions.entries[session].flags.remove(.contact)
    }
    _ = mappings.release(Int(sessions.links[session].mapping))
    sessions.links[session].mapping = SessionTable.none
    sessions.entries[session].flags.remove(.holdsMapping)
  }

  public mutating func setIPForwarding(_ on: Bool) { configuration.ipForwarding = on }
}
