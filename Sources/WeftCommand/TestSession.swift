import ArgumentParser
import Weft

/// What came of many files: told as they end, then all together.
struct TestSession {
  private enum Entry {
    case report(file: String, Report)
    case problem(file: String, String)
  }

  let options: OutputOptions
  private var entries: [Entry] = []
  private var suites: [JUnit.Suite] = []

  init(options: OutputOptions) { self.options = options }

  mutating func ran(_ file: String, _ report: Report, wallTime: Nanoseconds) throws {
    entries.append(.report(file: file, report))
    suites.append(.init(report, file: file, wallTime: wallTime))
    if options.printsText, !options.quiet || !report.passed {
      try Terminal.out(report.brief(paint: Terminal.paint))
    }
  }

  /// It has been told on stderr; here it is counted.
  mutating func couldNotRun(_ file: String, _ problem: String, detail: String) {
    entries.append(.problem(file: file, problem))
    suites.append(.init(file: file, error: problem, detail: detail))
  }

  /// The total, the JSON and the JUnit file.
  func publish() throws {
    if options.printsText, !options.quiet || !passed { try Terminal.out(total + "\n") }
    if options.isJSON { try Terminal.out(Runner.json(entries.map(Element.init))) }
    try Runner.write(suites, options)
  }

  /// Fails if anything did.
  func end() throws {
    if problems > 0 { throw Exit.badFile }
    if !passed { throw Exit.expectationFailed }
  }

  private var reports: [Report] { entries.compactMap { if case .report(_, let report) = $0 { report } else { nil } } }
  private var problems: Int { entries.count - reports.count }
  private var passed: Bool { problems == 0 && reports.allSatisfy(\.passed) }

  /// "14 of 15 files, 80 of 87 expectations held".
  private var total: String {
    let held = reports.count { $0.passed }
    let checks = reports.reduce(0) { $0 + $1.expectations.count }
    let failed = reports.reduce(0) { $0 + $1.failureCount }
    let files = "\(held) of \(entries.count) file\(entries.count == 1 ? "" : "s")"
    let expectations = "\(checks - failed) of \(checks) expectation\(checks == 1 ? "" : "s")"
    let without = problems > 0 ? "; \(problems) couldn't be run" : ""
    return "\(files), \(expectations) held\(without)"
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
      case .problem(let file, let problem):
        try container.encode(file, forKey: .file)
        try container.encode(problem, forKey: .error)
      }
    }
  }
}
