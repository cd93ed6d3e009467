/// What is asked of bytes here, a word at a time.
enum Bytes {
  /// Whether two arrays are one in memory.
  static func areOne<T>(_ one: [T], _ two: [T]) -> Bool {
    one.withUnsafeBufferPointer { one in
      two.withUnsafeBufferPointer { two in one.count == two.count && (one.isEmpty || one.baseAddress == two.baseAddress) }
    }
  }

  static func areZero(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var at = 0
    while at &+ 8 <= bytes.count {
      if bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self) != 0 { return false }
      at &+= 8
    }
    while at < bytes.count {
      if bytes[at] != 0 { return false }
      at &+= 1
    }
    return true
  }

  static func areZero(_ bytes: [UInt8]) -> Bool { bytes.withUnsafeBytes { areZero($0) } }

  static func areEqual(_ one: [UInt8], _ two: [UInt8]) -> Bool {
    guard one.count == two.count else { return false }
    return one.withUnsafeBytes { one in
      two.withUnsafeBytes { two in
        if one.baseAddress == two.baseAddress { return true }
        var at = 0
        while at &+ 8 <= one.count {
          if one.loadUnaligned(fromByteOffset: at, as: UInt64.self) != two.loadUnaligned(fromByteOffset: at, as: UInt64.self) {
            return false
          }
          at &+= 8
        }
        while at < one.count {
          if one[at] != two[at] { return false }
          at &+= 1
        }
        return true
      }
    }
  }

  /// Without the zeros at its end.
  static func trimmed(_ bytes: [UInt8]) -> [UInt8] {
    let length = bytes.withUnsafeBytes { bytes in
      var length = bytes.count
      while length >= 8, bytes.loadUnaligned(fromByteOffset: length &- 8, as: UInt64.self) == 0 { length &-= 8 }
      while length > 0, bytes[length &- 1] == 0 { length &-= 1 }
      return length
    }
    return length == bytes.count ? bytes : Array(bytes[..<length])
  }
}

extension [UInt8] {
  /// Precondition: it fits.
  mutating func putBig<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, at offset: Int) {
    withUnsafeMutableBytes { $0.storeBytes(of: value.bigEndian, toByteOffset: offset, as: T.self) }
  }
}
