import WeftCore
import WeftSettings
import WeftWire

// Static mappings: the host's services and port forwards.

extension NATGateway {
  /// One more port that the host itself serves, from now on.
  public mutating func addService(_ service: ServicePort) {
    guard !configuration.services.contains(service) else { return }
    configuration.services.append(service)
    insertService(service)
  }

  mutating func insertService(_ service: ServicePort) {
    let address = configuration.outside.address
    guard configuration.hasHostPort else { return }
    for kind in service.transport.kinds where mappings.find(kind, external: address, service.port) == nil {
      mappings.insert(
        Mapping(
          insideAddress: address, externalAddress: address, remoteAddress: .any, insidePort: service.port,
          externalPort: service.port, remotePort: 0, port: .host, kind: kind, owner: .service))
    }
  }

  /// Every external endpoint of a forward: a static mapping each, so that a lookup finds a range's as it finds one.
  private func endpoints(of forward: PortForward, _ body: (FlowKind, IPv4Address, Int) -> Void) {
    for kind in forward.transport.kinds {
      for address in forward.externalAddress.map({ [$0] }) ?? mappings.ports.addresses {
        for offset in 0..<Int(forward.count) { body(kind, address, offset) }
      }
    }
  }

  /// Precondition: the target is inside and the external ports free, but for services that stand back.
  mutating func insertForward(_ forward: PortForward) {
    guard let port = insidePort(of: forward.address) else { preconditionFailure("a forward's target must be inside") }
    var made: [Mapping] = []
    endpoints(of: forward) { kind, address, offset in
      made.append(
        Mapping(
          insideAddress: forward.address, externalAddress: address, remoteAddress: .any,
          insidePort: forward.port + UInt16(offset), externalPort: forward.externalPort + UInt16(offset),
          remotePort: 0, port: port, kind: kind, owner: .forward))
    }
    for mapping in made {
      if let service = mappings.find(mapping.kind, external: mapping.externalAddress, mapping.externalPort) {
        mappings.remove(service)
      }
      mappings.insert(mapping)
    }
  }

  public var forwards: [PortForward] { configuration.forwards }

  /// For flows that begin from now on; a port that something else has is refused, naming both. Where rules are looked up for
  /// first packets alone it goes before a service of the host on that port, which is the host's again with its removal.
  public mutating func addForward(_ forward: PortForward) throws(PortForwardError) {
    var changed = configuration
    changed.forwards.append(forward)
    if let problem = changed.problem { throw problem }
    mappings.ports.releaseHeld(now: conntrack.now)
    var rival: Mapping?
    endpoints(of: forward) { kind, address, offset in
      guard rival == nil, let taken = mappings.find(kind, external: address, forward.externalPort + UInt16(offset)) else {
        return
      }
      if mappings[taken].owner == .service, configuration.settings.keepsFlows { return }
      rival = mappings[taken]
    }
    if let rival { throw .conflict(forward, with: .flow(rival.insideAddress, port: rival.insidePort)) }
    // A forward is settled by hand: hold-down is not for it (RFC 6888, REQ-8b).
    var held: [(FlowKind, IPv4Address, UInt16)] = []
    endpoints(of: forward) { held.append(($0, $1, forward.externalPort + UInt16($2))) }
    for (kind, address, port) in held { mappings.ports.held.remove(kind, address, port) }
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
    var gone: [MappingID] = []
    endpoints(of: forward) { kind, address, offset in
      if let mapping = mappings.find(kind, external: address, forward.externalPort + UInt16(offset)),
        mappings[mapping].owner == .forward
      {
        gone.append(mapping)
      }
    }
    gone.sort { $0.index < $1.index }
    let isGone = Set(gone)
    for id in conntrack.inOrder {
      let session = conntrack[id]
      let retains = conntrack.mapping(id).map(isGone.contains) ?? false
      let isThrough =
        retains
        || forward.covers(session.kind, session.originalDestination, session.originalDestinationPort)
          && isExternal(session.originalDestination) && session.originalPort != .host
      guard isThrough else { continue }
      if !(keeps ?? configuration.settings.keepsFlows) {
        end(id)
      } else if retains {
        // Its tuples are all it needs; the mapping goes.
        detach(id)
      }
    }
    for mapping in gone { mappings.remove(mapping) }
    for service in configuration.services { insertService(service) }
  }

  /// Lets a session go on without its mapping.
  private mutating func detach(_ id: SessionID) {
    guard let mapping = conntrack.mapping(id) else { return }
    if conntrack[id].flags.contains(.pinhole) {
      mappings.countPinholes(of: conntrack[id], opens: false)
      conntrack[id].flags.remove(.pinhole)
    }
    _ = mappings.release(mapping)
    conntrack.setMapping(id, nil)
    conntrack[id].flags.remove(.retainsMapping)
  }

  public mutating func setIPForwarding(_ on: Bool) { configuration.ipForwarding = on }
}
