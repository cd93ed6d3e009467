import WeftCore
import WeftTopology
import WeftWire

// What was dropped, and by which line of the file.
extension Advisor.Case {
  func drop(_ reason: DropReason, _ detail: DropDetail, _ node: String, _ port: String, _ isAnswer: Bool) -> Advice? {
    let gateway = advisor.gateway(node)
    let network = gateway?.networks.first ?? advisor.network(node)?.network
    let line = advisor.line(ofMachine: node) ?? network?.mark.line
    // What comes back to the asker itself says nothing of a port that should be open there.
    let isOwn = node == from && self.port?.number != detail.port && detail.kind == .transport
    switch reason {
    case .noPortForward, .noMapping:
      if isAnswer {
        return Advice(
          line: line,
          text: "the request arrived, but its answer took another way back, by \(node)\(place(line)), which knows no such flow")
      }
      if let gateway, detail.kind == .transport { return noForward(gateway, detail) ?? standard(reason, line) }
      return standard(reason, line)
    case .filtered: return filtered(detail, node, network, line)
    case .tcpInvalid where isAnswer:
      return Advice(
        line: line,
        text: "\(node)\(place(line)) knows no connection that this belongs to: the answer took another way back than the "
          + "request had taken (an asymmetric path)")
    case .ipForwardingDisabled: return forwarding(gateway?.host, line)
    case .portClosed, .noSocket:
      if isOwn { return standard(.noSocket, line) }
      if let gateway { return noForward(gateway, detail) ?? standard(reason, line) }
      guard detail.kind == .transport else { return standard(reason, line) }
      return closed(node, detail.code == IPProtocol.udp.rawValue ? .udp : .tcp, detail.port)
    case .noRoute: return noRoute(IPv4Address(rawValue: detail.value), node, isAnswer: isAnswer)
    case .notForUs, .martianDestination, .multicastNotForwarded:
      return special ?? privateAddress ?? standard(reason, line)
    case .privateDestination: return privateAddress ?? standard(reason, line)
    case .hairpinDisabled:
      let target = cause.asked.map { "\($0)" } ?? "the host's address"
      return Advice(
        line: line,
        text: "\(from) asks \(target), the outside of its own NAT \(node)\(place(line)), and `hairpin` is off there: "
          + "`hairpin: external-source` would lead back in")
    case .martianSource: return ownForward(node) ?? standard(reason, line)
    case .linkLoss: return loss(port, line)
    case .queueFull, .txRingFull: return full(reason, port, line)
    case .tableFull: return full("`limits: {table: …}` says how many it holds", reason, node, line)
    case .portsExhausted: return full("`port-range` and `addresses` say how many there are", reason, node, line)
    case .hostLimit:
      return full("`limits: {sessions-per-vm: …}` and `mappings-per-vm` say how many", reason, node, line)
    default: return reason.isGuards ? guarded(reason, "it", port) : standard(reason, line)
    }
  }

  /// Where nothing better is known than what the reason means.
  private func standard(_ reason: DropReason, _ line: Int?) -> Advice { Advice(line: line, text: reason.explanation) }

  /// A flow that a NAT turned round to the machine it came from, without a change of its source.
  private func ownForward(_ node: String) -> Advice? {
    let machine = advisor.gateway(node)?.host.name ?? node
    guard let (type, number) = port, let asked = cause.asked else { return nil }
    for name in advisor.standing(of: machine) {
      guard let (host, network) = advisor.network(name), network.mode == .nat, host.name != machine,
        network.nat.hairpin == .internalSource, isOutside(asked, of: host, network),
        let forward = advisor.forwards(of: network, at: now).first(where: {
          $0.covers(type, number) && ($0.vm == machine || $0.vmAddress != nil && $0.vmAddress == advisor.names.addresses[machine])
        })
      else { continue }
      let tail = type == .udp ? "/udp" : ""
      let direct = machine == from ? ", or ask \(machine):\(forward.vmPort &+ (number &- forward.hostPort))\(tail)" : ""
      return Advice(
        line: network.mark.line,
        text: "\(from) asked \(host.name)'s forward\(place(forward.mark.line)), which leads back to \(machine) itself with "
          + "\(machine)'s own address as source (`hairpin: internal-source` of \(name)\(comma(network.mark.line))): "
          + "`hairpin: external-source` would do\(direct)")
    }
    return nil
  }

  private func filtered(_ detail: DropDetail, _ node: String, _ network: Network?, _ line: Int?) -> Advice? {
    if detail.kind == .number, let rules = network?.nat.rules, rules.indices.contains(Int(detail.value) - 1) {
      let rule = rules[Int(detail.value) - 1]
      return Advice(
        line: rule.mark.line, text: "rule \(detail.value) of \(node)\(place(rule.mark.line)) stops it: \(rule.action.rawValue)")
    }
    let kind = network?.nat.filtering.rawValue ?? "address-and-port-dependent"
    return Advice(
      line: line,
      text: "somebody inside uses this port, but hasn't sent to this address and port before (`filtering: \(kind)` of "
        + "\(node)\(comma(line)))")
  }

  private func forwarding(_ host: WeftTopology.Host?, _ line: Int?) -> Advice? {
    guard let host else { return standard(.ipForwardingDisabled, line) }
    func off(_ enabled: Bool) -> Event.Action { .ipForwarding(host: host.name, enabled: enabled) }
    let change = advisor.last(until: now) { $0 == off(false) }
    let back = advisor.next(after: now) { $0 == off(true) }
    let later = back.map { "; it is on again at \(Instant.start + $0.at)\(place($0.mark.line))" } ?? ""
    if let change {
      return Advice(
        line: change.mark.line,
        text: "\(host.name)'s ip-forwarding is off since \(Instant.start + change.at)\(place(change.mark.line))\(later)")
    }
    return Advice(
      line: host.mark.line,
      text: "\(host.name) passes nothing on, in or out: `ip-forwarding: true` on \(host.name)\(place(host.mark.line)) would"
        + later)
  }

  private func full(_ keys: String, _ reason: DropReason, _ node: String, _ line: Int?) -> Advice {
    Advice(line: line, text: "\(reason.explanation): in the `nat` of \(node)\(place(line)), \(keys)")
  }

  // MARK: Chance and load

  private func loss(_ port: String, _ line: Int?) -> Advice? {
    guard let cable = advisor.cable(at: port) else {
      return Advice(line: line, text: "it was lost at \(port), by chance: another try may fare better")
    }
    var (rate, at) = (cable.link.loss, cable.line)
    if let change = advisor.last(until: now, { if case .setLink(cable.name, _, _, .some) = $0 { true } else { false } }),
      case .setLink(_, _, _, let loss?) = change.action
    {
      (rate, at) = (loss, change.mark.line)
    }
    return Advice(
      line: at,
      text: "it was lost at \(port), by chance (`loss: \(Self.percent(rate))` of \(cable.name.node)\(comma(at))): another try "
        + "may fare better")
  }

  private func full(_ reason: DropReason, _ port: String, _ line: Int?) -> Advice? {
    let cable = advisor.cable(at: port)
    let keys = reason == .queueFull ? "`rate` and `queue`" : "`rate` and `rings`"
    let whose = cable.map { "\($0.name.node)'s cable\(comma($0.line))" } ?? "the cable"
    return Advice(
      line: cable?.line ?? line,
      text: "\(reason.explanation), at \(port) (\(keys) of \(whose)): with less load another try may fare better")
  }
}
