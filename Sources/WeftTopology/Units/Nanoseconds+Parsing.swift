import WeftCore

/// What is wrong with a quantity, in words.
public struct QuantityError: Error, CustomStringConvertible {
  public let description: String
}

extension Nanoseconds {
  /// A duration as the file writes it, for command lines: `5s`, `1.5 s`, `200 ms`.
  public init(parsing text: String) throws(QuantityError) {
    do {
      self = try Quantity.duration(text)
    } catch {
      throw QuantityError(description: error.message)
    }
  }
}
