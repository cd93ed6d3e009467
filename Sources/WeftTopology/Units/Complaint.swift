/// Why a piece of text is not what it should be.
struct Complaint: Error {
  var message: String
  var hint: String?
  /// The part of the text that is wrong, where that is less than all of it.
  var part: String?

  init(_ message: String, hint: String? = nil, part: String? = nil) {
    self.message = message
    self.hint = hint
    self.part = part
  }
}
