import WeftCore
import WeftSettings
import WeftWire

/// One look the gateway would take, and what it would find; the last one is a verdict.
public enum ExplainStep: Hashable, Sendable, Codable {
  /// The connection that the packet belongs to.
  case connection(ConnectionEntry, isReply: Bool)
  case noConnection
  case filterRule(Int, FilterRule)
  /// None of so many rules matches: allowed.
  case noFilterRule(of: Int)
  case forward(PortForward)
  case service(ServicePort)
  /// A flow from inside has the external endpoint.
  case mapping(external: IPv4Address, port: UInt16, inside: IPv4Address, insidePort: UInt16)
  /// One-to-one: the inside host that has the whole address.
  case binding(external: IPv4Address, inside: IPv4Address)
  /// Nothing has the external endpoint.
  case noTarget(IPv4Address, port: UInt16)
  case mappingFilter(NATSettings.Dependence, admits: Bool)
  case ipForwarding(Bool)
  case hairpin(NATSettings.Hairpin)
  /// It would get a new external endpoint.
  case newMapping(NATSettings.Dependence, NATSettings.Ports, external: IPv4Address, port: UInt16)
  /// A fragment: it follows its datagram's first, or waits for it.
  case fragment(follows: Bool)
  case nextHop(IPv4Address, port: PortIndex)
  case verdict(ExplainVerdict)
}

public enum ExplainVerdict: Hashable, Sendable, Codable {
  /// Leaves on the port with these ends.
  case sent(PortIndex, source: IPv4Address, sourcePort: UInt16, destination: IPv4Address, destinationPort: UInt16)
  case dropped(DropReason)
  /// The gateway answers it itself.
  case answered
  /// A fragment that came before its datagram's first.
  case waits
}

extension NATGateway {
  /// What would become of a frame that came in on a port now: the very decision that a real one meets, with all that was
  /// looked at for it. The gateway is as it was. Empty for what is no IPv4 packet: ARP decides nothing here.
  public func explain(_ bytes: RawSpan, on port: PortIndex, now: Instant) -> [ExplainStep] {
    guard let port = self.port(port) else { return [.verdict(.dropped(.noLink))] }
    var trace = ExplainTrace()
    var packet = Packet()
    switch Packet.read(bytes, mac: links.neighbours[port.index].mac, &packet) {
    case .arp: break
    case .flow: explainFlow(packet, bytes, on: port, now: now, &trace)
    case .otherProtocol where tracks(packet): explainFlow(packet, bytes, on: port, now: now, &trace)
    case .otherICMP:
      if let way = untrackedWay(packet, on: port) {
        explain(way, packet, bytes, &trace)
      } else {
        trace.drop(.protocolUnsupported)
      }
    case .otherProtocol: trace.drop(.protocolUnsupported)
    case .bad where packet.reason == .badTCPFlags && configuration.settings.keepsFlows:
      explain(decideBadFlags(packet, bytes, on: port, &trace), packet, bytes, on: port, now: now, &trace)
    case .bad: trace.drop(packet.reason)
    case .group: explainGroup(packet, bytes, on: port, &trace)
    case .icmpError: explainError(packet, bytes, on: port, now: now, &trace)
    case .fragment: explainFragment(packet, bytes, on: port, now: now, &trace)
    }
    return trace.steps
  }

  private func explainFlow(
    _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, now: Instant, _ trace: inout ExplainTrace
  ) {
    var windows = TCPWindow()
    let before = trace.steps.count
    let decision = decide(packet, bytes, on: port, now: now, &windows, &trace)
    guard case .overdue(let session) = decision else {
      return explain(decision, packet, bytes, on: port, now: now, &trace)
    }
    // What is over goes first, as for a real packet: here from a copy.
    trace.steps.removeLast(trace.steps.count - before)
    var cleared = self
    cleared.clear(session.id, now: now)
    cleared.explainFlow(packet, bytes, on: port, now: now, &trace)
  }

