import WeftCore
import WeftHypervisor
import WeftSettings
import WeftStack
import WeftTopology
import WeftWire

extension Advisor {
  /// One outcome: its cause, and what was asked.
  struct Case {
    let advisor: Advisor
    let cause: Cause
    let from: String
    let probe: any ProbeSettings
    let lostARP: [DropReason: Int]

    var topology: Topology { advisor.topology }
    var now: Instant { cause.at }
  }
}

extension Advisor.Case {
  var advice: Advice? {
    switch cause.kind {
    // Another machine may have the same private address where the asker is.
    case .standstill(let machine, _, _), .noAddress(let machine), .lostARP(_, _, let machine, _):
      if machine != from, machine != destination.name, let advice = privateAddress { return advice }
    default: break
    }
    switch cause.kind {
    case .standstill(let machine, let state, let since): return standstill(machine, state, since)
    case .noAddress(let machine):
      return Advice(
        line: advisor.line(ofMachine: machine),
        text: "\(machine)\(place(advisor.line(ofMachine: machine))) asks for its address by DHCP and has none yet"
          + (machine == from ? ": nothing was sent" : ""))
    case .cut(let port): return cut(port)
    case .foreignAnswer(let other): return foreign(other)
    case .unanswered(let machine): return unanswered(machine)
    case .absent(let address, let node, let port): return absent(address, node, port)
    case .lostARP(let address, _, let owner, let port): return lostARP(address, owner, port)
    case .guarded(let reason, let machine, let port): return guarded(reason, "\(machine)'s ARP", port)
    case .drop(let reason, let detail, let node, let port, let isAnswer):
      return drop(reason, detail, node, port, isAnswer)
    case .unsendable: return special
    }
  }

  // MARK: What was asked

  var destination: (name: String?, address: IPv4Address?) {
    switch probe.target {
    case .node(let name): (name, cause.asked ?? advisor.names.addresses[name])
    case .address(let address): (advisor.owner(of: address), address)
    case nil: (nil, nil)
    }
  }

  /// Whether it was asked by its name.
  var isNamed: Bool { literal == nil }

  /// The address that was asked for as such.
  private var literal: IPv4Address? {
    if case .address(let address) = probe.target { address } else { nil }
  }

  /// Nil for what knows no ports.
  var port: (type: TransportProtocol, number: UInt16)? { probe.service.map { ($0.transport, $0.port) } }

  // MARK: Machines and cables

  func standstill(_ machine: String, _ state: VirtualMachine.State, _ since: Instant) -> Advice? {
    let tail = machine == from && !cause.isSent ? ": nothing was sent" : ""
    func next(_ wanted: Event.Action, _ what: String) -> String {
      guard let event = advisor.next(after: now, { $0 == wanted }) else { return "" }
      return ", \(what) \(Instant.start + event.at)\(place(event.mark.line))"
    }
    func event(_ wanted: Event.Action) -> Int? { advisor.last(until: since, { $0 == wanted })?.mark.line }
    switch state {
    case .running, .shuttingDown: return nil
    case .migrating: return Advice(line: nil, text: "\(machine) is on its way to another host since \(since)\(tail)")
    case .paused, .saved, .crashed:
      let (fell, back): (MachineVerb, MachineVerb) =
        state == .paused ? (.pause, .resume) : state == .saved ? (.save, .restore) : (.crash, .reset)
      let line = event(.life(fell, vm: machine))
      let until = next(.life(back, vm: machine), "until")
      return Advice(line: line, text: "\(machine) is \(state.rawValue) since \(since)\(place(line))\(until)\(tail)")
    case .stopped:
      let starts = next(.life(.start, vm: machine), "and starts at")
      let stop = advisor.last(
        until: since,
        {
          switch $0 {
          case .life(.stop, machine), .shutDown(machine, _, _): true
          default: false
          }
        })
      if let line = stop?.mark.line, since > .start {
        return Advice(line: line, text: "\(machine) is stopped since \(since)\(place(line))\(starts)\(tail)")
      }
      let line = advisor.line(ofMachine: machine)
      let help = starts.isEmpty ? "; a `start` event, or `autostart: true`, would start it" : ""
      return Advice(
        line: line, text: "\(machine) isn't running: it has not been started\(place(line))\(starts)\(tail)\(help)")
    }
  }

