/// Why a piece of text is not what it should be.
public struct Complaint: Error {
  public var message: String
  public var hint: String?
  /// The part of the text that is wrong, where that is less than all of it.
  public var part: String?

  public init(_ message: String, hint: String? = nil, part: String? = nil) {
    self.message = message
    self.hint = hint
    self.part = part
  }
}
