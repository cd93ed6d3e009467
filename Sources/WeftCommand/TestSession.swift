import ArgumentParser
import Weft

/// What came of many files: told as they end, then all together.
struct TestSession {
  private enum Entry {
    case report(file: String, Report)
    case sweep(Sweep)
    case problem(file: String, String)
  }

  let options: OutputOptions
  private var entries: [Entry] = []
  private var suites: [JUnit.Suite] = []
  /// The files in the order in which they were named: what can't be run is known before the others have run.
  var order: [String] = []

  init(options: OutputOptions) { self.options = options }

  mutating func ran(_ file: String, _ report: Report, wallTime: Nanoseconds) throws {
    entries.append(.report(file: file, report))
    suites.append(.init(report, file: file, wallTime: wallTime))
    if options.printsText, !options.quiet || !report.passed {
      try Terminal.out(report.brief(file: file, paint: Terminal.paint))
    }
  }

  mutating func ran(_ sweep: Sweep, hint: String?, wallTime: Nanoseconds) throws {
    entries.append(.sweep(sweep))
    suites.append(.init(sweep, wallTime: wallTime))
    if options.printsText, !options.quiet || !sweep.passed {
      try Terminal.out(sweep.text(isBrief: options.quiet, paint: Terminal.paint) + (hint ?? ""))
    }
  }

  /// It has been told on stderr; here it is counted.
  mutating func couldNotRun(_ file: String, _ problem: String, detail: String) {
    entries.append(.problem(file: file, problem))
    suites.append(.init(file: file, error: problem, detail: detail))
  }

  /// The total, the JSON and the JUnit file.
  mutating func publish() throws {
    let places = Dictionary(order.enumerated().map { ($1, $0) }) { first, _ in first }
    func place(_ file: String) -> Int { places[file] ?? .max }
    let sorted = suites.indices.sorted { (place(suites[$0].file), $0) < (place(suites[$1].file), $1) }
    suites = sorted.map { suites[$0] }
    entries = sorted.map { entries[$0] }
    if options.printsText, !options.quiet || !passed { try Terminal.out(total + "\n") }
    if options.isJSON { try Terminal.out(Runner.json(entries.map(Element.init))) }
    try Runner.write(suites, options)
  }

  /// Fails if anything did.
  func end() throws {
    if problems > 0 { throw Exit.badFile }
    if !passed { throw Exit.expectationFailed }
  }

  /// Whether all of it held, and how many expectations did, of how many; nil for what couldn't be run.
  private var results: [(passed: Bool, held: Int, of: Int)?] {
    entries.map { entry in
      switch entry {
      case .report(_, let report):
        (report.passed, report.expectations.count - report.failureCount, report.expectations.count)
      case .sweep(let sweep): (sweep.passed, sweep.checks.count { $0.failed.isEmpty }, sweep.checks.count)
      case .problem: nil
      }
    }
  }
  private var problems: Int { results.count { $0 == nil } }
  private var passed: Bool { results.allSatisfy { $0?.passed ?? false } }

  /// "14 of 15 files, 80 of 87 expectations held".
  private var total: String {
    let results = results
    let held = results.reduce(0) { $0 + ($1?.held ?? 0) }
    let all = results.reduce(0) { $0 + ($1?.of ?? 0) }
    let files = "\(results.count { $0?.passed ?? false }) of \(entries.count) file\(entries.count == 1 ? "" : "s")"
    let expectations = "\(held) of \(all) expectation\(all == 1 ? "" : "s")"
    let isSweep = entries.contains { if case .sweep = $0 { true } else { false } }
    return "\(files), \(expectations) held\(isSweep ? " with every seed" : "")"
      + (problems > 0 ? "; \(problems) couldn't be run" : "")
  }

  /// A report with its file, or what was in the way of one.
  private struct Element: Encodable {
    var entry: Entry

    init(_ entry: Entry) { self.entry = entry }

    private enum Key: CodingKey { case file, error }

    func encode(to encoder: any Encoder) throws {
      var container = encoder.container(keyedBy: Key.self)
      switch entry {
      case .report(let file, let report):
        try report.encode(to: encoder)
        try container.encode(file, forKey: .file)
      case .sweep(let sweep): try sweep.encode(to: encoder)
      case .problem(let file, let problem):
        try container.encode(file, forKey: .file)
        try container.encode(problem, forKey: .error)
      }
    }
  }
}