  func cut(_ port: String) -> Advice? {
    guard let cable = advisor.cable(at: port) else { return Advice(line: nil, text: "the cable at \(port) is out") }
    let out = advisor.last(until: now) { $0 == .linkDown(cable.name) }
    let back = advisor.next(after: now) { $0 == .linkUp(cable.name) }
    let since = out.map { " since \(Instant.start + $0.at)\(place($0.mark.line))" } ?? ""
    let until = back.map { ", until \(Instant.start + $0.at)\(place($0.mark.line))" } ?? ""
    // It may have come back while the try went on.
    if let plugged = advisor.last(until: now, { $0 == .linkUp(cable.name) }), let out, plugged.at > out.at {
      return wasOut(cable.name)
        ?? Advice(line: out.mark.line, text: "the cable of \(cable.name.node) was out\(since) for a while")
    }
    return Advice(line: out?.mark.line ?? cable.line, text: "the cable of \(cable.name.node) is out\(since)\(until)")
  }

  // MARK: Answers

  func unanswered(_ machine: String) -> Advice? {
    let program = advisor.programs(of: machine).first { program in
      program.listens.contains { $0.0 == port?.type && $0.1 == port?.number }
    }
    let what = program.map { "\(machine)'s \($0.word)\(place($0.mark.line))" } ?? machine
    return Advice(
      line: program?.mark.line ?? advisor.line(ofMachine: machine),
      text: "\(what) took the datagram and answers nothing: `is: delivered` asks for no more")
  }

  /// An answer that no socket takes.
  func foreign(_ other: TransportAddress) -> Advice? {
    guard let asked = cause.asked else { return nil }
    func text(_ address: IPv4Address, _ port: UInt16) -> String { port == 0 ? "\(address)" : "\(address):\(port)" }
    let owner = advisor.owner(of: other.address)
    let came =
      "the answer came from \(text(other.address, other.port))\(owner.map { " (\($0))" } ?? ""), not from "
      + text(asked, other.port == 0 ? 0 : port?.number ?? 0)
    for name in advisor.places(of: from) {
      guard let (host, network) = advisor.network(name), network.mode == .nat, network.subnet.contains(other.address),
        isOutside(asked, of: host, network)
      else { continue }
      let line = network.mark.line
      return Advice(
        line: line,
        text: "\(came): it went past the NAT (`hairpin: internal-source` of \(name)\(comma(line))), and \(from) knows no "
          + "such connection; `hairpin: external-source` leads answers back through the NAT, or ask "
          + text(other.address, other.port))
    }
    return Advice(
      line: owner.flatMap { advisor.line(ofMachine: $0) },
      text: "\(came): it took another way back than the request had taken (an asymmetric path), and \(from) knows no such "
        + "connection")
  }

  // MARK: ARP

  func lostARP(_ address: IPv4Address, _ owner: String, _ port: String) -> Advice? {
    let counts = lostARP.sorted { $0.key.rawValue < $1.key.rawValue }
    let what =
      counts.isEmpty
      ? "ARP for \(address) was lost"
      : counts.map { "ARP was lost (\($0.key.name)) \($0.value) \($0.value == 1 ? "time" : "times")" }.joined(
        separator: ", ")
    let cables = [port, "\(owner)/uplink", "\(owner)/eth0"] + (advisor.gateway(owner).map { ["\($0.host.name)/uplink"] } ?? [])
    let ends = cables.compactMap { advisor.cable(at: $0) }
    if let cut = ends.lazy.compactMap({ self.wasOut($0.name) }).first {
      return Advice(line: cut.line, text: "\(what): \(cut.text); \(owner) is there and has \(address)")
    }
    if let loop = advisor.loop(of: owner) ?? advisor.loop(of: from) {
      return Advice(
        line: loop.mark.line,
        text:
          "\(what): the cables between the switches of \(loop.name)\(place(loop.mark.line)) make a loop, and without a spanning tree "
          + "frames go round in it until the cables are full: `stp: rstp`; \(owner) is there and has \(address)")
    }
    let lossy = ends.first { $0.link.loss > 0 }
    let why = lossy.map { ", `loss: \(Self.percent($0.link.loss))` of \($0.name.node)\(place($0.line))" } ?? ""
    let isChance = counts.isEmpty || counts.contains { $0.key == .linkLoss }
    let verdict = isChance ? ": that is chance\(why)" : ", and another try may fare better"
    return Advice(line: lossy?.line, text: "\(what)\(verdict); \(owner) is there and has \(address)")
  }

