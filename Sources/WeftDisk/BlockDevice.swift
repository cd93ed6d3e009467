/// A virtual disk: a base and overlays over it in sparse clusters of 64 KiB, a volatile write cache of sectors of 512 bytes, and
/// dirty bitmaps.
///
/// A value: a copy is a snapshot, which shares all clusters that neither changes. What a guest reads is what it wrote last; what is
/// left after a power cut is another matter (`powerCut`). Offsets and counts are bytes unless they are called sectors or clusters.
public struct BlockDevice: Sendable, Equatable {
  public static let sectorSize = 512
  public static let clusterSize = 65_536
  /// 64 TiB: a bitmap of all its clusters takes 128 MiB.
  public static let maximumSize = 1 << 46

  /// Bytes: a multiple of 512.
  public let size: Int
  /// Below the top one; the base first.
  var lower: [DiskLayer]
  /// Where writes go.
  var top: DiskLayer
  var unflushed = UnflushedWrites()
  public internal(set) var bitmaps: [DirtyBitmap] = []
  var mode: CacheMode

  /// - Parameters:
  ///   - size: bytes, a multiple of 512 from 512 to 64 TiB.
  ///   - name: of the base.
  ///   - cache: whether what is written waits in its cache for a flush.
  /// - Throws: `DiskError.size`.
  public init(size: Int, name: String = "base", cache: CacheMode = .writeBack) throws(DiskError) {
    guard size > 0, size % Self.sectorSize == 0, size <= Self.maximumSize else { throw .size(size) }
    self.size = size
    lower = []
    top = DiskLayer(name: name)
    mode = cache
  }

  /// The base first, the one that is written to last.
  public var layers: [DiskLayer] { lower + [top] }

  /// The clusters that the disk has, the last one perhaps in part.
  public var clusterCount: Int { (size + Cluster.size - 1) >> Cluster.shift }

  // MARK: What a guest does

  /// - Throws: `DiskError.outside`.
  public func read(at offset: Int, count: Int) throws(DiskError) -> [UInt8] {
    try check(offset, count)
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      let target = UnsafeMutableRawBufferPointer(buffer)
      var done = 0
      while done < count {
        let (index, inside) = ((offset + done) >> Cluster.shift, (offset + done) & (Cluster.size - 1))
        let length = min(count - done, Cluster.size - inside)
        let part = UnsafeMutableRawBufferPointer(rebasing: target[done..<done + length])
        if let bytes = self.bytes(of: index) {
          bytes.withUnsafeBytes { part.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[inside..<inside + length])) }
        } else {
          part.initializeMemory(as: UInt8.self, repeating: 0)
        }
        done += length
      }
      initialized = count
    }
  }

  /// Any range of bytes: the sectors it touches only in part are read first, and written whole.
  /// - Throws: `DiskError.outside`; nothing is written then.
  public mutating func write(_ bytes: [UInt8], at offset: Int) throws(DiskError) {
    try check(offset, bytes.count)
    guard !bytes.isEmpty else { return }
    let first = offset / Self.sectorSize
    let end = (offset + bytes.count + Self.sectorSize - 1) / Self.sectorSize
    if mode != .writeThrough { unflushed.begin(over: top.clusters) }
    bytes.withUnsafeBytes { Chain.put($0, at: offset, into: &top.clusters, over: lower) }
    if mode != .writeThrough {
      let isWhole = offset % Self.sectorSize == 0 && bytes.count % Self.sectorSize == 0
      let sectors =
        try isWhole ? bytes : read(at: first * Self.sectorSize, count: (end - first) * Self.sectorSize)
      unflushed.append(.sectors(first: first, sectors), over: lower)
    }
    record(offset >> Cluster.shift..<(offset + bytes.count - 1) >> Cluster.shift + 1)
  }

  /// Zeros: whole clusters cost no memory, and are one write of the cache; the rest is written as bytes.
  /// - Throws: `DiskError.outside`.
  public mutating func zero(at offset: Int, count: Int) throws(DiskError) {
    try check(offset, count)
    let end = offset + count
    let whole = wholeClusters(offset, end)
    guard !whole.isEmpty else { return try write([UInt8](repeating: 0, count: count), at: offset) }
    let (start, stop) = (whole.lowerBound << Cluster.shift, min(end, whole.upperBound << Cluster.shift))
    if offset < start { try write([UInt8](repeating: 0, count: start - offset), at: offset) }
    zeroClusters(whole)
    if stop < end { try write([UInt8](repeating: 0, count: end - stop), at: stop) }
  }

  /// What the guest needs no longer reads as zeros, cluster by cluster: less than a whole one is left as it is.
  /// - Throws: `DiskError.outside`.
  public mutating func discard(at offset: Int, count: Int) throws(DiskError) {
    try check(offset, count)
    let whole = wholeClusters(offset, offset + count)
    if !whole.isEmpty { zeroClusters(whole) }
  }

  private mutating func zeroClusters(_ clusters: Range<Int>) {
    if mode != .writeThrough { unflushed.begin(over: top.clusters) }
    Chain.zero(clusters, in: &top.clusters, over: lower)
    if mode != .writeThrough { unflushed.append(.zeros(clusters: clusters), over: lower) }
    record(clusters)
  }

  /// The last cluster of the disk is whole where it ends.
  private func wholeClusters(_ offset: Int, _ end: Int) -> Range<Int> {
    let first = (offset + Cluster.size - 1) >> Cluster.shift
    let last = end == size ? clusterCount : end >> Cluster.shift
    return first..<max(first, last)
  }

  private func check(_ offset: Int, _ count: Int) throws(DiskError) {
    guard offset >= 0, count >= 0, offset <= size, count <= size - offset else {
      throw .outside(offset: offset, count: count, size: size)
    }
  }

  /// nil: zeros.
  @inline(__always)
  func bytes(of cluster: Int) -> [UInt8]? {
    if let found = top.clusters[cluster] { return found.isZero ? nil : found.bytes }
    return Chain.bytes(of: cluster, in: lower)
  }
}
