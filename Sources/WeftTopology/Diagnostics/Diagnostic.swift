import WeftSettings

/// A mistake in a topology file, or a remark on it, with the place where it stands.
public struct Diagnostic: Sendable, Hashable {
  public enum Severity: String, Sendable, Hashable, Codable { case error, warning }

  public var severity: Severity
  public var file: String
  /// 1-based.
  public var line: Int
  /// 1-based, in Unicode scalars.
  public var column: Int
  public var message: String
  /// A way out: `did you mean "subnet"?`
  public var hint: String?
  /// The line of the file; very long ones are cut around the place.
  public var sourceLine: String
  /// How many Unicode scalars of the line are meant; at least 1.
  public var length: Int
  /// How many scalars were cut off in front of `sourceLine`.
  var cut: Int = 0

  public init(
    severity: Severity, file: String, line: Int, column: Int, message: String, hint: String? = nil,
    sourceLine: String, length: Int
  ) {
    self.severity = severity
    self.file = file
    self.line = line
    self.column = column
    self.message = message
    self.hint = hint
    self.sourceLine = sourceLine
    self.length = max(1, length)
  }
}

/// What became of a file: a topology exactly if no diagnostic is an error.
public struct TopologyLoad: Sendable {
  public var topology: Topology?
  /// In the order of the file.
  public var diagnostics: [Diagnostic]
}
