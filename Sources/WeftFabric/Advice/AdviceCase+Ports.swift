import WeftCore
import WeftSettings
import WeftTopology
import WeftWire

// Ports that lead nowhere: of a NAT, and of a machine.
extension Advisor.Case {
  func noForward(_ gateway: (host: WeftTopology.Host, networks: [Network]), _ detail: DropDetail) -> Advice? {
    let networks = gateway.networks
    guard let first = networks.first else { return nil }
    let type: TransportProtocol = detail.code == IPProtocol.udp.rawValue ? .udp : .tcp
    let number = detail.port
    if let advice = insideAddress(of: gateway.host, type, number) { return advice }
    let what = "\(type.rawValue)/\(number)"
    func adds(_ action: Event.Action) -> Bool {
      guard case .addForward(let name, let forwards) = action, networks.contains(where: { $0.name == name }) else {
        return false
      }
      return forwards.contains { $0.covers(type, number) }
    }
    func removes(_ action: Event.Action) -> Bool {
      guard case .removeForward(let name, let forwards, _) = action, networks.contains(where: { $0.name == name }) else {
        return false
      }
      return forwards.contains { $0.covers(type, number) }
    }
    func coming(_ event: Event) -> Advice {
      Advice(
        line: event.mark.line,
        text: "a forward of \(what) comes at \(Instant.start + event.at)\(place(event.mark.line)): until then there is none")
    }
    let forwards = networks.flatMap { advisor.forwards(of: $0, at: now) }
    if let forward = forwards.first(where: { $0.covers(type, number) }) {
      if let own = forward.hostAddress, own != destination.address {
        return Advice(
          line: forward.mark.line,
          text:
            "the forward of \(what)\(place(forward.mark.line)) is for \(own) only, and \(destination.address.map { "\($0)" } ?? "another address") was asked"
        )
      }
      guard let added = advisor.last(until: now, adds) else { return nil }
      if .start + added.at == now { return coming(added) }
      guard first.nat.keepsFlows else { return nil }
      return Advice(
        line: forward.mark.line,
        text: "a forward of the port came while this flow was there\(place(forward.mark.line)): it is for new flows, and "
          + "for this one once it has been silent or `flush-conntrack` has been")
    }
    if let event = advisor.next(after: now, adds) { return coming(event) }
    if let gone = advisor.last(until: now, removes) {
      return Advice(
        line: gone.mark.line, text: "the forward of \(what) was removed at \(Instant.start + gone.at)\(place(gone.mark.line))")
    }
    if let other = forwards.first(where: { $0.covers(type == .tcp ? .udp : .tcp, number) }) {
      return Advice(
        line: other.mark.line,
        text: "port \(number) is forwarded for \(other.protocol.upper) only\(place(other.mark.line)), and this is \(type.upper)")
    }
    let candidate = advisor.serving(networks, type, number)
    // The same port of a machine may be forwarded from another of the host's; that helps where somebody listens on it.
    let existing = forwards.lazy.compactMap { forward -> (Forward, UInt16)? in
      let machine = candidate?.vm ?? forward.vmAddress.flatMap { advisor.owner(of: $0) } ?? forward.vm
      let inner = candidate?.port ?? number
      guard let outer = forward.hostPort(of: machine, advisor.names.addresses[machine], type, inner),
        advisor.answers(machine, type, inner, at: now)
      else { return nil }
      return (forward, outer)
    }.first
    let ask = existing.map { forward, outer in
      "\(type.upper) port \(outer) leads to \(forward.vm):\(forward.vmPort &+ (outer &- forward.hostPort))\(place(forward.mark.line)): ask for that"
    }
    guard let (target, inner, network) = candidate else {
      if let ask { return Advice(line: existing?.0.mark.line, text: "no port forward for \(what), but \(ask)") }
      return Advice(
        line: first.mark.line,
        text: "no port forward for \(what), and no machine behind \(first.name) listens on \(type.upper) port \(number)")
    }
    return Advice(
      line: network.mark.line,
      text: "no port forward for \(what)\(ask.map { ", but \($0), or" } ?? ":") add "
        + "`forwards: [\"\(number):\(target):\(inner)/\(type.rawValue)\"]` to \(network.name) at line \(network.mark.line)")
  }

