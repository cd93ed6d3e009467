/// What stands behind an outcome in this lab, in words, with the line of the file that it comes from; and what would
/// change it, where the file can.
public struct Advice: Codable, Hashable, Sendable {
  public var line: Int?
  public var text: String
}
