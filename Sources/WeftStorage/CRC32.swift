import Foundation

/// The CRC of IEEE 802.3 and gzip (RFC 1952, 8): against accidents, not against forgers.
enum CRC32 {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xedb8_8320 : value >> 1 }
  }

  static func checksum(_ data: Data) -> UInt32 {
    data.withUnsafeBytes { bytes in
      table.withUnsafeBufferPointer { table in
        var value = ~UInt32(0)
        for byte in bytes { value = value >> 8 ^ table[Int((value ^ UInt32(byte)) & 255)] }
        return ~value
      }
    }
  }
}
