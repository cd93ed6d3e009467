/// Which clusters were written since somebody last asked: what an incremental backup copies.
public struct DirtyBitmap: Sendable, Equatable {
  public let name: String
  /// One that doesn't keeps what it has.
  public var isRecording: Bool
  public var clusters: ClusterSet

  public init(name: String, isRecording: Bool = true, clusters: ClusterSet = ClusterSet()) {
    self.name = name
    self.isRecording = isRecording
    self.clusters = clusters
  }
}

extension BlockDevice {
  /// Clean, recording from now on.
  /// - Throws: `DiskError.bitmapExists`, `DiskError.name`.
  public mutating func addBitmap(named name: String) throws(DiskError) {
    guard (1...1023).contains(name.utf8.count) else { throw .name(name) }
    guard bitmap(named: name) == nil else { throw .bitmapExists(name) }
    bitmaps.append(DirtyBitmap(name: name))
  }

  public func bitmap(named name: String) -> DirtyBitmap? { bitmaps.first { $0.name == name } }

  /// - Throws: `DiskError.noBitmap`.
  public mutating func removeBitmap(named name: String) throws(DiskError) { bitmaps.remove(at: try place(name)) }

  /// - Throws: `DiskError.noBitmap`.
  public mutating func setRecording(_ isRecording: Bool, of name: String) throws(DiskError) {
    bitmaps[try place(name)].isRecording = isRecording
  }

  /// What is dirty since the last sync of this bitmap; from now on it is clean. Others keep theirs.
  /// - Throws: `DiskError.noBitmap`.
  public mutating func sync(_ name: String) throws(DiskError) -> ClusterSet {
    let place = try place(name)
    defer { bitmaps[place].clusters = ClusterSet() }
    return bitmaps[place].clusters
  }

  /// Gives back what a sync took, for the copy has failed: both are dirty then.
  /// - Throws: `DiskError.noBitmap`.
  public mutating func mark(_ clusters: ClusterSet, in name: String) throws(DiskError) {
    bitmaps[try place(name)].clusters.formUnion(clusters)
  }

  private func place(_ name: String) throws(DiskError) -> Int {
    guard let place = bitmaps.firstIndex(where: { $0.name == name }) else { throw .noBitmap(name) }
    return place
  }

  @inline(__always)
  mutating func record(_ clusters: Range<Int>) {
    for index in bitmaps.indices where bitmaps[index].isRecording { bitmaps[index].clusters.insert(clusters) }
  }

  /// Becomes what it was in a snapshot. Bitmaps stay, and mark what differs too: the next incremental backup after one of before the
  /// revert is right. The cache is the snapshot's.
  /// - Precondition: of the same size.
  public mutating func revert(to snapshot: BlockDevice) {
    precondition(snapshot.size == size)
    let changed = changedClusters(since: snapshot)
    let own = bitmaps
    self = snapshot
    bitmaps = own
    for range in changed.ranges { record(range) }
  }
}
