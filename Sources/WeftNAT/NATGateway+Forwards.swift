import WeftCore
import WeftWire

// Static mappings: the host's services and port forwards.

extension NATGateway {
  mutating func insertService(_ service: ServicePort) {
    let address = configuration.outside.address
    let number = service.transport.number
    guard configuration.hasHostPort, mappings.find(number, external: address, service.port) < 0 else { return }
    _ = mappings.insert(
      Mapping(
        insideAddress: address, externalAddress: address, remoteAddress: .any, holders: 0, insidePort: service.port,
        externalPort: service.port, remotePort: 0, port: 1, kind: number, owner: .service))
  }

  /// Precondition: the target is inside and the external port free.
  mutating func insertForward(_ forward: PortForward) {
    guard let port = insidePort(of: forward.address) else { preconditionFailure("a forward's target must be inside") }
    _ = mappings.insert(
      Mapping(
        insideAddress: forward.address, externalAddress: configuration.outside.address, remoteAddress: .any, holders: 0,
        insidePort: forward.port, externalPort: forward.externalPort, remotePort: 0, port: UInt16(port),
        kind: forward.transport.number, owner: .forward))
  }

  public var forwards: [PortForward] { configuration.forwards }

  /// From now on; a port that something else has is refused, naming both.
  public mutating func addForward(_ forward: PortForward) throws(PortForwardError) {
    var changed = configuration
    changed.forwards.append(forward)
    if let problem = changed.problem { throw problem }
    let held = mappings.find(forward.transport.number, external: configuration.outside.address, forward.externalPort)
    if held >= 0 {
      let entry = mappings.entries[held]
      throw .conflict(forward, with: .flow(entry.insideAddress, port: entry.insidePort))
    }
    configuration = changed
    insertForward(forward)
  }

  /// Its connections end with it: the port is free for others at once.
  public mutating func removeForward(_ forward: PortForward) throws(PortForwardError) {
    guard let index = configuration.forwards.firstIndex(of: forward) else { throw .unknown(forward) }
    configuration.forwards.remove(at: index)
    let number = mappings.find(forward.transport.number, external: configuration.outside.address, forward.externalPort)
    guard number >= 0, mappings.entries[number].owner == .forward else { return }
    let address = configuration.outside.address
    for session in sessions.inOrder {
      let entry = sessions.entries[session]
      let isThrough =
        entry.kind == forward.transport.number
        && (sessions.links[session].mapping == UInt32(number)
          || entry.originalDestination == address && entry.originalDestinationPort == forward.externalPort)
      if isThrough { remove(session) }
    }
    mappings.remove(number)
  }

  public mutating func setIPForwarding(_ on: Bool) { configuration.ipForwarding = on }
}
