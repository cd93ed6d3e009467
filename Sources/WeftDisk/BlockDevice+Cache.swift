import WeftCore

extension BlockDevice {
  /// What a loss of power did to what the disk had taken and not yet brought to its medium.
  public struct PowerCut: Sendable, Hashable {
    /// Sectors of 512 bytes; zeroed clusters count as one.
    public var unflushed: Int
    /// Of those, how many reached the medium all the same.
    public var kept: Int
  }

  /// How the disk answers a flush. Set to `writeThrough`, it brings to its medium what it has.
  public var cache: CacheMode {
    get { mode }
    set {
      mode = newValue
      if newValue == .writeThrough { settle() }
    }
  }

  /// Sectors of 512 bytes that the cache holds at most, 131,072 (64 MiB) by default; beyond it the oldest go to the medium.
  public var cacheLimit: Int {
    get { unflushed.limit }
    set { unflushed.limit = max(0, newValue) }
  }

  /// Sectors that a power cut may lose; zeroed clusters count as one.
  public var unflushedSectors: Int { unflushed.units }

  /// The guest's request: all that it wrote is on the medium when it returns, unless the disk lies.
  public mutating func flush() { if mode != .flushIgnored { settle() } }

  /// Brings all to the medium: what an orderly end of the machine does even with a disk that ignores a flush.
  public mutating func settle() { unflushed.removeAll() }

  /// The power goes: of the sectors that weren't flushed each survives or not, drawn one by one in the order in which they were
  /// written (the top bit of a draw: it survives). Bitmaps mark what was lost, for whoever copied it has something else.
  @discardableResult
  public mutating func powerCut(using stream: inout RandomStream) -> PowerCut {
    powerCut { _ in stream.next() >> 63 == 1 }
  }

  /// The same with each fate given, by its place among those that weren't flushed: for trying all of them.
  @discardableResult
  public mutating func powerCut(keeping isKept: (Int) -> Bool) -> PowerCut {
    guard var table = unflushed.medium else { return PowerCut(unflushed: 0, kept: 0) }
    var (unit, kept) = (0, 0)
    for write in unflushed.writes {
      switch write {
      case .sectors(let first, let bytes):
        bytes.withUnsafeBytes { bytes in
          for sector in 0..<write.units {
            let offset = (first + sector) * Self.sectorSize
            if isKept(unit) {
              let place = sector * Self.sectorSize
              let part = UnsafeRawBufferPointer(rebasing: bytes[place..<place + Self.sectorSize])
              Chain.put(part, at: offset, into: &table, over: lower)
              kept += 1
            } else {
              record(offset >> Cluster.shift..<offset >> Cluster.shift + 1)
            }
            unit += 1
          }
        }
      case .zeros(let clusters):
        if isKept(unit) {
          Chain.zero(clusters, in: &table, over: lower)
          kept += 1
        } else {
          record(clusters)
        }
        unit += 1
      }
    }
    top.clusters = table
    unflushed.removeAll()
    return PowerCut(unflushed: unit, kept: kept)
  }
}
