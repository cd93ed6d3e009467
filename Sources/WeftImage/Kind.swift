/// What a value in the compact coding is: docs/checkpoint.md has the table.
enum Kind: UInt8 {
  /// No bytes.
  case nothing
  /// One byte, 0 or 1.
  case bool
  /// Compact.
  case natural
  /// Compact, its sign in the lowest bit: 0, −1, 1, −2, …
  case integer
  /// Four bytes, eight bytes: IEEE 754.
  case float, double
  /// Compact length, UTF-8.
  case text
  /// Number of its shape (16), length (32), the fields.
  case record
  /// Length (32), count (compact); each key a text, then kind and value. In the order of the keys.
  case map
  /// Length (32), count (32); each element its kind and value.
  case list
  /// No bytes.
  case emptyList
  /// Compact count, then so many numbers of 1, 2, 4 or 8 bytes, little-endian.
  case bytes, halves, words, longs
}

/// The names and kinds of a record's fields, in their order: written once for all records that have them.
final class Shape {
  let number: UInt16
  let keys: [String]
  let kinds: [Kind]
  /// Of the writer: key number × 256 + kind, for comparing.
  let fields: [UInt32]
  private var places: [String: Int]?

  init(number: UInt16, keys: [String], kinds: [Kind], fields: [UInt32] = []) {
    self.number = number
    self.keys = keys
    self.kinds = kinds
    self.fields = fields
  }

  func place(of key: String) -> Int? {
    if places == nil { places = Dictionary(zip(keys, keys.indices)) { first, _ in first } }
    return places?[key]
  }
}
