extension DiskLayer: Codable {
  enum CodingKeys: String, CodingKey { case name, zeros, written, bytes }

  /// Zeros at the end of a cluster aren't coded: one that holds a sector costs no 64 KiB.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    var zeros: [UInt64] = []
    var written: [UInt64] = []
    var bytes: [[UInt8]] = []
    clusters.forEach { index, cluster in
      if cluster.isZero {
        zeros.append(UInt64(index))
      } else {
        written.append(UInt64(index))
        bytes.append(Bytes.trimmed(cluster.bytes))
      }
    }
    try container.encode(name, forKey: .name)
    try container.encode(zeros, forKey: .zeros)
    try container.encode(written, forKey: .written)
    try container.encode(bytes, forKey: .bytes)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    name = try container.decode(String.self, forKey: .name)
    let limit = UInt64(BlockDevice.maximumSize >> Cluster.shift)
    func check(_ indices: [UInt64], _ key: CodingKeys) throws {
      guard zip(indices, indices.dropFirst()).allSatisfy({ $0 < $1 }), indices.last ?? 0 < limit else {
        throw DecodingError.dataCorruptedError(forKey: key, in: container, debugDescription: "clusters out of order")
      }
    }
    let zeros = try container.decode([UInt64].self, forKey: .zeros)
    try check(zeros, .zeros)
    for index in zeros { clusters[Int(index)] = .zero }
    let written = try container.decode([UInt64].self, forKey: .written)
    try check(written, .written)
    let bytes = try container.decode([[UInt8]].self, forKey: .bytes)
    guard bytes.count == written.count, bytes.allSatisfy({ $0.count <= Cluster.size }),
      written.allSatisfy({ clusters[Int($0)] == nil })
    else { throw DecodingError.dataCorruptedError(forKey: .bytes, in: container, debugDescription: "clusters and their bytes") }
    for (index, bytes) in zip(written, bytes) {
      clusters[Int(index)] = Cluster(bytes: bytes + [UInt8](repeating: 0, count: Cluster.size - bytes.count))
    }
  }

  /// Whether it is as layers of such a disk are.
  func fits(_ size: Int, isBase: Bool) -> Bool {
    let clusterCount = (size + Cluster.size - 1) >> Cluster.shift
    var fits = true
    clusters.forEach { index, cluster in
      if index >= clusterCount || isBase && cluster.isZero { fits = false }
      let rest = size - (index << Cluster.shift)
      if rest > 0, rest < Cluster.size, !cluster.isZero, !Bytes.areZero(Array(cluster.bytes[rest...])) { fits = false }
    }
    return fits
  }
}

extension BlockDevice: Codable {
  enum CodingKeys: String, CodingKey { case size, layers, cache, cacheLimit, bitmaps, recording, dirty, first, sectors, zeroed }

  /// The layers as the medium has them, then what wasn't flushed: `first` and `sectors` have an entry each write; where a write has no
  /// bytes it zeroed clusters, the next pair of `zeroed` (first, and behind the last).
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    var medium = top
    medium.clusters = unflushed.medium ?? top.clusters
    try container.encode(size, forKey: .size)
    try container.encode(lower + [medium], forKey: .layers)
    try container.encode(mode, forKey: .cache)
    try container.encode(cacheLimit, forKey: .cacheLimit)
    try container.encode(bitmaps.map(\.name), forKey: .bitmaps)
    try container.encode(bitmaps.map(\.isRecording), forKey: .recording)
    try container.encode(bitmaps.map(\.clusters), forKey: .dirty)
    var first: [UInt64] = []
    var sectors: [[UInt8]] = []
    var zeroed: [UInt64] = []
    for write in unflushed.writes {
      switch write {
      case .sectors(let number, let bytes):
        first.append(UInt64(number))
        sectors.append(bytes)
      case .zeros(let clusters):
        first.append(0)
        sectors.append([])
        zeroed += [UInt64(clusters.lowerBound), UInt64(clusters.upperBound)]
      }
    }
    try container.encode(first, forKey: .first)
    try container.encode(sectors, forKey: .sectors)
    try container.encode(zeroed, forKey: .zeroed)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func require(_ holds: Bool, _ key: CodingKeys, _ what: String) throws {
      if !holds { throw DecodingError.dataCorruptedError(forKey: key, in: container, debugDescription: what) }
    }
    do throws(DiskError) { self = try BlockDevice(size: (try? container.decode(Int.self, forKey: .size)) ?? 0) } catch {
      throw DecodingError.dataCorruptedError(forKey: .size, in: container, debugDescription: error.description)
    }
    var layers = try container.decode([DiskLayer].self, forKey: .layers)
    try require(!layers.isEmpty, .layers, "a disk without layers")
    for (index, layer) in layers.enumerated() {
      try require(layer.fits(size, isBase: index == 0), .layers, "a layer of another disk")
    }
    top = layers.removeLast()
    lower = layers
    mode = try container.decode(CacheMode.self, forKey: .cache)
    let limit = try container.decode(Int.self, forKey: .cacheLimit)
    try require(limit >= 0, .cacheLimit, "a cache of less than nothing")
    let names = try container.decode([String].self, forKey: .bitmaps)
    let recording = try container.decode([Bool].self, forKey: .recording)
    // As numbers first: of a set that reaches far behind the disk's end nothing is to be made.
    let dirty = try container.decode([[UInt64]].self, forKey: .dirty)
    try require(
      Set(names).count == names.count && names.allSatisfy { (1...1023).contains($0.utf8.count) }, .bitmaps,
      "a bitmap without a name of its own")
    try require(names.count == recording.count && names.count == dirty.count, .dirty, "bitmaps and their bits")
    for (index, pairs) in dirty.enumerated() {
      guard let clusters = ClusterSet(pairs: pairs, below: clusterCount) else {
        throw DecodingError.dataCorruptedError(forKey: .dirty, in: container, debugDescription: "ranges of a bitmap's bits")
      }
      bitmaps.append(DirtyBitmap(name: names[index], isRecording: recording[index], clusters: clusters))
    }

    let first = try container.decode([UInt64].self, forKey: .first)
    let sectors = try container.decode([[UInt8]].self, forKey: .sectors)
    var zeroed = try container.decode([UInt64].self, forKey: .zeroed)[...]
    try require(first.count == sectors.count && (mode != .writeThrough || first.isEmpty), .sectors, "writes without bytes")
    var writes: [UnflushedWrites.Write] = []
    for (first, bytes) in zip(first, sectors) {
      if bytes.isEmpty {
        guard let start = zeroed.popFirst(), let end = zeroed.popFirst(), start < end, end <= UInt64(clusterCount) else {
          throw DecodingError.dataCorruptedError(forKey: .zeroed, in: container, debugDescription: "zeros behind the disk's end")
        }
        writes.append(.zeros(clusters: Int(start)..<Int(end)))
      } else {
        let count = UInt64(size / Self.sectorSize)
        try require(
          bytes.count % Self.sectorSize == 0 && first < count && UInt64(bytes.count / Self.sectorSize) <= count - first, .first,
          "a write behind the disk's end")
        writes.append(.sectors(first: Int(first), bytes))
      }
    }
    try require(zeroed.isEmpty, .zeroed, "zeros of no write")
    unflushed = UnflushedWrites(writes, over: top.clusters, limit: limit)
    for write in writes { UnflushedWrites.apply(write, to: &top.clusters, over: lower) }
  }
}
