import WeftCore

/// Reports in JUnit's XML, as CI systems read it: a suite a topology, a case an expectation.
public enum JUnit {
  public static func xml(_ suites: [(file: String, report: Report)]) -> String {
    var lines = [#"<?xml version="1.0" encoding="UTF-8"?>"#]
    let tests = suites.reduce(0) { $0 + $1.report.caseCount }
    let failures = suites.reduce(0) { $0 + $1.report.failureCount + $1.report.complaints.count }
    lines.append(#"<testsuites name="weft" tests="\#(tests)" failures="\#(failures)">"#)
    for (file, report) in suites {
      lines.append(
        #"  <testsuite name="\#(escape(report.name.visible))" file="\#(escape(file))" tests="\#(report.caseCount)" "#
          + #"failures="\#(report.failureCount + report.complaints.count)" time="\#(report.endedAt.seconds)">"#)
      for verdict in report.expectations {
        let open =
          #"    <testcase name="\#(escape(verdict.name.visible))" classname="\#(escape(report.name.visible))" "#
          + #"file="\#(escape(file))" line="\#(verdict.line)" time="\#(verdict.decidedAt.seconds)""#
        guard !verdict.passed else {
          lines.append(open + "/>")
          continue
        }
        lines.append(open + ">")
        let detail = escape(verdict.evidence.map(\.description).joined(separator: "\n"))
        let message = escape("expected \(verdict.expected), observed \(verdict.observed)")
        lines.append(#"      <failure message="\#(message)">\#(detail)</failure>"#)
        lines.append("    </testcase>")
      }
      // An event that couldn't happen fails the run, so it must fail here too.
      for complaint in report.complaints {
        let place = #"classname="\#(escape(report.name.visible))" file="\#(escape(file))""#
        lines.append(#"    <testcase name="an event can be carried out" \#(place)>"#)
        lines.append(#"      <failure message="\#(escape(complaint))"/>"#)
        lines.append("    </testcase>")
      }
      lines.append("  </testsuite>")
    }
    lines.append("</testsuites>")
    return lines.joined(separator: "\n") + "\n"
  }

  /// XML 1.0 has no way to write most control characters, nor U+FFFE and U+FFFF: they are shown as YAML writes them.
  private static func escape(_ text: String) -> String {
    var escaped = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": escaped += "&amp;"
      case "<": escaped += "&lt;"
      case ">": escaped += "&gt;"
      case "\"": escaped += "&quot;"
      case "\n", "\t": escaped.unicodeScalars.append(scalar)
      case _ where scalar.isUnseen: escaped += scalar.escaped
      default: escaped.unicodeScalars.append(scalar)
      }
    }
    return escaped
  }
}

extension Report {
  var failureCount: Int { expectations.count { !$0.passed } }
  fileprivate var caseCount: Int { expectations.count + complaints.count }
}
