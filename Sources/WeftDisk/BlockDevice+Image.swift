extension BlockDevice {
  /// A disk from a file of either kind: one that begins as a qcow2 file does is one, others are raw.
  /// - Throws: `DiskImageError`.
  public init(
    image file: [UInt8], named name: String, opening: (String) -> [UInt8]? = { _ in nil }
  ) throws(DiskImageError) {
    if file.starts(with: [0x51, 0x46, 0x49, 0xfb]) {
      try self.init(qcow2: file, named: name, opening: opening)
    } else {
      try self.init(raw: file, named: name)
    }
  }

  /// The same on a larger disk, behind whose end are zeros; its bitmaps don't go along.
  /// - Throws: `DiskError.size`: it would be smaller, or can't be.
  public func enlarged(to size: Int, cache: CacheMode) throws(DiskError) -> BlockDevice {
    guard size >= self.size else { throw .size(size) }
    var copy = try BlockDevice(size: size, cache: cache)
    copy.lower = lower
    copy.top = top
    copy.unflushed = UnflushedWrites()
    return copy
  }
}
