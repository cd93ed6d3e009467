import WeftCore
import WeftSettings
import WeftWire

extension Resolver {
  func readExpectation(_ value: Written) {
    guard value.entries != nil else { return lost(at: value.mark) }
    var entry = ExpectationEntry()
    let isWhole = tables.expectation.read(value, into: &entry, self)
    let check = Placed(entry, Object(value, tables.expectation))
    checkFit(check)
    checkReason(check)
    let subject = subject(check)
    let timing = timing(check, of: subject)
    guard isWhole, let from = subject, let probe = entry.probe else { return lost(at: value.mark) }
    let given = entry.name.flatMap { $0.isEmpty ? nil : $0 }
    var expectation = Expectation(
      name: given ?? checkName(check, from: from, probe), from: from, probe: probe, timing: timing, mark: value.mark)
    expectation.outcome = entry.outcome
    expectation.timeout = entry.timeout ?? probe.patience
    checkProbe(check, from: from, probe)
    checkStored(probe, of: from, at: check[\.probe]?.value ?? check.written)
    checkPatience(check, probe.silence)
    (expectation.seenAs, expectation.reaches, expectation.by) = (entry.seenAs, entry.reaches, entry.by)
    expectation.reason = entry.reason?.name
    (expectation.rttAtMost, expectation.rttAtLeast) = (entry.roundTrip?.atMost, entry.roundTrip?.atLeast)
    expectation.future = entry.future
    checkSense(check, expectation)
    topology.expectations.append(expectation)
    checks.append((value, given != nil))
  }

  /// Who tries, or which VM it is about: exactly one of the two, by what is asked.
  private func subject(_ check: Placed<ExpectationEntry>) -> String? {
    let entry = check.value
    guard let probe = entry.probe, let word = check[\.probe] else { return entry.from ?? entry.vm }
    if probe is any LabSettings {
      for extra in [check[\.from], check[\.vm]].compactMap(\.self) {
        report(
          "\"\(word.key)\" has no \"\(extra.key)\"", atKey: extra.keyMark, extra.key,
          hint: "it is of the whole lab: no machine is asked")
      }
      return topology.name
    }
    let isState = probe is any StateSettings
    let (wanted, other) = isState ? ("vm", "from") : ("from", "vm")
    if let extra = isState ? check[\.from] : check[\.vm] {
      report(
        "\"\(word.key)\" has \"\(wanted)\", not \"\(other)\"", atKey: extra.keyMark, extra.key,
        hint: isState ? "it says which VM is looked at: nothing is tried" : "it says which machine tries it")
      return nil
    }
    guard let found = isState ? entry.vm : entry.from else {
      let isThere = isState ? check[\.vm] != nil : check[\.from] != nil
      if !isThere { report("a check of \"\(word.key)\" needs \"\(wanted)\"", at: check.written.mark) }
      return nil
    }
    return found
  }

  /// What the probe's own keys have to do with who tries.
  private func checkProbe(_ check: Placed<ExpectationEntry>, from machine: String, _ probe: some ProbeSettings) {
    let own = own(check, probe)
    probe.check(from: Prober(name: machine, asksByDHCP: asksByDHCP(machine)), Mistakes(object: own, reading: self))
  }

  /// Where the keys of a probe stand.
  func own<Settings: ProbeSettings>(_ check: Placed<ExpectationEntry>, _: Settings) -> Object<Settings> {
    Object(Settings.keysStandBeside ? check.written : check.place(\.probe) ?? check.written, Settings.keys)
  }

  /// What comes only after a time can't be waited for a shorter one.
  private func checkPatience(_ check: Placed<ExpectationEntry>, _ silence: Nanoseconds) {
    guard silence > .zero else { return }
    let limits: [(PartialKeyPath<ExpectationEntry>, Nanoseconds?)] = [
      (\.within, check.value.within), (\.timeout, check.value.timeout),
    ]
    for (path, limit) in limits {
      guard let place = check.place(path), let limit, limit <= silence else { continue }
      report("the answer comes after \(silence): \(limit) is too short for it", at: place)
    }
  }

  /// The moment of the event that it comes after.
  private func moment(_ check: Placed<ExpectationEntry>, of machine: String?) -> Nanoseconds? {
    guard let deed = check.value.after, let machine, let place = check.place(\.after) else { return nil }
    if let other = check[\.at] {
      report("\"at\" cannot stand beside \"after\"", atKey: other.keyMark, other.key)
      return nil
    }
    let times = topology.events.filter {
      $0.action.does(deed, to: machine) && ($0.future == nil || $0.future == check.value.future)
    }
    .map(\.at)
    switch times.count {
    case 1: return times[0]
    case 0: report("no event does a \"\(deed.rawValue)\" to \"\(machine)\"", at: place)
    default:
      report(
        "\(times.count) events do a \"\(deed.rawValue)\" to \"\(machine)\"", at: place,
        hint: "say which by its time: at: \(times[0])")
    }
    return nil
  }

  private func timing(_ check: Placed<ExpectationEntry>, of machine: String?) -> Expectation.Timing {
    let entry = check.value
    let windows = [\ExpectationEntry.neverDuring, \.alwaysAfter].compactMap { check[$0] }.sorted { $0.keyMark < $1.keyMark }
    if let window = windows.first {
      let others = [\ExpectationEntry.at as PartialKeyPath, \.after, \.within].compactMap { check[$0] } + windows.dropFirst()
      for other in others {
        report("\"\(other.key)\" cannot stand beside \"\(window.key)\"", atKey: other.keyMark, other.key)
      }
      let isNever = check[\.neverDuring]?.keyMark == window.keyMark
      let times = (isNever ? entry.neverDuring : entry.alwaysAfter) ?? Window()
      return isNever
        ? .neverDuring(from: times.from, to: times.end, every: times.every)
        : .alwaysAfter(from: times.from, to: times.end, every: times.every)
    }
    return .within(
      at: moment(check, of: machine) ?? entry.at, within: entry.within ?? .seconds(10) + (entry.probe?.silence ?? .zero))
  }
}

extension Mark {
  /// Whether it comes earlier in the file.
  fileprivate static func < (one: Mark, other: Mark) -> Bool {
    (one.line, one.column) < (other.line, other.column)
  }
}
