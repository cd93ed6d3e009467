// Network byte order over spans. The caller has checked the length once, at the view's init; the accessors then don't
// check again, which is what lets a header read cost a load and a byte swap.

extension RawSpan {
  @inlinable @inline(__always) public func u8(_ offset: Int) -> UInt8 {
    unsafe unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt8.self)
  }
  @inlinable @inline(__always) public func u16(_ offset: Int) -> UInt16 {
    unsafe UInt16(bigEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt16.self))
  }
  @inlinable @inline(__always) public func u32(_ offset: Int) -> UInt32 {
    unsafe UInt32(bigEndian: unsafeLoadUnaligned(fromUncheckedByteOffset: offset, as: UInt32.self))
  }
  @inlinable @inline(__always) public func mac(_ offset: Int) -> MACAddress {
    MACAddress(rawValue: UInt64(u16(offset)) << 32 | UInt64(u32(offset + 2)))
  }
  @inlinable @inline(__always) public func ipv4(_ offset: Int) -> IPv4Address { IPv4Address(rawValue: u32(offset)) }

  /// The bytes as an array; for tests, reports and the slow path.
  public var array: [UInt8] { unsafe withUnsafeBytes { unsafe Array($0) } }
}

extension MutableRawSpan {
  // Checked stores: a header is written within the span or the program stops; input never decides an offset here.

  @inlinable @inline(__always) @_lifetime(self: copy self)
  public mutating func put(_ value: UInt8, at offset: Int) {
    storeBytes(of: value, toByteOffset: offset, as: UInt8.self)
  }
  @inlinable @inline(__always) @_lifetime(self: copy self)
  public mutating func put(_ value: UInt16, at offset: Int) {
    storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt16.self)
  }
  @inlinable @inline(__always) @_lifetime(self: copy self)
  public mutating func put(_ value: UInt32, at offset: Int) {
    storeBytes(of: value.bigEndian, toByteOffset: offset, as: UInt32.self)
  }
  @inlinable @inline(__always) @_lifetime(self: copy self)
  public mutating func put(_ mac: MACAddress, at offset: Int) {
    put(UInt16(truncatingIfNeeded: mac.rawValue >> 32), at: offset)
    put(UInt32(truncatingIfNeeded: mac.rawValue), at: offset + 2)
  }
  @inlinable @inline(__always) @_lifetime(self: copy self)
  public mutating func put(_ address: IPv4Address, at offset: Int) { put(address.rawValue, at: offset) }

  /// Within the span; both places may overlap.
  @inlinable @_lifetime(self: copy self)
  public mutating func move(from: Int, to: Int, count: Int) {
    precondition(min(from, to, count) >= 0 && max(from, to) + count <= byteCount)
    unsafe withUnsafeMutableBytes { bytes in
      guard let base = bytes.baseAddress else { return }
      unsafe (base + to).copyMemory(from: base + from, byteCount: count)
    }
  }

  @inlinable @_lifetime(self: copy self)
  public mutating func put(_ bytes: RawSpan, at offset: Int) {
    precondition(offset >= 0 && offset + bytes.byteCount <= byteCount)
    unsafe withUnsafeMutableBytes { destination in
      unsafe bytes.withUnsafeBytes { source in
        guard let from = source.baseAddress, let to = destination.baseAddress else { return }
        unsafe (to + offset).copyMemory(from: from, byteCount: source.count)
      }
    }
  }

  /// A part of it to write to. `extracting` has another name since Swift 6.3.
  @inlinable @inline(__always) @_lifetime(&self)
  public mutating func slice(_ bounds: Range<Int>) -> MutableRawSpan {
    #if compiler(>=6.3)
      return _mutatingExtracting(bounds)
    #else
      return extracting(bounds)
    #endif
  }
}
