/// 64 KiB of a disk in one of its layers, or the word that they are zeros, whatever the layers below hold.
struct Cluster: Equatable, Sendable {
  /// All 65,536 bytes, or none where they are zeros. Behind the end of the disk they are zero.
  var bytes: [UInt8]

  static var size: Int { 1 << shift }
  static var shift: Int { 16 }
  static let zero = Cluster(bytes: [])

  var isZero: Bool { bytes.isEmpty }

  static func == (one: Self, two: Self) -> Bool { Bytes.areEqual(one.bytes, two.bytes) }
}

/// One file of a disk's chain: what was written while it was the top one.
public struct DiskLayer: Sendable, Equatable {
  public let name: String
  /// What isn't here is as in the layers below; below the base all is zeros.
  var clusters = SparseTable<Cluster>()

  init(name: String) { self.name = name }

  /// Those that hold bytes, not only the word that they are zeros.
  public var usedClusters: Int {
    var used = 0
    clusters.forEach { if !$1.isZero { used += 1 } }
    return used
  }

  /// Makes all behind a number of bytes unwritten.
  mutating func truncate(to size: Int) {
    var behind: [Int] = []
    clusters.forEach { index, _ in if index << Cluster.shift >= size { behind.append(index) } }
    for index in behind { clusters[index] = nil }
    let rest = size & (Cluster.size - 1)
    guard rest > 0 else { return }
    clusters.update(size >> Cluster.shift) { cluster in
      guard cluster?.isZero == false else { return }
      cluster?.bytes.withUnsafeMutableBytes { _ = $0[rest...].initializeMemory(as: UInt8.self, repeating: 0) }
    }
  }
}

/// What is in a cluster of a chain.
enum Chain {
  /// The bytes of the topmost layer that has any; nil: zeros.
  @inline(__always)
  static func bytes(of cluster: Int, in layers: [DiskLayer]) -> [UInt8]? {
    for layer in layers.reversed() {
      if let found = layer.clusters[cluster] { return found.isZero ? nil : found.bytes }
    }
    return nil
  }

  /// Writes into a layer over others: a cluster that it hasn't comes up whole first.
  static func put(
    _ source: UnsafeRawBufferPointer, at offset: Int, into table: inout SparseTable<Cluster>, over lower: [DiskLayer]
  ) {
    var done = 0
    while done < source.count {
      let (index, inside) = ((offset + done) >> Cluster.shift, (offset + done) & (Cluster.size - 1))
      let part = UnsafeRawBufferPointer(rebasing: source[done..<min(source.count, done + Cluster.size - inside)])
      table.update(index) { cluster in
        if cluster?.isZero ?? true {
          let below = cluster == nil && part.count < Cluster.size ? bytes(of: index, in: lower) : nil
          cluster = Cluster(bytes: below ?? [UInt8](repeating: 0, count: Cluster.size))
        }
        cluster?.bytes.withUnsafeMutableBytes { UnsafeMutableRawBufferPointer(rebasing: $0[inside...]).copyMemory(from: part) }
      }
      done += part.count
    }
  }

  /// Whole clusters to zeros: the word for it only where a layer below has something, unwritten elsewhere.
  static func zero(_ clusters: Range<Int>, in table: inout SparseTable<Cluster>, over lower: [DiskLayer]) {
    var written = ClusterSet()
    if clusters.count > lower.reduce(table.count, { $0 + $1.clusters.count }) {
      for clusters in lower.map(\.clusters) + [table] { clusters.forEach { index, _ in written.insert(index) } }
    } else {
      written.insert(clusters)
    }
    for range in written.ranges {
      for index in range.clamped(to: clusters) {
        if lower.contains(where: { $0.clusters[index] != nil }) {
          table[index] = .zero
        } else if table[index] != nil {
          table[index] = nil
        }
      }
    }
  }

  /// A layer's clusters over those of the one below it. `isBase`: nothing is below that.
  static func merge(_ upper: SparseTable<Cluster>, into lower: inout SparseTable<Cluster>, isBase: Bool) {
    upper.forEach { index, cluster in
      if !(isBase && cluster.isZero) {
        lower[index] = cluster
      } else if lower[index] != nil {
        lower[index] = nil
      }
    }
  }
}
