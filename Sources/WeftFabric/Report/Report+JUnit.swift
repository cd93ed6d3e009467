import WeftCore

/// Results as JUnit XML, which CI systems read: a suite a file, a case an expectation.
public enum JUnit {
  public struct Suite: Sendable {
    public var name: String
    public var file: String
    public var properties: [Property] = []
    public var cases: [Case] = []
    /// What it took of the world's time; the virtual time is a property.
    public var wallTime: Nanoseconds

    public init(name: String, file: String, wallTime: Nanoseconds = .zero) {
      self.name = name
      self.file = file
      self.wallTime = wallTime
    }
  }

  public struct Property: Sendable {
    public var name: String
    public var value: String

    public init(_ name: String, _ value: String) {
      self.name = name
      self.value = value
    }
  }

  public struct Case: Sendable {
    public enum Outcome: Sendable {
      case passed
      case failure(message: String, detail: String)
      /// It couldn't be tried.
      case error(message: String, detail: String)
    }

    public var name: String
    public var line: Int?
    public var properties: [Property] = []
    public var outcome: Outcome

    public init(name: String, line: Int? = nil, outcome: Outcome) {
      self.name = name
      self.line = line
      self.outcome = outcome
    }
  }

  public static func xml(_ suites: [Suite]) -> String {
    // Two files may say the same `name:`.
    let names = Dictionary(suites.map { ($0.name, 1) }, uniquingKeysWith: +)
    var lines = [#"<?xml version="1.0" encoding="UTF-8"?>"#]
    let total = suites.reduce(Nanoseconds.zero) { $0 + $1.wallTime }
    lines.append(#"<testsuites name="weft" \#(counts(suites.flatMap(\.cases))) time="\#(decimal(total))">"#)
    for suite in suites {
      let name = names[suite.name, default: 0] > 1 ? "\(suite.name) (\(suite.file))" : suite.name
      let file = #"file="\#(escaped(suite.file))""#
      lines.append(
        #"  <testsuite name="\#(escaped(name.visible))" \#(file) \#(counts(suite.cases)) time="\#(decimal(suite.wallTime))">"#)
      lines += properties(suite.properties, indent: "    ")
      // They ran all together: each has its share of the time, so that sums are right.
      let share = decimal(suite.cases.isEmpty ? .zero : suite.wallTime / UInt64(suite.cases.count))
      for test in suite.cases {
        let line = test.line.map { #" line="\#($0)""# } ?? ""
        let open =
          #"    <testcase name="\#(escaped(test.name.visible))" classname="\#(escaped(name.visible))" \#(file)\#(line) time="\#(share)""#
        let inner = properties(test.properties, indent: "      ") + element(test.outcome)
        lines += inner.isEmpty ? [open + "/>"] : [open + ">"] + inner + ["    </testcase>"]
      }
      lines.append("  </testsuite>")
    }
    lines.append("</testsuites>")
    return lines.joined(separator: "\n") + "\n"
  }

  private static func counts(_ cases: [Case]) -> String {
    var (failures, errors) = (0, 0)
    for test in cases {
      switch test.outcome {
      case .passed: break
      case .failure: failures += 1
      case .error: errors += 1
      }
    }
    return #"tests="\#(cases.count)" failures="\#(failures)" errors="\#(errors)""#
  }

  private static func properties(_ all: [Property], indent: String) -> [String] {
    guard !all.isEmpty else { return [] }
    return ["\(indent)<properties>"]
      + all.map { #"\#(indent)  <property name="\#(escaped($0.name))" value="\#(escaped($0.value))"/>"# }
      + ["\(indent)</properties>"]
  }

  private static func element(_ outcome: Case.Outcome) -> [String] {
    func lines(_ tag: String, _ message: String, _ detail: String) -> [String] {
      let open = #"      <\#(tag) message="\#(escaped(message))""#
      return [detail.isEmpty ? open + "/>" : open + ">\(escaped(detail, isAttribute: false))</\(tag)>"]
    }
    switch outcome {
    case .passed: return []
    case .failure(let message, let detail): return lines("failure", message, detail)
    case .error(let message, let detail): return lines("error", message, detail)
    }
  }

  /// Seconds as xs:decimal, which has no exponents.
  static func decimal(_ time: Nanoseconds) -> String {
    let micro = time.rawValue / 1000
    let fraction = String(micro % 1_000_000)
    return "\(micro / 1_000_000).\(String(repeating: "0", count: 6 - fraction.count))\(fraction)"
  }

  /// Text as XML 1.0 can hold it. Control characters can't be written in it, not even as references: they are shown as
  /// YAML writes them.
  public static func escaped(_ text: String, isAttribute: Bool = true) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar.value {
      case UInt32(UInt8(ascii: "&")): escaped += "&amp;"
      case UInt32(UInt8(ascii: "<")): escaped += "&lt;"
      case UInt32(UInt8(ascii: ">")): escaped += "&gt;"
      case UInt32(UInt8(ascii: "\"")): escaped += "&quot;"
      // A parser turns these in an attribute into spaces, and a CR anywhere into a LF (XML 1.0, 3.3.3 and 2.11).
      case 0x9, 0xa: escaped += isAttribute ? "&#\(scalar.value);" : String(scalar)
      case 0xd: escaped += "&#13;"
      case _ where scalar.isUnseen: escaped += scalar.escaped
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}

extension JUnit.Suite {
  /// A file's run.
  public init(_ report: Report, file: String, wallTime: Nanoseconds) {
    self.init(name: report.name, file: file, wallTime: wallTime)
    properties = [
      .init("seed", "\(report.seed)"), .init("virtual-time", JUnit.decimal(report.endedAt - .start)),
      .init("weft", report.version),
    ]
    if let cut = report.cut { properties.append(.init("cut", cut.description)) }
    cases = report.expectations.map { verdict in
      var test = JUnit.Case(name: verdict.name, line: verdict.line, outcome: .passed)
      test.properties = [.init("virtual-time", JUnit.decimal(verdict.decidedAt - .start))]
      if !verdict.passed {
        test.outcome = .failure(
          message: "expected \(verdict.expected), observed \(verdict.observed)",
          detail: ([verdict.advice?.text].compactMap(\.self) + verdict.evidence.map(\.description)).joined(separator: "\n"))
      }
      return test
    }
    if let ending = report.ending {
      cases.append(.init(name: "runs to its end", outcome: .error(message: ending, detail: "")))
    }
    // An event that couldn't happen fails the run, so it must fail here too.
    for complaint in report.complaints {
      cases.append(.init(name: "event of \(complaint)", outcome: .failure(message: complaint, detail: "")))
    }
  }

  /// A file that couldn't be run at all.
  public init(file: String, error: String, detail: String) {
    self.init(name: file, file: file)
    cases = [.init(name: "can be run", outcome: .error(message: error, detail: detail))]
  }
}

extension Report {
  public var failureCount: Int { expectations.count { !$0.passed } }
}
