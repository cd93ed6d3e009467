import WeftCore

/// What is wrong with a quantity, in words.
public struct QuantityError: Error, CustomStringConvertible {
  public let description: String
}

/// Sizes in bytes, for command lines.
public enum ByteSize {
  /// As the file writes it: `500 MB`, `64KiB`, `1000`.
  public static func parse(_ text: String) throws(QuantityError) -> UInt64 {
    do {
      return try Quantity.size(text)
    } catch {
      throw QuantityError(description: error.message)
    }
  }
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
