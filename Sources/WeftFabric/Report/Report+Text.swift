import WeftCore
import WeftProbes
import WeftSettings

extension Report {
  /// The summary for people. `paint` colours a text, or gives it back where colour isn't wanted.
  public func text(paint: (String, Colour) -> String = { text, _ in text }) -> String {
    var lines: [String] = []
    func section(_ title: String, _ body: [String]) {
      guard !body.isEmpty else { return }
      if !lines.isEmpty { lines.append("") }
      lines.append(paint(title, .bold))
      lines += body
    }
    lines.append(paint(name.visible, .bold) + "  seed \(seed), \(endedAt) of virtual time, \(events) events")
    if let ending { lines.append(paint(ending, .red)) }
    if let cut { lines.append(paint("  " + cut.description.visible, .dim)) }
    section("Expectations", expectations.flatMap { verdict in Self.lines(verdict, paint) })
    section(
      "Futures",
      (futures ?? []).map {
        "  \($0.name.visible): from \($0.from.visible) (\($0.began)) to \($0.report.endedAt), \($0.report.captures.count) captures"
      })
    section("Events that could not be carried out", complaints.map { paint("  ✗ ", .red) + $0.visible })
    section("Virtual machines", Self.shortened(machines.flatMap(Self.lines).map { "  " + $0 }, to: 30))
    section("Cpus", Self.shortened(cpus.map { "  \($0.line)" } + vcpus.map { "  \($0.line)" }, to: 30))
    section("Memory", Self.shortened(hostMemory.flatMap(Self.lines).map { "  " + $0 }, to: 30))
    section("Energy", Self.shortened(energy.map { "  \($0.line)" }, to: 30))
    section("Migrations", Self.shortened(migrations.map { "  " + Self.line($0) }, to: 30))
    section("Standbys", standbys.map { "  \($0.visible)" })
    section("Disks", Self.shortened(machines.flatMap(Self.diskLines).map { "  " + $0 }, to: 30))
    section("Backups", Self.shortened((backups.map(\.text) + storageNews).map { "  " + $0 }, to: 30))
    section("Programs", Self.shortened(programs.map { "  " + Self.line($0) }, to: 30))
    section("Flows", Self.shortened(flows.map { "  \($0.gateway): \($0.line)" }, to: 20))
    section(
      "Connection tables",
      Self.shortened(
        connectionTables.map {
          "  \($0.gateway): at most \($0.most) of \($0.limit) entries, at \($0.mostAt); \($0.entries) at the end"
        },
        to: 20))
    section(
      "Filter rules",
      Self.shortened(
        filterRules.map { "  \($0.gateway): rule \($0.number) (\($0.action)): \($0.packets) packets, \($0.bytes) B" },
        to: 20))
    section("Guards", Self.shortened(guards.map(Self.line), to: 20))
    section("Noticed", Self.shortened(noticed.map(Self.line), to: 20))
    section("Drops", dropLines)
    section("Captures", captureLines)
    return lines.joined(separator: "\n") + "\n"
  }

  /// A line a topology, and what failed: for many at once. The file is named where the lab's name doesn't tell it.
  public func brief(file: String? = nil, paint: (String, Colour) -> String = { text, _ in text }) -> String {
    let held = expectations.count - failureCount
    let mark = passed ? paint("✓", .green) : paint("✗", .red)
    // A pipe has no name to tell.
    let stem = file?.split(separator: "/").last.flatMap { $0.contains(".") ? $0.prefix { $0 != "." } : nil }
    let isTold = stem.map { $0 == name } ?? true
    let place = isTold ? "" : " (\((file ?? "").visible))"
    var lines = [
      "\(mark) \(paint(name.visible, .bold))\(place)  \(held) of \(expectations.count) expectations held, \(endedAt) of virtual time"
    ]
    lines += expectations.filter { !$0.passed }.flatMap { Self.lines($0, paint) }
    lines += complaints.map { "  " + paint("✗ ", .red) + $0.visible }
    if let ending { lines.append("  " + paint(ending, .red)) }
    if let cut { lines.append(paint("  " + cut.description.visible, .dim)) }
    return lines.joined(separator: "\n") + "\n"
  }