  /// Nothing took it at a machine.
  func closed(_ machine: String, _ type: TransportProtocol, _ number: UInt16) -> Advice? {
    let line = advisor.line(ofMachine: machine)
    let programs = advisor.programs(of: machine)
    func listening(_ type: TransportProtocol, _ number: UInt16) -> Program? {
      programs.first { $0.listens.contains { $0.0 == type && $0.1 == number } }
    }
    if let program = listening(type, number) {
      let at = place(program.mark.line)
      guard program.start > .zero else {
        return Advice(line: program.mark.line, text: "\(machine)'s \(program.word)\(at) wasn't there yet, or no more")
      }
      return Advice(
        line: program.mark.line,
        text: "\(machine)'s \(program.word)\(at) starts \(program.start) after \(machine) boots: it isn't there yet")
    }
    if let own = forwarded(machine, type, number) { return own }
    let other: TransportProtocol = type == .tcp ? .udp : .tcp
    if let program = listening(other, number) {
      return Advice(
        line: program.mark.line,
        text:
          "\(machine)'s \(program.word)\(place(program.mark.line)) listens on \(other.upper) port \(number), and this is \(type.upper)"
      )
    }
    let elsewhere = programs.flatMap { program in program.listens.filter { $0.0 == type }.map { ($0.1, program) } }
    // The forward that led here may mean another port.
    if let led = led(to: machine, type, number), let (port, program) = elsewhere.first {
      return Advice(
        line: led.mark.line,
        text: "the forward\(place(led.mark.line)) leads to \(machine):\(number), where nothing listens: \(machine)'s "
          + "\(program.word)\(place(program.mark.line)) has port \(port)")
    }
    let others = elsewhere.map { "\($0.0)" }
    return Advice(
      line: line,
      text: "nothing on \(machine) listens on \(type.upper) port \(number)"
        + (others.isEmpty ? "" : " (but on \(others.joined(separator: ", ")))") + ": add a program"
        + (line.map { $0 > 0 ? " at line \($0)" : "" } ?? ""))
  }

  /// A forward of the host's own, which it doesn't pass itself.
  private func forwarded(_ machine: String, _ type: TransportProtocol, _ number: UInt16) -> Advice? {
    guard let host = advisor.host(machine) else { return nil }
    for network in host.networks where network.mode == .nat {
      guard let forward = advisor.forwards(of: network, at: now).first(where: { $0.covers(type, number) }) else { continue }
      let at = place(forward.mark.line)
      let target = "\(forward.vm):\(forward.vmPort &+ (number &- forward.hostPort))"
      if network.nat.localForwards {
        return Advice(
          line: forward.mark.line,
          text:
            "\(type.upper) port \(number) of \(machine) is forwarded to \(forward.vm)\(at), at \(forward.hostAddress?.description ?? machine): ask for that address, or \(target)"
        )
      }
      return Advice(
        line: forward.mark.line,
        text: "\(type.upper) port \(number) of \(machine) is forwarded to \(forward.vm)\(at), but only for what comes in "
          + "(DNAT in PREROUTING): ask \(target), or set `nat: {local-forwards: true}` on \(network.name), as where "
          + "forwards are listeners")
    }
    return nil
  }

  /// The forward through which a port of another machine was asked.
  private func led(to machine: String, _ type: TransportProtocol, _ number: UInt16) -> Forward? {
    guard destination.name != machine, let asked = port, let name = destination.name, let host = advisor.host(name) else {
      return nil
    }
    for network in host.networks {
      for forward in advisor.forwards(of: network, at: now)
      where forward.covers(asked.type, asked.number) && forward.vm == machine { return forward }
    }
    return nil
  }
}