  /// A cable that was out while ARP was tried, its three seconds long.
  private func wasOut(_ cable: LinkName) -> Advice? {
    guard let out = advisor.last(until: now, { $0 == .linkDown(cable) }),
      let back = advisor.next(after: .start + out.at, { $0 == .linkUp(cable) }),
      .start + back.at + .seconds(3) >= now
    else { return nil }
    return Advice(
      line: out.mark.line,
      text: "the cable of \(cable.node) was out from \(Instant.start + out.at)\(place(out.mark.line)) to "
        + "\(Instant.start + back.at)\(place(back.mark.line))")
  }

  static func percent(_ loss: Double) -> String {
    let value = (loss * 10_000).rounded() / 100
    guard value >= 0, value <= 100 else { return "?" }
    return value == value.rounded() ? "\(Int(value)) %" : "\(value) %"
  }

  func absent(_ address: IPv4Address, _ node: String, _ port: String) -> Advice? {
    let owner = address == destination.address ? destination.name : advisor.owner(of: address)
    if let listener = [owner, node].compactMap(\.self).first(where: { name in topology.mirrors.contains { $0.to.node == name } })
    {
      return Advice(
        line: advisor.line(ofMachine: listener),
        text:
          "\(listener)\(place(advisor.line(ofMachine: listener))) has a port that gets a mirror's copies and carries nothing else "
          + "(`mirrors`)")
    }
    if let advice = (address == destination.address ? special : nil) ?? privateAddress { return advice }
    let line = advisor.line(ofMachine: node) ?? advisor.gateway(node)?.host.mark.line
    if address != destination.address, node == from || advisor.gateway(node) != nil,
      let gateway = gatewayLine(of: node, address)
    {
      return Advice(
        line: gateway.line,
        text: "\(address) is \(gateway.whose)'s gateway\(place(gateway.line)), and no machine on its link has that address")
    }
    if let owner = address == destination.address ? destination.name : advisor.owner(of: address), owner != node,
      let link = advisor.standing(of: owner).first
    {
      return Advice(
        line: advisor.line(ofMachine: owner),
        text: "\(owner)\(place(advisor.line(ofMachine: owner))) is on \(link), and not on the link on which \(node) "
          + "asks for \(address)")
    }
    return Advice(line: line, text: "no machine on the link of \(node) has the address \(address): nobody answers ARP for it")
  }

  /// Where the file gives a machine, or the gateway in front of it, this default gateway.
  private func gatewayLine(of node: String, _ address: IPv4Address) -> (whose: String, line: Int)? {
    if let host = advisor.gateway(node)?.host ?? advisor.host(node), let uplink = host.uplink {
      let segment = advisor.segment(uplink.segment)
      if uplink.gateway == address {
        return (host.name, segment?.gateway == address ? segment?.mark.line ?? uplink.mark.line : uplink.mark.line)
      }
    }
    guard let vm = advisor.vm(node), let network = vm.nics.first.flatMap({ advisor.network($0.network) }),
      network.host.uplink?.gateway == address
    else { return nil }
    return (node, network.host.uplink?.mark.line ?? network.network.mark.line)
  }
}