  public enum Colour { case bold, red, green, dim }

  static func lines(_ verdict: Verdict, _ paint: (String, Colour) -> String) -> [String] {
    let mark = verdict.passed ? paint("✓", .green) : paint("✗", .red)
    var lines = ["  \(mark) \(verdict.name.visible): \(verdict.observed.visible)"]
    if !verdict.passed {
      lines.append(
        "      expected \(verdict.expected.visible) (line \(verdict.line), \(verdict.triesText), until \(verdict.decidedAt))")
      if let advice = verdict.advice { lines.append("      " + advice.text.visible) }
    }
    // A positive speaks for itself; a negative, or a failure, shows what it rests on.
    let shown = verdict.passed ? verdict.evidence.filter { $0.event != .delivered } : verdict.evidence
    guard !verdict.passed || verdict.evidence.contains(where: { $0.event == .dropped }) else { return lines }
    for evidence in shown.prefix(4) { lines.append(paint("      " + evidence.description.visible, .dim)) }
    return lines
  }

  /// Of a VM to which something was done, and of one that a disc has set up.
  static func lines(_ machine: Machine) -> [String] {
    let setUp = machine.setUp.map { ["\(machine.name): \($0)"] } ?? []
    let problems = (machine.setUpProblems ?? []).map { "\(machine.name): \($0)" }
    return [line(machine)].compactMap(\.self) + setUp + problems
  }

  /// Of a VM to which something was done.
  static func line(_ machine: Machine) -> String? {
    guard let host = machine.host, machine.since > .start,
      machine.state != MachineState.running.rawValue
        || machine.generation > 1 || machine.clockBehind > .zero || !machine.snapshots.isEmpty
    else { return nil }
    var text = "\(machine.name): \(machine.state) on \(host) since \(machine.since)"
    if machine.generation > 1 { text += ", generation \(machine.generation)" }
    if machine.clockBehind > .zero { text += ", its clock \(machine.clockBehind) behind" }
    if !machine.snapshots.isEmpty { text += ", snapshots \(machine.snapshots.joined(separator: ", "))" }
    return text
  }

  static func line(_ program: Program) -> String {
    let report = program.report
    var parts = ["\(program.machine): \(report.title): "]
    switch report.state {
    case .waiting: parts.append("waiting")
    case .running: parts.append("running")
    case .done: parts.append("done")
    case .failed(let why): parts.append("failed: \(why)")
    case .ended: parts.append("ended with its machine")
    }
    if report.requests > 0 || report.replies > 0 {
      parts.append(", \(report.requests) requests, \(report.replies) replies")
    }
    if report.failures > 0 { parts.append(", \(report.failures) failures") }
    if report.bytesIn > 0 { parts.append(", \(report.bytesIn) B in") }
    if report.bytesOut > 0 { parts.append(", \(report.bytesOut) B out") }
    if let status = report.httpStatus { parts.append(", HTTP \(status)") }
    if let findings = report.findings { parts.append(", \(findings.text)") }
    if let note = report.note { parts.append(", \(note)") }
    if let rtt = report.rtt, rtt.count > 0 { parts.append(", rtt \(rtt.minimum)/\(rtt.average)/\(rtt.maximum)") }
    if let rate = report.throughput { parts.append(", \(Figures.rate(rate))") }
    return parts.joined()
  }

  static func shortened(_ lines: [String], to limit: Int) -> [String] {
    lines.count <= limit ? lines : lines.prefix(limit) + ["  … and \(lines.count - limit) more (--format json has all)"]
  }
}

extension Evidence: CustomStringConvertible {
  public var description: String {
    let what: String
    switch event {
    case .sent: what = "sent from \(port)"
    case .delivered: what = "delivered to \(port), \(detail)"
    case .dropped: what = "dropped at \(port): \(detail)"
    }
    guard let capture, let frame else { return "\(at)  \(what)" }
    return "\(at)  \(what)  [\(capture) frame \(frame)]"
  }
}
