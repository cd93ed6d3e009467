/// The Internet checksum: the ones' complement of the ones' complement sum of 16-bit words (RFC 1071).
public enum InternetChecksum {
  /// The unfolded sum of a span's 16-bit words in the machine's byte order (RFC 1071, 2(B)), on top of `initial`.
  /// An odd last byte counts as the high byte of a word.
  @inlinable public static func sum(_ bytes: RawSpan, initial: UInt64 = 0) -> UInt64 {
    let count = bytes.byteCount
    var offset = 0
    // Words of 128 bits are as good if their carries come round too (RFC 1071, 2(B)): two additions each, and one of the carry.
    var wide = UInt128(initial)
    var carries: UInt64 = 0
    while offset &+ 128 <= count {
      add(bytes, offset, &wide, &carries)
      add(bytes, offset &+ 16, &wide, &carries)
      add(bytes, offset &+ 32, &wide, &carries)
      add(bytes, offset &+ 48, &wide, &carries)
      add(bytes, offset &+ 64, &wide, &carries)
      add(bytes, offset &+ 80, &wide, &carries)
      add(bytes, offset &+ 96, &wide, &carries)
      add(bytes, offset &+ 112, &wide, &carries)
      offset &+= 128
    }
    while offset &+ 16 <= count {
      add(bytes, offset, &wide, &carries)
      offset &+= 16
    }
    var low = fold64(UInt64(truncatingIfNeeded: wide)) &+ fold64(UInt64(truncatingIfNeeded: wide >> 64)) &+ carries
    if offset &+ 8 <= count {
      low &+= fold64(unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt64.self))
      offset &+= 8
    }
    if offset &+ 4 <= count {
      low &+= UInt64(unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self))
      offset &+= 4
    }
    if offset &+ 2 <= count {
      low &+= UInt64(unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt16.self))
      offset &+= 2
    }
    if offset < count { low &+= UInt64(UInt16(bigEndian: UInt16(bytes.u8(offset)) << 8)) }
    return low
  }

  @inlinable @inline(__always)
  static func add(_ bytes: RawSpan, _ offset: Int, _ wide: inout UInt128, _ carries: inout UInt64) {
    let word = unsafe bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt128.self)
    let (sum, overflow) = wide.addingReportingOverflow(word)
    wide = sum
    carries &+= overflow ? 1 : 0
  }

  @inlinable @inline(__always) static func fold64(_ sum: UInt64) -> UInt64 { (sum & 0xffff_ffff) &+ (sum >> 32) }

  /// Folds a sum to the checksum as it stands in a header, in host byte order.
  @inlinable public static func finish(_ sum: UInt64) -> UInt16 {
    var folded = fold64(fold64(sum))
    folded = (folded & 0xffff) &+ (folded >> 16)
    folded = (folded & 0xffff) &+ (folded >> 16)
    return ~UInt16(bigEndian: UInt16(truncatingIfNeeded: (folded & 0xffff) &+ (folded >> 16)))
  }

  /// The checksum to write in a header whose checksum field is zero; 0 over bytes that hold their right checksum.
  @inlinable public static func checksum(_ bytes: RawSpan, initial: UInt64 = 0) -> UInt16 {
    finish(sum(bytes, initial: initial))
  }

  /// The sum of the IPv4 pseudo-header of TCP and UDP (RFC 9293, 3.1; RFC 768), to start `sum` with.
  @inlinable public static func pseudoHeader(
    source: IPv4Address, destination: IPv4Address, protocol: UInt8, length: Int
  ) -> UInt64 {
    UInt64(source.rawValue.bigEndian) &+ UInt64(destination.rawValue.bigEndian)
      &+ UInt64(UInt32(UInt32(`protocol`) << 16 | UInt32(truncatingIfNeeded: length & 0xffff)).bigEndian)
  }

  /// The checksum after one 16-bit word of what it covers changed (RFC 1624, equation 3).
  @inlinable public static func update(_ checksum: UInt16, replacing old: UInt16, with new: UInt16) -> UInt16 {
    var sum = UInt32(~checksum) &+ UInt32(~old) &+ UInt32(new)
    sum = (sum & 0xffff) &+ (sum >> 16)
    sum = (sum & 0xffff) &+ (sum >> 16)
    return ~UInt16(truncatingIfNeeded: sum)
  }

  /// The same for a 32-bit word, such as an address.
  @inlinable public static func update(_ checksum: UInt16, replacing old: UInt32, with new: UInt32) -> UInt16 {
    var sum = UInt32(~checksum) &+ (~old >> 16) &+ (~old & 0xffff) &+ (new >> 16) &+ (new & 0xffff)
    sum = (sum & 0xffff) &+ (sum >> 16)
    sum = (sum & 0xffff) &+ (sum >> 16)
    return ~UInt16(truncatingIfNeeded: sum)
  }
}
