/// A machine's memory at a moment, as it is put into files: pages of 4 KiB, up to sixteen to a chunk. A page that another record
/// has already lies where that has it, so that what didn't change since takes nothing.
public struct MemoryRecord: Sendable, Codable, Hashable {
  /// Pages that follow one another, in memory and in a chunk.
  public struct Run: Sendable, Codable, Hashable {
    /// The number of its first page.
    public var page: UInt64
    public var count: Int
    /// Its place among the chunks, and its first page's place there.
    public var chunk: Int
    public var slot: Int
  }

  public static let pageSize = 4096
  static let slots = BlockDevice.clusterSize / pageSize

  public var chunks: [ChunkID]
  public var runs: [Run]

  /// Precondition: `isConsistent`.
  public var pageCount: Int { runs.reduce(0) { $0 + $1.count } }

  /// Of a decoded one: pages ascend, and lie within its chunks.
  public var isConsistent: Bool {
    runs.allSatisfy {
      (1...Self.slots).contains($0.count) && (0...Self.slots - $0.count).contains($0.slot) && chunks.indices.contains($0.chunk)
        && $0.page <= .max - UInt64(Self.slots)
    } && zip(runs, runs.dropFirst()).allSatisfy { $0.page + UInt64($0.count) <= $1.page }
  }
}

/// Puts pages into chunks, each of equal ones once.
public struct PagePacker {
  private var places: [[UInt8]: (chunk: ChunkID, slot: Int)] = [:]

  public init() {}

  /// - Parameters:
  ///   - pages: each of 4 KiB, by their numbers, ascending.
  ///   - chunks: where those go that weren't there before.
  public mutating func pack(
    _ pages: [(number: UInt64, bytes: [UInt8])], into chunks: inout [ChunkID: [UInt8]]
  ) -> MemoryRecord {
    var fresh: [[UInt8]] = []
    var seen: Set<[UInt8]> = []
    for page in pages where places[page.bytes] == nil && seen.insert(page.bytes).inserted { fresh.append(page.bytes) }
    var start = 0
    while start < fresh.count {
      let group = fresh[start..<min(fresh.count, start + MemoryRecord.slots)]
      let bytes = Array(group.joined())
      let id = ChunkID(of: bytes)
      chunks[id] = bytes
      for (slot, page) in group.enumerated() { places[page] = (id, slot) }
      start += group.count
    }
    var record = MemoryRecord(chunks: [], runs: [])
    var indices: [ChunkID: Int] = [:]
    for page in pages {
      guard let place = places[page.bytes] else { continue }
      let index = indices[place.chunk] ?? record.chunks.count
      if index == record.chunks.count {
        indices[place.chunk] = index
        record.chunks.append(place.chunk)
      }
      if let last = record.runs.last, last.chunk == index, last.slot + last.count == place.slot,
        last.page + UInt64(last.count) == page.number
      {
        record.runs[record.runs.count - 1].count += 1
      } else {
        record.runs.append(.init(page: page.number, count: 1, chunk: index, slot: place.slot))
      }
    }
    return record
  }
}
