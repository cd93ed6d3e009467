import WeftCore
import WeftSettings
import WeftWire

// Expectations that say less than they seem to.

extension Resolver {
  /// Keys that say something only about some probes or outcomes.
  func checkFit(_ check: Placed<ExpectationEntry>) {
    let outcome = check.value.outcome
    // What goes with an outcome that is none can't be told.
    if case .wrong = check.place(\.outcome)?.finding { return }
    func object(_ paths: PartialKeyPath<ExpectationEntry>..., to reason: (String) -> String?) {
      for entry in paths.compactMap({ check[$0] }) {
        if let problem = reason(entry.key) { report(problem, atKey: entry.keyMark, entry.key) }
      }
    }
    let kinds = tables.catalogue.probes.all
    let kind = kinds.first { check.written[$0.word] != nil }
    let isLookup = kind?.exchange == Exchange.none
    let word = kind?.word ?? ""
    object(\.seenAs, \.reaches) { key in
      isLookup
        ? "\(word.article) is looked up: \"\(key)\" goes with a packet that somebody gets"
        : outcome == .open || outcome == .delivered
          ? nil : "\"\(key)\" goes with \"is: open\": what is \(outcome.rawValue) reaches nobody"
    }
    object(\.outcome) { key in
      let isDatagram = check.value.probe.map { $0.exchange == .single && $0.service?.transport == .udp } ?? true
      return outcome == .delivered && !isDatagram
        ? "\"is: delivered\" goes with a datagram: to: \"node:port/udp\"" : nil
    }
    object(\.by, \.reason) { key in
      [.dropped, .refused, .unreachable, .blocked].contains(outcome)
        ? nil : "\"\(key)\" goes with \"is: dropped\", refused, unreachable or blocked"
    }
    object(\.roundTrip) { key in
      guard outcome == .open else { return "\"\(key)\" goes with \"is: open\"" }
      let words = ExpectationEntry.measured(kinds).map { "\"\($0.word)\"" }
      return kind?.exchange == .single ? nil : "\"\(key)\" goes with \(words.joined(separator: " or "))"
    }
    if isLookup, outcome != .open, let entry = check[\.probe] {
      report("\(word.article) is obtained or not: there is no \"is: \(outcome.rawValue)\"", atKey: entry.keyMark, entry.key)
    }
    for kind in kinds { checkBounds(check, kind) }
  }

  /// What an open one must also be.
  private func checkBounds<Settings: ProbeSettings>(_ check: Placed<ExpectationEntry>, _ kind: Settings.Type) {
    let outcome = check.value.outcome
    guard let place = check.written[Settings.word] else {
      guard Settings.keysStandBeside else { return }
      for key in Settings.keys.keys.keys {
        guard let entry = check.written.entries?.first(where: { $0.key == key.name && !$0.value.isNull }) else { continue }
        report("\"\(key.name)\" goes with \"\(Settings.word)\"", atKey: entry.keyMark, key.name)
      }
      return
    }
    guard outcome != .open else { return }
    let object = Object(Settings.keysStandBeside ? check.written : place, Settings.keys)
    for entry in Settings.bounds.compactMap({ object[$0] }) {
      report(
        "\"\(entry.key)\" goes with \"is: open\": what is \(outcome.rawValue) \(Settings.withoutBounds)",
        atKey: entry.keyMark, entry.key)
    }
  }

  /// Who waits for an answer isn't told of chance.
  func checkReason(_ check: Placed<ExpectationEntry>) {
    let outcome = check.value.outcome
    guard let place = check.place(\.reason), let reason = check.value.reason, reason.meaning == .accident,
      outcome == .refused || outcome == .unreachable
    else { return }
    report(
      "nobody is told of \(reason.name), so that nothing is \(outcome.rawValue) for it", at: place,
      hint: "did you mean \"is: dropped\"?")
  }

  func checkSense(_ check: Placed<ExpectationEntry>, _ expectation: Expectation) {
    checkTimes(check, expectation)
    checkTries(check, expectation)
    checkAnswer(check, expectation)
    let probe = expectation.probe
    if probe.exchange == .none, let place = check.place(\.timeout) {
      let word = type(of: probe).word
      warn("a \(word) is there or not: it is looked up at once, without a \"timeout\"", at: place)
    }
    guard let to = probe.target, probe.partner == nil, isOwn(to, expectation.from),
      !hasForward(expectation.from, probe.service?.port)
    else { return }
    warn(
      "\"\(expectation.from)\" asks itself: nothing of it is on any cable", at: placeOfTarget(check, probe),
      hint: "let another machine try")
  }

  /// Where a probe says whom it asks.
  func placeOfTarget<Settings: ProbeSettings>(_ check: Placed<ExpectationEntry>, _ probe: Settings) -> Written {
    let own = Settings.keysStandBeside ? nil : Settings.keys.target.flatMap { self.own(check, probe).place($0) }
    return own ?? check.place(\.probe) ?? check.written
  }

  /// Times that cut one another.
  private func checkTimes(_ check: Placed<ExpectationEntry>, _ expectation: Expectation) {
    if expectation.probe.exchange != .none, let place = check.place(\.timeout),
      case .within(_, let within) = expectation.timing, within > .zero, expectation.timeout > within
    {
      let end = check[\.within] == nil ? "it is tried for \(within) (\"within\")" : "\"within\" is \(within)"
      warn(
        "\(end): no try waits for \(expectation.timeout)", at: place, hint: "within: 0 s is one try with all its time")
    }
    switch expectation.timing {
    case .within: break
    case .neverDuring(let from, let to, let every), .alwaysAfter(let from, let to, let every):
      guard to > from, every > to - from, let place = window(check)?.place(\.every) else { return }
      warn("the window is over in \(to - from): with \"every\" \(every) it is tried once", at: place)
    }
  }

  /// Where the keys of its window stand.
  func window(_ check: Placed<ExpectationEntry>) -> Object<Window>? {
    (check.place(\.neverDuring) ?? check.place(\.alwaysAfter)).map { Object($0, Window.keys) }
  }

  func asksByDHCP(_ machine: String) -> Bool {
    if let index = vmIndex[machine] { return topology.vms[index].nics.contains { $0.settled == nil } }
    return hostIndex[machine].flatMap { topology.hosts[$0].uplink }.map { $0.address == nil } ?? false
  }

  /// Whether a destination is the machine that asks; 127.0.0.1 is so on purpose.
  private func isOwn(_ to: Destination, _ machine: String) -> Bool {
    switch to {
    case .node(let name): return name == machine
    case .address(let address):
      if let index = vmIndex[machine] { return topology.vms[index].nics.contains { $0.settled == address } }
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

extension KeyTable {
  /// The row that says whom something is for.
  fileprivate var target: PartialKeyPath<Root>? {
    fields.lazy.map(\.path.value).first {
      let type = type(of: $0).valueType
      return type == Destination.self || type == Endpoint.self
    }
  }
}