  private func explain(
    _ decision: Decision, _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, now: Instant, _ trace: inout ExplainTrace
  ) {
    switch decision {
    case .overdue: break
    case .pass(let passage):
      explain(Translation(conntrack[passage.session], passage.direction), packet, bytes, &trace)
    case .open(let opening):
      let session = Session(
        original: packet.tuple(on: port), reply: opening.reply, deadline: now, state: .none, flags: opening.flags)
      explain(Translation(session, .original), packet, bytes, &trace)
    case .untracked(let to, _): explain(Translation(packet, to: to), packet, bytes, &trace)
    case .openAndRefuse(_, let refusal), .passAndRefuse(_, let refusal), .refuse(let refusal):
      trace.drop(refusal.reason)
    case .echo: trace.look(.verdict(.answered))
    }
  }

  private func explain(_ way: Translation, _ packet: Packet, _ bytes: RawSpan, _ trace: inout ExplainTrace) {
    guard let next = nextHop(way.destination, on: way.to) else { return trace.drop(.noRoute) }
    trace.look(.nextHop(next, port: way.to.portIndex))
    if case .not = fit(packet, bytes, to: way.to, next) { return trace.drop(.fragmentationNeeded) }
    trace.send(way.to, way.source, way.sourcePort, way.destination, way.destinationPort)
  }

  private func explainGroup(_ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, _ trace: inout ExplainTrace) {
    switch decideGroup(packet, bytes, on: port, &trace) {
    case .refuse(let refusal): trace.drop(refusal.reason)
    case .send(let to, _):
      // It is a datagram: nothing else is sent on.
      trace.send(
        to, packet.source, bytes.u16(packet.transport), packet.destination, bytes.u16(packet.transport + 2))
    }
  }

  private func explainError(
    _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, now: Instant, _ trace: inout ExplainTrace
  ) {
    switch decideError(packet, bytes, on: port, now: now, &trace) {
    case .refuse(let refusal): trace.drop(refusal.reason)
    case .untracked(let way, _): explain(way, packet, bytes, &trace)
    case .pass(let passage):
      let other = passage.other
      if let next = nextHop(other.source, on: other.port) { trace.look(.nextHop(next, port: other.port.portIndex)) }
      trace.send(other.port, passage.source, 0, other.source, 0)
    }
  }

  private func explainFragment(
    _ packet: Packet, _ bytes: RawSpan, on port: GatewayPort, now: Instant, _ trace: inout ExplainTrace
  ) {
    switch decideFragment(packet, bytes, on: port) {
    case .bad(let reason, _), .refuse(_, let reason), .refuseAll(_, let reason): trace.drop(reason)
    case .first(_, let first, let isFlow):
      if isFlow { explainFlow(first, bytes, on: port, now: now, &trace) } else { trace.drop(first.reason) }
    case .follow(_, let way):
      trace.look(.fragment(follows: true))
      if let objection = objection(packet, bytes, way) { return trace.drop(objection.reason) }
      if let next = nextHop(way.destination, on: way.to) { trace.look(.nextHop(next, port: way.to.portIndex)) }
      trace.send(way.to, way.source, 0, way.destination, 0)
    case .wait:
      trace.look(.fragment(follows: false))
      trace.look(.verdict(.waits))
    case .giveUp: trace.drop(.fragmentLimit)
    }
  }
}

extension ExplainTrace {
  fileprivate mutating func drop(_ reason: DropReason) { steps.append(.verdict(.dropped(reason))) }

  fileprivate mutating func send(
    _ port: GatewayPort, _ source: IPv4Address, _ sourcePort: UInt16, _ destination: IPv4Address,
    _ destinationPort: UInt16
  ) {
    steps.append(
      .verdict(
        .sent(
          port.portIndex, source: source, sourcePort: sourcePort, destination: destination,
          destinationPort: destinationPort)))
  }
}
