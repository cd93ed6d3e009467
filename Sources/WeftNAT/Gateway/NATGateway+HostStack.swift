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

  /// What conntrack calls invalid isn't translated: where it came from outside, and where the host's own stack sent it, it goes
  /// on as it is; from outside to that stack, which answers a segment that it doesn't know with a RST, in the name of a
  /// machine behind a forward too. The gateway answers in its place where none is there.
  func stray(_ packet: Packet, _ bytes: RawSpan, _ refusal: Refusal, from port: GatewayPort, to: GatewayPort) -> Decision {
    if passesUntracked(packet, from: port, to: to) { return .untracked(to, refusal) }
    guard isStray(packet, on: port) else { return .refuse(refusal) }
    if configuration.hasHostPort { return .untracked(.host, refusal) }
    var refusal = refusal
    refusal.tell = unsolicited(packet, bytes, refusal.reason, on: port).tell
    return .refuse(refusal)
  }

  /// Whether what fits no flow is the host's all the same.
  func isStray(_ packet: Packet, on port: GatewayPort) -> Bool {
    port == .outside && configuration.settings.keepsFlows && isHosts(packet.destination) && packet.source.isUsableSource
      && !isExternal(packet.source) && insidePort(of: packet.source) == nil
  }

  /// Of a segment with flags that TCP doesn't make.
  func decideBadFlags(_ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, _ trace: inout some DecisionTrace) -> Decision {
    var refusal = Refusal(reason: packet.reason, detail: .none)
    let way = untrackedWay(packet, on: port)
    guard isStray(packet, on: port) || way != nil && isHosts(packet.source) else { return .refuse(refusal) }
    let to = way?.to ?? .host
    let verdict = judge(packet.tuple(on: port), to: to, .invalid, &trace)
    if let filtered = filterRefusal(verdict, packet, bytes) { return .refuse(filtered) }
    refusal.rule = verdict.rule
    refusal.isInvalid = true
    return stray(packet, bytes, refusal, from: port, to: to)
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
