import WeftCore

/// What many runs of one file came to, each with a seed of its own.
public struct Sweep: Codable, Sendable {
  public struct Check: Codable, Sendable {
    public var name: String
    public var line: Int
    public var held: Int
    public var of: Int
    public var failed: [Failure]
  }

  public struct Failure: Codable, Sendable {
    public var seed: UInt64
    public var observed: String
    public var expected: String
  }

  /// A run that didn't come to its verdicts.
  public struct Problem: Codable, Sendable {
    public var seed: UInt64
    public var problem: String
    public var detail: String
  }

  public var file: String
  public var name: String
  public var seeds: [UInt64]
  /// The seeds with which everything held.
  public var held: [UInt64] = []
  public var checks: [Check] = []
  public var problems: [Problem] = []
  public private(set) var version = weftVersion

  public init(file: String, name: String, seeds: [UInt64]) {
    self.file = file
    self.name = name
    self.seeds = seeds
  }

  /// Takes a run in; all are of the same file.
  public mutating func add(_ report: Report) {
    if report.passed { held.append(report.seed) }
    if checks.isEmpty {
      checks = report.expectations.map { Check(name: $0.name, line: $0.line, held: 0, of: 0, failed: []) }
    }
    for (index, verdict) in report.expectations.enumerated() where checks.indices.contains(index) {
      checks[index].of += 1
      if verdict.passed {
        checks[index].held += 1
      } else {
        checks[index].failed.append(
          Failure(seed: report.seed, observed: verdict.observed, expected: verdict.expected))
      }
    }
    if let stall = report.stall { add("\(stall)", seed: report.seed) }
    for complaint in report.complaints { add(complaint, seed: report.seed) }
  }

  public mutating func add(_ problem: String, seed: UInt64, detail: String = "") {
    problems.append(Problem(seed: seed, problem: problem, detail: detail))
  }

  public var passed: Bool { held.count == seeds.count }

  /// The first seed that shows what didn't hold.
  public var firstFailed: UInt64? {
    let held = Set(held)
    return seeds.first { !held.contains($0) }
  }

  // MARK: Text

  /// `isBrief`: only what didn't hold.
  public func text(isBrief: Bool, paint: (String, Report.Colour) -> String = { text, _ in text }) -> String {
    func mark(_ passed: Bool) -> String { passed ? paint("✓", .green) : paint("✗", .red) }
    var lines = ["\(mark(passed)) \(paint(name.visible, .bold))  \(held.count) of \(seeds.count) seeds held"]
    for check in checks where !isBrief || !check.failed.isEmpty {
      lines.append("  \(mark(check.failed.isEmpty)) \(check.name.visible): \(check.held) of \(check.of) held")
      guard let first = check.failed.first else { continue }
      lines.append("      failed with \(Self.shown(check.failed.map(\.seed)))")
      lines.append("      seed \(first.seed): \(first.observed.visible); expected \(first.expected.visible) (line \(check.line))")
    }
    for problem in problems.prefix(10) {
      lines.append("  " + paint("✗ ", .red) + "seed \(problem.seed): \(problem.problem.visible)")
    }
    if problems.count > 10 { lines.append("  … and \(problems.count - 10) more") }
    return lines.joined(separator: "\n") + "\n"
  }

  /// `seeds 3, 7, 12..15`, all of them: they are what one wants to run again.
  public static func shown(_ seeds: [UInt64]) -> String {
    var ranges: [ClosedRange<UInt64>] = []
    for seed in seeds.sorted() {
      if let last = ranges.last, last.upperBound < .max, last.upperBound + 1 == seed {
        ranges[ranges.count - 1] = last.lowerBound...seed
      } else {
        ranges.append(seed...seed)
      }
    }
    let words = ranges.flatMap { range -> [String] in
      range.count > 2 ? ["\(range.lowerBound)..\(range.upperBound)"] : range.map { "\($0)" }
    }
    return (seeds.count == 1 ? "seed " : "seeds ") + words.joined(separator: ", ")
  }
}

extension JUnit.Suite {
  /// A case an expectation, which fails if it failed with any seed.
  public init(_ sweep: Sweep, wallTime: Nanoseconds) {
    self.init(name: sweep.name, file: sweep.file, wallTime: wallTime)
    properties = [.init("seeds", Sweep.shown(sweep.seeds)), .init("weft", sweep.version)]
    cases = sweep.checks.map { check in
      var test = JUnit.Case(name: check.name, line: check.line, outcome: .passed)
      test.properties = [.init("seeds-held", "\(check.held)"), .init("seeds-run", "\(check.of)")]
      if !check.failed.isEmpty {
        let seeds = Sweep.shown(check.failed.map(\.seed))
        test.outcome = .failure(
          message: "\(check.held) of \(check.of) seeds held; failed with \(seeds)",
          detail: check.failed.prefix(50).map { "seed \($0.seed): observed \($0.observed), expected \($0.expected)" }
            .joined(separator: "\n"))
      }
      return test
    }
    for problem in sweep.problems {
      cases.append(
        .init(
          name: "seed \(problem.seed): \(problem.problem)",
          outcome: .error(message: problem.problem, detail: problem.detail)))
    }
  }
}
