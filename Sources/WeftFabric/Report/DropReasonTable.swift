import WeftCore

/// docs/drop-reasons.md: every reason, with what it means.
public enum DropReasonTable {
  public static var markdown: String {
    let rows = DropReason.allCases.map { "| `\($0.name)` | \($0.explanation) |\n" }
    return """
      # Why frames are dropped

      Each drop has a reason: beside its packet in the capture (`dropped by home: no-port-forward (tcp/80)`), in the report with
      how often, and in `reason:` of an expectation. Those that took nothing from anybody (copies and broadcasts for others) are
      called harmless in reports and `ignored by …` in captures.

      | reason | what it means |
      |---|---|

      """ + rows.joined()
  }
}
