extension BlockDevice {
  /// A run of clusters that have the same in common.
  public struct Extent: Sendable, Hashable {
    public enum Kind: Sendable, Hashable { case data, zero, unwritten }
    /// Bytes.
    public var offset: Int
    public var count: Int
    public var kind: Kind
    /// Layers above the one that says so: 0 is the top. Of what is unwritten: 0.
    public var depth: Int
  }

  /// The clusters that hold anything but zeros, as the guest reads them, in order: offset in bytes, and bytes (fewer than 65,536 at
  /// the end of a disk that ends within one).
  public func forEachCluster(_ body: (Int, [UInt8]) throws -> Void) rethrows {
    try flattened.forEach { index, cluster in
      guard !cluster.isZero, !Bytes.areZero(cluster.bytes) else { return }
      let offset = index << Cluster.shift
      try body(offset, size - offset < Cluster.size ? Array(cluster.bytes[..<(size - offset)]) : cluster.bytes)
    }
  }

  /// SHA-256 over the size and, of each cluster that isn't zero, its number and the SHA-256 of its bytes (numbers as 8 bytes,
  /// big-endian). Equal exactly if a guest reads the same everywhere, whatever the layers.
  public var contentHash: [UInt8] {
    var hash = SHA256()
    var number = [UInt8](repeating: 0, count: 8)
    number.putBig(UInt64(size), at: 0)
    hash.update(number)
    forEachCluster { offset, bytes in
      number.putBig(UInt64(offset >> Cluster.shift), at: 0)
      hash.update(number)
      hash.update(SHA256.hash(bytes))
    }
    return hash.finish()
  }

  /// The clusters that a guest reads otherwise than in another disk. What two snapshots share isn't looked at.
  public func changedClusters(since other: BlockDevice) -> ClusterSet {
    var changed = ClusterSet()
    flattened.forEachDifference(other.flattened) { index, one, two in
      let (one, two) = (one ?? .zero, two ?? .zero)
      if one == two { return }
      if one.isZero && Bytes.areZero(two.bytes) || two.isZero && Bytes.areZero(one.bytes) { return }
      changed.insert(index)
    }
    return changed
  }

  /// Clusters that hold bytes, of all layers; shared with copies or not.
  public var usedClusters: Int { layers.reduce(0) { $0 + $1.usedClusters } }
  public var usedBytes: Int { usedClusters * Cluster.size }

  /// What is written where, over the whole disk and without gaps, as `qemu-img map` has it.
  public var extents: [Extent] {
    struct Place: Equatable {
      var kind: Extent.Kind
      var depth: Int
    }
    var map = SparseTable<Place>()
    for (depth, layer) in layers.reversed().enumerated().reversed() {
      layer.clusters.forEach { map[$0] = Place(kind: $1.isZero ? .zero : .data, depth: depth) }
    }
    var extents: [Extent] = []
    func add(_ end: Int, _ place: Place) {
      let start = extents.last.map { $0.offset + $0.count } ?? 0
      let end = min(end, size)
      guard end > start else { return }
      if let last = extents.last, last.kind == place.kind, last.depth == place.depth {
        extents[extents.count - 1].count += end - start
      } else {
        extents.append(Extent(offset: start, count: end - start, kind: place.kind, depth: place.depth))
      }
    }
    let unwritten = Place(kind: .unwritten, depth: 0)
    map.forEach { index, place in
      add(index << Cluster.shift, unwritten)
      add((index + 1) << Cluster.shift, place)
    }
    add(size, unwritten)
    return extents
  }
}
