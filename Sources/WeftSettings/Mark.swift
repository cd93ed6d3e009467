/// A place in the file, 1-based; column counts Unicode scalars.
public struct Mark: Sendable, Codable, Hashable {
  public var line: Int
  public var column: Int

  /// Of what was made by a program and stands in no file.
  public static let inCode = Mark(line: 0, column: 0)

  public init(line: Int, column: Int) {
    self.line = line
    self.column = column
  }
}

extension Mark: CustomStringConvertible {
  public var description: String { "\(line):\(column)" }
}
