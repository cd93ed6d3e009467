/// One file's clusters, read into a layer.
struct Qcow2Reader {
  let file: Qcow2Bytes
  let header: Qcow2Header
  /// A bit for each cluster of the file that something lies in: nothing may lie in one twice, so that a small file can't claim
  /// to be a large disk.
  private var claimed: [UInt64]

  init(_ file: Qcow2Bytes) throws(DiskImageError) {
    self.file = file
    header = try Qcow2Header(file)
    claimed = [UInt64](repeating: 0, count: (file.count >> header.clusterBits + 64) / 64)
    try claim(0, count: 1, "its header", from: 0)
    try claim(header.l1Offset, count: header.l1Entries * 8, "its L1 table", from: 40)
  }

  mutating func claim(_ offset: Int, count: Int, _ what: String, from: Int) throws(DiskImageError) {
    guard count > 0 else { return }
    for cluster in offset >> header.clusterBits...(offset + count - 1) >> header.clusterBits {
      guard claimed[cluster >> 6] >> UInt64(cluster & 63) & 1 == 0 else {
        throw file.damaged("\(what) lies in cluster \(cluster), where something else is", at: from)
      }
      claimed[cluster >> 6] |= 1 << UInt64(cluster & 63)
    }
  }

  /// Bytes, of all files of a chain.
  struct Memory {
    var used = 0
    var limit: Int
  }

  /// What an L2 entry says: docs/interop/qcow2.txt, "Cluster mapping".
  private enum Entry {
    case unwritten, zero
    case data(Int)
    case compressed(Range<Int>)
  }

  /// - Parameters:
  ///   - lower: the layers below, of the same size or cut to it.
  ///   - memory: what its clusters take is added.
  mutating func clusters(over lower: [DiskLayer], _ memory: inout Memory) throws(DiskImageError) -> SparseTable<Cluster> {
    var table = SparseTable<Cluster>()
    let (bits, perTable) = (header.clusterBits, header.l2Entries)
    let needed = (header.size + perTable << bits - 1) / (perTable << bits)
    for (number, entry) in file.words(header.l1Offset, needed).enumerated() {
      let from = header.l1Offset + number * 8
      guard entry & 0x7f00_0000_0000_01ff == 0 else { throw file.damaged("reserved bits in an L1 entry", at: from) }
      let offset = entry & ~(1 << 63)
      guard offset != 0 else { continue }
      let l2 = try file.place(offset, count: 1 << bits, cluster: 1 << bits, "an L2 table", from: from)
      try claim(l2, count: 1 << bits, "an L2 table", from: from)
      let entries = file.words(l2, perTable)
      for index in 0..<perTable where entries[index] != 0 {
        let guest = (number * perTable + index) << bits
        guard guest < header.size else { break }
        let place = l2 + index * 8
        switch try self.entry(entries[index], guest, from: place) {
        case .unwritten: break
        case .zero: write(nil, at: guest, into: &table, over: lower, &memory)
        case .data(let offset):
          let length = min(1 << bits, header.size - guest)
          file.bytes.withUnsafeBytes {
            write(UnsafeRawBufferPointer(rebasing: $0[offset..<offset + length]), at: guest, into: &table, over: lower, &memory)
          }
        case .compressed(let range):
          let inflated = file.bytes.withUnsafeBytes {
            Inflate.inflate(UnsafeRawBufferPointer(rebasing: $0[range]), count: 1 << bits)
          }
          guard let inflated else { throw file.damaged("a compressed cluster is damaged", at: range.lowerBound) }
          inflated.withUnsafeBytes {
            let length = min(1 << bits, header.size - guest)
            write(UnsafeRawBufferPointer(rebasing: $0[..<length]), at: guest, into: &table, over: lower, &memory)
          }
        }
        guard memory.used <= memory.limit else {
          throw DiskImageError(file: file.name, .tooLarge(memory.used, limit: memory.limit))
        }
      }
    }
    return table
  }

  private mutating func entry(_ entry: UInt64, _ guest: Int, from: Int) throws(DiskImageError) -> Entry {
    let bits = header.clusterBits
    if entry >> 62 & 1 == 1 {
      // The offset, which needn't be a multiple of anything; above it how many more sectors the stream touches.
      let shift = UInt64(62 - (bits - 8))
      let offset = Int(entry & (1 << shift - 1))
      let sectors = Int((entry & (1 << 62 - 1)) >> shift) + 1
      guard entry >> 63 == 0, offset >= 1 << bits, offset < file.count else {
        throw file.damaged("a compressed cluster lies outside the file's \(file.count) bytes", at: from)
      }
      return .compressed(offset..<min(file.count, offset + sectors * 512 - offset % 512))
    }
    let isZero = entry & 1 == 1
    let offset = entry & 0x00ff_ffff_ffff_fe00
    guard entry & 0x3f00_0000_0000_01fe == 0, !isZero || header.version == 3 else {
      throw file.damaged("reserved bits in an L2 entry", at: from)
    }
    guard offset != 0 else { return isZero ? .zero : .unwritten }
    let length = min(1 << bits, header.size - guest)
    let place = try file.place(offset, count: isZero ? 0 : length, cluster: 1 << bits, "a cluster", from: from)
    try claim(place, count: 1, "a cluster", from: from)
    return isZero ? .zero : .data(place)
  }

  /// Of their cluster or ours, whichever is larger. `source` nil: a cluster of zeros.
  private func write(
    _ source: UnsafeRawBufferPointer?, at guest: Int, into table: inout SparseTable<Cluster>, over lower: [DiskLayer],
    _ memory: inout Memory
  ) {
    let end = min(guest + header.clusterSize, header.size)
    var at = guest
    while at < end {
      let index = at >> Cluster.shift
      let next = min(end, (index + 1) << Cluster.shift)
      let isWhole = at & (Cluster.size - 1) == 0 && (next == (index + 1) << Cluster.shift || next == header.size)
      let part = source.map { UnsafeRawBufferPointer(rebasing: $0[at - guest..<next - guest]) }
      let isZero = part.map { Bytes.areZero($0) } ?? true
      let before = table[index]
      if isZero, isWhole {
        Chain.zero(index..<index + 1, in: &table, over: lower)
      } else if !isZero {
        if before?.isZero ?? true { memory.used += Cluster.size }
        if let part { Chain.put(part, at: at, into: &table, over: lower) }
      } else if before != nil || !lower.isEmpty {
        if before?.isZero ?? true { memory.used += Cluster.size }
        [UInt8](repeating: 0, count: next - at).withUnsafeBytes { Chain.put($0, at: at, into: &table, over: lower) }
      }
      at = next
    }
  }
}
