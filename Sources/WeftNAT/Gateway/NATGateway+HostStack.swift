import WeftCore
import WeftSettings
import WeftWire

// What is the host's own. Only looks.

extension NATGateway {
  /// With profile linux: a packet to an address of the host that its stack takes in, whoever sent it and whatever it will say
  /// to it: pings, protocols without ports, and ports that it has sent from. For ports that nobody is known to listen at the
  /// gateway answers in its name, and so can say what was missing.
  func isHostsOwn(_ packet: Packet) -> Bool {
    guard configuration.settings.keepsFlows, configuration.hasHostPort, isHosts(packet.destination) else { return false }
    if packet.kind == .tcp || packet.kind == .udp { return mappings.hostPorts.contains(packet.kind, packet.destinationPort) }
    return packet.kind != .echoReply
  }

  /// Whether the host serves a port.
  func isServed(_ kind: FlowKind, _ port: UInt16) -> Bool {
    guard let mapping = mappings.find(kind, external: configuration.outside.address, port) else {
      return false
    }
    return mappings[mapping].owner == .service
  }

  /// Whether what fits no connection passes, untracked, because it is the host's own. Untranslated too: from an inside address
  /// it stays inside.
  func passesUntracked(_ packet: Packet, from port: GatewayPort, to: GatewayPort) -> Bool {
    port == .host && configuration.settings.keepsFlows && (to != .outside || isExternal(packet.source))
  }

  /// Where a message of the host's own goes that makes no flow; nil of everybody else.
  func untrackedWay(_ packet: Packet, on port: GatewayPort) -> Translation? {
    let to = insidePort(of: packet.destination) ?? .outside
    guard passesUntracked(packet, from: port, to: to), !isExternal(packet.destination), !isInsideAddress(packet.destination)
    else { return nil }
    return Translation(packet, to: to)
  }

  /// Why nobody serves a packet that such a flow was begun with.
  func unservedReason(_ packet: Packet, on port: GatewayPort) -> DropReason {
    if isInsideAddress(packet.destination) { return .portClosed }
    let isTurnedAway = port.isInside && binding(packet.kind, packet.destination, packet.destinationPort) != nil
    return isTurnedAway ? .hairpinDisabled : .noPortForward
  }
}
