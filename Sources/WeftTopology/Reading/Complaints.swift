import WeftSettings

/// What is wrong with a file: every mistake, told once. Shared by all who look at the file for the length of one load.
final class Complaints {
  let source: SourceText
  private(set) var diagnostics: [Diagnostic] = []
  private(set) var errorCount = 0
  private var seen: Set<Diagnostic> = []

  init(_ source: SourceText) { self.source = source }

  /// Goes on from what the YAML reader found.
  func begin(after earlier: [Diagnostic]) { errorCount += earlier.count { $0.severity == .error } }

  /// Whether a check has nothing to say; what it says is not kept.
  func isFine(_ check: () -> Void) -> Bool {
    let saved = (diagnostics, errorCount, seen)
    defer { (diagnostics, errorCount, seen) = saved }
    seen = []
    check()
    return errorCount == saved.1
  }

  func report(
    _ message: String, at mark: Mark, length: Int = 1, hint: String? = nil, severity: Diagnostic.Severity = .error
  ) {
    // A mistake in `defaults` would come once for each node.
    let key = Diagnostic(
      severity: severity, file: "", line: mark.line, column: mark.column, message: message, sourceLine: "", length: 1)
    guard seen.insert(key).inserted else { return }
    if severity == .error { errorCount += 1 }
    guard diagnostics.count < 1000 else { return }
    diagnostics.append(source.diagnostic(severity, at: mark, length: length, message, hint: hint))
  }

  func finish(_ earlier: [Diagnostic], _ topology: Topology) -> TopologyLoad {
    var all = earlier + diagnostics
    if all.count >= 1000, let last = all.map(\.line).max() {
      let message = "too many mistakes; the rest is left out"
      all.append(source.diagnostic(.error, at: Mark(line: last + 1, column: 1), length: 1, message, hint: nil))
    }
    // Stable by index: of two at one place, the first found comes first.
    func rank(_ index: Int) -> (Int, Int, Int, Int) {
      (all[index].file == source.file ? 0 : 1, all[index].line, all[index].column, index)
    }
    let order = all.indices.sorted { rank($0) < rank($1) }
    let failed = errorCount > 0 || all.contains { $0.severity == .error }
    return TopologyLoad(topology: failed ? nil : topology, diagnostics: order.map { all[$0] })
  }

  func hasError(at mark: Mark) -> Bool {
    // In quotes the words begin a column later.
    diagnostics.contains {
      $0.severity == .error && $0.line == mark.line && (mark.column...mark.column + 1).contains($0.column)
    }
  }

  /// What was found in a text beside the file.
  func take(_ others: [Diagnostic]) {
    for diagnostic in others where diagnostics.count < 1000 && seen.insert(diagnostic).inserted {
      if diagnostic.severity == .error { errorCount += 1 }
      diagnostics.append(diagnostic)
    }
  }

  /// Takes back what was said of a place, where the whole is worth one message.
  func withdraw(at mark: Mark) {
    func isThere(_ diagnostic: Diagnostic) -> Bool {
      diagnostic.line == mark.line && diagnostic.column == mark.column && diagnostic.severity == .error
    }
    errorCount -= diagnostics.count(where: isThere)
    diagnostics.removeAll(where: isThere)
  }
}

/// Whoever looks at a file and may have to complain of it.
protocol Complaining: AnyObject {
  var complaints: Complaints { get }
}

extension Complaining {
  var source: SourceText { complaints.source }
  var errorCount: Int { complaints.errorCount }

  func report(
    _ message: String, at mark: Mark, length: Int = 1, hint: String? = nil, severity: Diagnostic.Severity = .error
  ) {
    complaints.report(message, at: mark, length: length, hint: hint, severity: severity)
  }

  func report(_ message: String, at value: Written, part: String? = nil, hint: String? = nil) {
    if let part, let mark = source.mark(of: part, from: value.mark) {
      report(message, at: mark, length: part.unicodeScalars.count, hint: hint)
    } else {
      report(message, at: value.mark, length: value.length, hint: hint)
    }
  }

  func report(_ complaint: Complaint, at value: Written) {
    // In quotes, where it may be meant, a dash or curly quote is not taken for a hyphen.
    let strange = value.text.flatMap(Lookalikes.first)
    let hint = strange.map(Lookalikes.message).map { "\($0.message): \($0.hint)" }
    report(complaint.message, at: value, part: complaint.part, hint: hint ?? complaint.hint)
  }

  /// Nothing that is wrong, but seldom what was meant.
  func warn(_ message: String, at value: Written, hint: String? = nil) {
    report(message, at: value.mark, length: value.length, hint: hint, severity: .warning)
  }

  /// A name's place: as long as the name.
  func report(_ message: String, atKey mark: Mark, _ key: String, hint: String? = nil) {
    report(message, at: mark, length: key.unicodeScalars.count, hint: hint)
  }

  /// What did not get into the topology must have been reported; a file is never read in part without a word.
  func lost(at mark: Mark) {
    if errorCount == 0 { report("this could not be read", at: mark) }
  }
}
