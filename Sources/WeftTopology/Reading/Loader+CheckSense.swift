import WeftCore
import WeftSettings
import WeftWire

// Expectations that say less than they seem to.

extension Loader {
  /// Keys that say something only about some probes or outcomes.
  func checkFit(_ value: Written, _ outcome: Expectation.Outcome) {
    // What goes with an outcome that is none can't be told.
    if let place = value["is"], !place.isNull, place.text.flatMap(Expectation.Outcome.init(rawValue:)) == nil { return }
    let isLease = value["lease"] != nil
    for entry in value.entries ?? [] where !entry.value.isNull {
      let key = entry.key
      let problem: String?
      switch key {
      case "seen-as", "reaches":
        problem =
          isLease
          ? "a lease is looked up: \"\(key)\" goes with a packet that somebody gets"
          : outcome == .open || outcome == .delivered
            ? nil : "\"\(key)\" goes with \"is: open\": what is \(outcome.rawValue) reaches nobody"
      case "is":
        problem =
          outcome == .delivered && value["to"]?.text?.hasSuffix("/udp") != true
          ? "\"is: delivered\" goes with a datagram: to: \"node:port/udp\"" : nil
      case "by", "reason":
        problem =
          [.dropped, .refused, .unreachable, .blocked].contains(outcome)
          ? nil : "\"\(key)\" goes with \"is: dropped\", refused, unreachable or blocked"
      case "rtt":
        problem =
          outcome != .open
          ? "\"rtt\" goes with \"is: open\""
          : value["to"] == nil && value["ping"] == nil ? "\"rtt\" goes with \"to\" or \"ping\"" : nil
      case "status", "body":
        problem =
          value["http"] == nil
          ? "\"\(key)\" goes with \"http\""
          : outcome == .open ? nil : "\"\(key)\" goes with \"is: open\": what is \(outcome.rawValue) brings no page"
      case "lease":
        problem = outcome == .open ? nil : "a lease is obtained or not: there is no \"is: \(outcome.rawValue)\""
      default: problem = nil
      }
      if let problem { report(problem, atKey: entry.keyMark, key) }
    }
    guard outcome != .open else { return }
    for (probe, keys) in [("throughput", ["at-least", "at-most"]), ("nat", ["mapping", "filtering", "hairpin"])] {
      for entry in value[probe]?.entries ?? [] where keys.contains(entry.key) && !entry.value.isNull {
        report(
          "\"\(entry.key)\" goes with \"is: open\": what is \(outcome.rawValue) has none", atKey: entry.keyMark, entry.key)
      }
    }
  }

  /// Who waits for an answer isn't told of chance.
  func checkReason(_ value: Written?, _ outcome: Expectation.Outcome) -> String? {
    guard let value, let text = value.text, !value.isNull, let reason = try? Parse.reason(text) else { return nil }
    if outcome == .refused || outcome == .unreachable, reason.meaning == .accident {
      report(
        "nobody is told of \(text), so that nothing is \(outcome.rawValue) for it", at: value,
        hint: "did you mean \"is: dropped\"?")
    }
    return text
  }

  func checkSense(_ value: Written, _ expectation: Expectation) {
    checkTimes(value, expectation)
    checkTries(value, expectation)
    checkAnswer(value, expectation)
    if case .lease = expectation.probe {
      if let place = value["timeout"], !place.isNull {
        warn("a lease is there or not: it is looked up at once, without a \"timeout\"", at: place)
      }
      if let place = value["lease"], !asksByDHCP(expectation.from) {
        warn(
          "\"\(expectation.from)\" asks no DHCP server, its address is set by hand: it never has a lease", at: place,
          hint: "leave its \"address\" out where there is a DHCP server")
      }
      return
    }
    guard let (to, port) = expectation.probe.target, isOwn(to, expectation.from), !hasForward(expectation.from, port)
    else { return }
    let keys = ["to", "ping", "http", "throughput", "idle", "nat"]
    let body = keys.lazy.compactMap { value[$0] }.first ?? value
    warn(
      "\"\(expectation.from)\" asks itself: nothing of it is on any cable", at: body["to"] ?? body["via"] ?? body,
      hint: "let another machine try")
  }

  /// Times that cut one another.
  private func checkTimes(_ value: Written, _ expectation: Expectation) {
    if value["lease"] == nil, let place = value["timeout"], case .within(_, let within) = expectation.timing, within > .zero,
      expectation.timeout > within
    {
      let end = value["within"] == nil ? "it is tried for \(within) (\"within\")" : "\"within\" is \(within)"
      warn(
        "\(end): no try waits for \(expectation.timeout)", at: place, hint: "within: 0 s is one try with all its time")
    }
    switch expectation.timing {
    case .within: break
    case .neverDuring(let from, let to, let every), .alwaysAfter(let from, let to, let every):
      guard to > from, every > to - from, let place = (value["never-during"] ?? value["always-after"])?["every"] else {
        return
      }
      warn("the window is over in \(to - from): with \"every\" \(every) it is tried once", at: place)
    }
  }

  private func asksByDHCP(_ machine: String) -> Bool {
    if let index = vmIndex[machine] { return topology.vms[index].nics.contains { $0.address == nil } }
    return hostIndex[machine].flatMap { topology.hosts[$0].uplink }.map { $0.address == nil } ?? false
  }

  /// Whether a destination is the machine that asks; 127.0.0.1 is so on purpose.
  private func isOwn(_ to: Destination, _ machine: String) -> Bool {
    switch to {
    case .node(let name): return name == machine
    case .address(let address):
      if let index = vmIndex[machine] { return topology.vms[index].nics.contains { $0.address == address } }
      return hostIndex[machine].map { topology.hosts[$0].uplink?.address == address } ?? false
    }
  }

  /// Whether a host forwards a port at some time: it may be asked from the host itself.
  private func hasForward(_ host: String, _ port: UInt16?) -> Bool {
    guard let port, let index = hostIndex[host] else { return false }
    let networks = Set(topology.hosts[index].networks.map(\.name))
    var forwards = topology.hosts[index].networks.flatMap(\.forwards)
    for event in topology.events {
      if case .addForward(let network, let added) = event.action, networks.contains(network) { forwards += added }
    }
    return forwards.contains { forward in
      port >= forward.hostPort && Int(port) < Int(forward.hostPort) + Int(forward.count)
    }
  }
}

extension Expectation.Probe {
  /// Who is to answer, and at which port.
  var target: (to: Destination, port: UInt16?)? {
    switch self {
    case .connect(let to, let port, _): return (to, port)
    case .ping(let to, _, _): return (to, nil)
    case .http(let to, let port, _, _, _): return (to, port)
    case .throughput(let to, let port, _, _, _): return (to, port)
    case .nat(let via, let port, _, _, _): return (via, port)
    case .idle(let to, let port, _, _): return (to, port)
    case .punch, .lease: return nil
    }
  }
}
