/// Writes a table of clusters as a qcow2 file of version 3, whose clusters are ours: 64 KiB. The same clusters give the same bytes.
///
///     header | refcount table | refcount blocks | L1 | L2 tables | bitmap directory | bitmaps: table, bits | clusters
struct Qcow2Writer {
  private let size: Int
  private let table: SparseTable<Cluster>
  private let isOverlay: Bool
  private let backing: Qcow2Backing?
  private let bitmaps: [DirtyBitmap]

  /// The numbers of the L1 entries that have a table.
  private var l2Tables: [Int] = []
  private var dataClusters = 0
  private var directory: [UInt8] = []
  /// Of each bitmap, which clusters of its bits aren't all zero.
  private var bitClusters: [[Int]] = []
  private var layout = Layout()

  /// In clusters from the file's beginning.
  private struct Layout {
    var refcountTable = 1
    var refcountBlocks = 0
    var l1 = 0
    var l2 = 0
    var directory = 0
    var bitmaps = 0
    var data = 0
    var end = 0
  }

  private static let clusterSize = Cluster.size
  private static let entries = Cluster.size / 8
  /// 16 bits each.
  private static let perRefcountBlock = Cluster.size / 2
  /// Bits of one cluster of a bitmap.
  private static let perBitCluster = Cluster.size * 8
  private static let copied: UInt64 = 1 << 63

  init(size: Int, _ table: SparseTable<Cluster>, isOverlay: Bool, backing: Qcow2Backing?, bitmaps: [DirtyBitmap]) {
    self.size = size
    self.table = table
    self.isOverlay = isOverlay
    self.backing = backing
    self.bitmaps = bitmaps
    plan()
  }

  /// What an L2 entry is to say.
  private enum Kind { case unwritten, zero, data }
  private func kind(_ cluster: Cluster) -> Kind {
    if !cluster.isZero, !Bytes.areZero(cluster.bytes) { return .data }
    return isOverlay ? .zero : .unwritten
  }

  private static func clusters(_ bytes: Int) -> Int { (bytes + clusterSize - 1) / clusterSize }
  private var l1Entries: Int { (size + Self.entries * Self.clusterSize - 1) / (Self.entries * Self.clusterSize) }
  /// Clusters of bits that a bitmap's table has.
  private var bitmapEntries: Int { Self.clusters((Self.clusters(size) + 7) / 8) }

  private mutating func plan() {
    table.forEach { index, cluster in
      let kind = kind(cluster)
      if kind == .unwritten { return }
      if l2Tables.last != index / Self.entries { l2Tables.append(index / Self.entries) }
      if kind == .data { dataClusters += 1 }
    }
    bitClusters = bitmaps.map { bitmap in
      var numbers: [Int] = []
      for range in bitmap.clusters.ranges {
        for number in range.lowerBound / Self.perBitCluster...(range.upperBound - 1) / Self.perBitCluster
        where numbers.last != number { numbers.append(number) }
      }
      return numbers
    }
    let directoryLength = bitmaps.reduce(0) { $0 + (24 + $1.name.utf8.count + 7) / 8 * 8 }
    let bitmapClusters = bitClusters.reduce(0) { $0 + Self.clusters(bitmapEntries * 8) + $1.count }
    let rest =
      1 + Self.clusters(l1Entries * 8) + l2Tables.count + Self.clusters(directoryLength) + bitmapClusters + dataClusters
    // Refcount blocks count themselves and their table.
    var blocks = 1
    while true {
      let total = rest + blocks + Self.clusters(blocks * 8)
      let needed = (total + Self.perRefcountBlock - 1) / Self.perRefcountBlock
      if needed <= blocks { break }
      blocks = needed
    }
    layout.refcountBlocks = 1 + Self.clusters(blocks * 8)
    layout.l1 = layout.refcountBlocks + blocks
    layout.l2 = layout.l1 + Self.clusters(l1Entries * 8)
    layout.directory = layout.l2 + l2Tables.count
    layout.bitmaps = layout.directory + Self.clusters(directoryLength)
    layout.data = layout.bitmaps + bitmapClusters
    layout.end = layout.data + dataClusters
    directory = makeDirectory(directoryLength)
  }

  func write(to sink: ([UInt8]) throws -> Void) rethrows {
    try sink(header())
    let blocks = layout.l1 - layout.refcountBlocks
    try sink(Self.table(clusters: layout.refcountBlocks - 1, (0..<blocks).map { UInt64(layout.refcountBlocks + $0) << 16 }))
    for block in 0..<blocks {
      var counts = [UInt8](repeating: 0, count: Self.clusterSize)
      let used = min(Self.perRefcountBlock, layout.end - block * Self.perRefcountBlock)
      for index in 0..<max(0, used) { counts[index * 2 + 1] = 1 }
      try sink(counts)
    }
    var l1 = [UInt64](repeating: 0, count: l1Entries)
    for (number, index) in l2Tables.enumerated() { l1[index] = UInt64(layout.l2 + number) << 16 | Self.copied }
    try sink(Self.table(clusters: layout.l2 - layout.l1, l1))
    try writeL2(to: sink)
    if !bitmaps.isEmpty { try writeBitmaps(to: sink) }
    try table.forEach { if kind($1) == .data { try sink($1.bytes) } }
  }

