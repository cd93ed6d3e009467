/// The CRC of IEEE 802.3 and gzip (RFC 1952, 8): against accidents, not against forgers.
public enum CRC32 {
  /// Eight tables: the contribution of a byte that stands so many bytes before the last, so that eight go at a time.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      tables[byte] = (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
    }
    for index in 256..<8 * 256 {
      let before = tables[index - 256]
      tables[index] = before >> 8 ^ tables[Int(before & 255)]
    }
    return tables
  }()

  public static func checksum(_ bytes: [UInt8]) -> UInt32 { bytes.withUnsafeBytes { checksum($0) } }

  public static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    tables.withUnsafeBufferPointer { tables in
      var value = ~UInt32(0)
      var at = 0
      while at &+ 8 <= bytes.count {
        let word = UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)) ^ UInt64(value)
        value = 0
        for byte in 0..<8 { value ^= tables[(7 &- byte) &* 256 &+ Int(word >> UInt64(byte &* 8) & 255)] }
        at &+= 8
      }
      while at < bytes.count {
        value = value >> 8 ^ tables[Int((value ^ UInt32(bytes[at])) & 255)]
        at &+= 1
      }
      return ~value
    }
  }
}
