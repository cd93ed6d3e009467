/// The Castagnoli checksum (RFC 9260, Appendix A): polynomial 0x1EDC6F41, reflected.
public enum CRC32C {
  private static let table: [UInt32] = (0..<256).map { byte in
    (0..<8).reduce(UInt32(byte)) { sum, _ in sum & 1 == 1 ? sum >> 1 ^ 0x82f6_3b78 : sum >> 1 }
  }

  /// Of all bytes but those of `skipped`, which count as zeros.
  public static func checksum(_ bytes: RawSpan, zeroing skipped: Range<Int> = 0..<0) -> UInt32 {
    table.withUnsafeBufferPointer { table in
      var sum: UInt32 = 0xffff_ffff
      for offset in 0..<bytes.byteCount {
        let byte = skipped.contains(offset) ? 0 : bytes.u8(offset)
        sum = table[Int((sum ^ UInt32(byte)) & 0xff)] ^ (sum >> 8)
      }
      return ~sum
    }
  }
}