  private static func table(clusters: Int, _ entries: [UInt64]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: clusters * clusterSize)
    for (index, entry) in entries.enumerated() where entry != 0 { bytes.putBig(entry, at: index * 8) }
    return bytes
  }

  private func writeL2(to sink: ([UInt8]) throws -> Void) rethrows {
    var next = UInt64(layout.data)
    var entries = [UInt64](repeating: 0, count: Self.entries)
    var current: Int?
    try table.forEach { index, cluster in
      let kind = kind(cluster)
      if kind == .unwritten { return }
      if let current, current != index / Self.entries {
        try sink(Self.table(clusters: 1, entries))
        entries = [UInt64](repeating: 0, count: Self.entries)
      }
      current = index / Self.entries
      if kind == .zero {
        entries[index % Self.entries] = 1
      } else {
        entries[index % Self.entries] = next << 16 | Self.copied
        next += 1
      }
    }
    if current != nil { try sink(Self.table(clusters: 1, entries)) }
  }

  // MARK: Header

  private func header() -> [UInt8] {
    var header = [UInt8](repeating: 0, count: Self.clusterSize)
    header.putBig(Qcow2Header.magic, at: 0)
    header.putBig(3 as UInt32, at: 4)
    header.putBig(16 as UInt32, at: 20)
    header.putBig(UInt64(size), at: 24)
    header.putBig(UInt32(l1Entries), at: 36)
    header.putBig(UInt64(layout.l1) << 16, at: 40)
    header.putBig(UInt64(layout.refcountTable) << 16, at: 48)
    header.putBig(UInt32(layout.refcountBlocks - 1), at: 56)
    header.putBig(UInt64(bitmaps.isEmpty ? 0 : 1), at: 88)
    header.putBig(4 as UInt32, at: 96)
    header.putBig(112 as UInt32, at: 100)
    var at = 112
    func add(_ kind: UInt32, _ body: [UInt8]) {
      header.putBig(kind, at: at)
      header.putBig(UInt32(body.count), at: at + 4)
      header.replaceSubrange(at + 8..<at + 8 + body.count, with: body)
      at += 8 + (body.count + 7) / 8 * 8
    }
    if let backing { add(Qcow2Header.Extension.backingFormat, Array(backing.format.rawValue.utf8)) }
    if !bitmaps.isEmpty {
      var body = [UInt8](repeating: 0, count: 24)
      body.putBig(UInt32(bitmaps.count), at: 0)
      body.putBig(UInt64(directory.count), at: 8)
      body.putBig(UInt64(layout.directory) << 16, at: 16)
      add(Qcow2Header.Extension.bitmaps, body)
    }
    add(0, [])
    if let backing {
      let name = Array(backing.name.utf8)
      header.putBig(UInt64(at), at: 8)
      header.putBig(UInt32(name.count), at: 16)
      header.replaceSubrange(at..<at + name.count, with: name)
    }
    return header
  }

  // MARK: Bitmaps

  private func makeDirectory(_ length: Int) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: length)
    var (at, cluster) = (0, layout.bitmaps)
    for (bitmap, numbers) in zip(bitmaps, bitClusters) {
      let name = Array(bitmap.name.utf8)
      bytes.putBig(UInt64(cluster) << 16, at: at)
      bytes.putBig(UInt32(bitmapEntries), at: at + 8)
      bytes.putBig(bitmap.isRecording ? 2 : 0 as UInt32, at: at + 12)
      bytes[at + 16] = 1
      bytes[at + 17] = 16
      bytes.putBig(UInt16(name.count), at: at + 18)
      bytes.replaceSubrange(at + 24..<at + 24 + name.count, with: name)
      at += (24 + name.count + 7) / 8 * 8
      cluster += Self.clusters(bitmapEntries * 8) + numbers.count
    }
    return bytes
  }

  private func writeBitmaps(to sink: ([UInt8]) throws -> Void) rethrows {
    let filling = [UInt8](repeating: 0, count: Self.clusters(directory.count) * Self.clusterSize - directory.count)
    try sink(directory + filling)
    var cluster = layout.bitmaps
    for (bitmap, numbers) in zip(bitmaps, bitClusters) {
      let tableClusters = Self.clusters(bitmapEntries * 8)
      cluster += tableClusters
      var entries = [UInt64](repeating: 0, count: bitmapEntries)
      for number in numbers {
        entries[number] = UInt64(cluster) << 16
        cluster += 1
      }
      try sink(Self.table(clusters: tableClusters, entries))
      let ranges = bitmap.clusters.ranges
      for number in numbers {
        var bits = [UInt8](repeating: 0, count: Self.clusterSize)
        let own = number * Self.perBitCluster..<(number + 1) * Self.perBitCluster
        for range in ranges where range.overlaps(own) {
          for bit in range.clamped(to: own) { bits[(bit - own.lowerBound) / 8] |= 1 << UInt8(bit & 7) }
        }
        try sink(bits)
      }
    }
  }
}
