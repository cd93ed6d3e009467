extension BlockDevice {
  /// A new top layer: what is there now is written to no more. The cache is settled first, as `blockdev-snapshot-sync` drains and
  /// flushes before it does the same.
  public mutating func addOverlay(named name: String) {
    settle()
    lower.append(top)
    top = DiskLayer(name: name)
  }

  /// Commits an overlay into the layer below it, which keeps its name; what the guest reads stays, and so do bitmaps.
  /// - Parameter layer: its place in `layers`, from 1 on.
  /// - Throws: `DiskError.noOverlay`.
  public mutating func merge(layer: Int) throws(DiskError) {
    guard layer >= 1, layer <= lower.count else { throw .noOverlay(layer) }
    if layer == lower.count {
      settle()
      let upper = top.clusters
      top = lower.removeLast()
      Chain.merge(upper, into: &top.clusters, isBase: lower.isEmpty)
    } else {
      let upper = lower.remove(at: layer).clusters
      Chain.merge(upper, into: &lower[layer - 1].clusters, isBase: layer == 1)
    }
  }

  /// All in one layer, as the guest reads it.
  public mutating func flatten() { while !lower.isEmpty { try? merge(layer: lower.count) } }

  /// Throws the top layer away, and goes on with what was there when it was made. Bitmaps mark what changes by it.
  /// - Throws: `DiskError.noOverlay`: there is only the base.
  public mutating func dropOverlay() throws(DiskError) {
    guard !lower.isEmpty else { throw .noOverlay(0) }
    var changed = ClusterSet()
    top.clusters.forEach { index, _ in changed.insert(index) }
    unflushed.medium?.forEach { index, _ in changed.insert(index) }
    settle()
    top = lower.removeLast()
    for range in changed.ranges { record(range) }
  }

  /// What the guest reads, in one table.
  var flattened: SparseTable<Cluster> {
    guard var table = lower.first?.clusters else { return top.clusters }
    for layer in lower.dropFirst() { Chain.merge(layer.clusters, into: &table, isBase: true) }
    Chain.merge(top.clusters, into: &table, isBase: true)
    return table
  }
}
