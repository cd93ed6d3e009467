import Testing
import WeftCore
import WeftDisk
import WeftImage

@testable import WeftPrograms

/// What a store of records keeps when the power goes: tried before every write of a script, with every fate of what the disk had
/// not brought to its medium.
@Suite struct RecordStoreTests {
  private struct Put {
    var key: [UInt8]
    var value: [UInt8]
  }

  /// 200 PUTs over 40 keys, of 1 to 2,000 bytes.
  private static var script: [Put] {
    var random = RandomStream(seed: 7, owner: "script", purpose: "puts")
    return (0..<200).map { index in
      let text = Array("\(index)!".utf8)
      let length = 1 + Int(random.next(below: 2000))
      return Put(key: Array("key\(random.next(below: 40))".utf8), value: (0..<length).map { text[$0 % text.count] })
    }
  }

  private static func drive(_ cache: CacheMode = .writeBack) throws -> Drive {
    Drive(name: "root", try BlockDevice(size: 8 << 20, cache: cache), owner: "web", seed: 1)
  }

  private static func expectPut(_ fits: Bool, _ store: inout RecordStore, _ key: [UInt8], _ value: [UInt8], size: Int) {
    let did = store.put(key, value, size: size)
    #expect(did == fits)
  }

  /// What a store has: by key, in order.
  private static func contents(_ store: RecordStore) -> [[UInt8]: [UInt8]] {
    Dictionary(uniqueKeysWithValues: store.records.compactMap { record in record.value.map { (record.key, $0) } })
  }

  private static func contents(_ puts: ArraySlice<Put>) -> [[UInt8]: [UInt8]] {
    var all: [[UInt8]: [UInt8]] = [:]
    for put in puts { all[put.key] = put.value }
    return all
  }

  /// The fates of a power cut: all of up to 6 sectors, else a thousand drawn.
  private static func fates(_ sectors: Int, _ random: inout RandomStream) -> [[Bool]] {
    if sectors <= 6 { return (0..<1 << sectors).map { bits in (0..<sectors).map { bits >> $0 & 1 == 1 } } }
    return (0..<1000).map { _ in (0..<sectors).map { _ in random.next() >> 63 == 1 } }
  }

  /// Runs the script, `batch` PUTs to a flush; at each cut `check` is told how many were acknowledged and how many written.
  private static func cuts(
    journal: Bool, cache: CacheMode = .writeBack, batch: Int = 1, limit: Int = 200,
    _ check: (_ reopened: RecordStore, _ opening: RecordStore.Opening, _ acknowledged: Int, _ written: Int) throws -> Void
  ) throws {
    var drive = try drive(cache)
    var store = RecordStore(hasJournal: journal)
    var random = RandomStream(seed: 3, owner: "fates", purpose: "cuts")
    _ = try store.open(&drive, now: .start)
    let script = script.prefix(limit)
    var acknowledged = 0
    for (index, put) in script.enumerated() {
      Self.expectPut(true, &store, put.key, put.value, size: drive.size)
      try store.write(to: &drive, now: .start)
      // Written and not flushed: the moment before the next write.
      let device = drive.device
      for fate in Self.fates(device.unflushedSectors, &random) {
        var cut = device
        cut.powerCut { fate[$0] }
        var left = Drive(name: "root", cut, owner: "web", seed: 1)
        var reopened = RecordStore(hasJournal: journal)
        let opening = try reopened.open(&left, now: .seconds(9)).0
        try check(reopened, opening, acknowledged, index + 1)
      }
      if (index + 1) % batch == 0 {
        _ = try drive.flush(now: .start)
        acknowledged = index + 1
      }
    }
  }

  @Test func ofAJournalAllThatWasAcknowledgedIsThereAndNothingIsTornOrOutOfOrder() throws {
    let script = Self.script
    var torn = 0
    try Self.cuts(journal: true) { store, opening, acknowledged, written in
      let now = Self.contents(store)
      let possible = (acknowledged...written).contains { now == Self.contents(script[..<$0]) }
      #expect(possible, "after \(acknowledged) of \(written)")
      torn += opening.torn
    }
    #expect(torn > 100, "cuts within records are found and said")
  }

  /// Several records to a flush, as with a write-back: what is left is a beginning of what was written.
  @Test func ofABatchABeginningIsLeft() throws {
    let script = Self.script
    var lost = 0
    try Self.cuts(journal: true, batch: 5, limit: 40) { store, _, acknowledged, written in
      let now = Self.contents(store)
      let kept = (acknowledged...written).last { now == Self.contents(script[..<$0]) }
      #expect(kept != nil)
      lost += written - (kept ?? written)
    }
    #expect(lost > 0)
  }

  /// The control: in place a cut tears the new value, and the old one is gone.
  @Test func withoutAJournalValuesAreTornAndItIsSaid() throws {
    let script = Self.script
    var (torn, acknowledgedLost) = (0, 0)
    try Self.cuts(journal: false, limit: 20) { store, opening, acknowledged, written in
      torn += opening.torn
      let now = Self.contents(store)
      for (key, _) in Self.contents(script[..<acknowledged]) where now[key] == nil { acknowledgedLost += 1 }
      #expect(opening.torn == 0 || opening.tornAt != nil)
    }
    #expect(torn >= 1 && acknowledgedLost >= 1)
  }

  /// The control: a disk that only says that it flushes.
  @Test func onADiskThatLiesAcknowledgedRecordsAreLost() throws {
    var (lost, torn) = (0, 0)
    let script = Self.script
    try Self.cuts(journal: true, cache: .flushIgnored, limit: 30) { store, opening, acknowledged, _ in
      let now = Self.contents(store)
      for (key, value) in Self.contents(script[..<acknowledged]) where now[key] != value { lost += 1 }
      torn += opening.torn
    }
    #expect(lost >= 1 && torn >= 1)
  }

  /// What a cut left behind a torn record isn't taken for one that follows the next.
  @Test func whatIsLeftBehindATornRecordNeverComesBack() throws {
    var drive = try Self.drive()
    var store = RecordStore(hasJournal: true)
    _ = try store.open(&drive, now: .start)
    for value in [1, 2, 3] as [UInt8] {
      Self.expectPut(true, &store, [value], [UInt8](repeating: value, count: 1024), size: drive.size)
    }
    try store.write(to: &drive, now: .start)
    var device = drive.device
    // The first record loses the sector that it begins in; those behind it are whole.
    var unit = 0
    device.powerCut { _ in
      unit += 1
      return unit > 2
    }
    var left = Drive(name: "root", device, owner: "web", seed: 1)
    var again = RecordStore(hasJournal: true)
    _ = try again.open(&left, now: .seconds(1))
    Self.expectPut(true, &again, [1], [UInt8](repeating: 1, count: 1024), size: left.size)
    try again.write(to: &left, now: .seconds(1))
    _ = try left.flush(now: .seconds(1))
    var third = RecordStore(hasJournal: true)
    _ = try third.open(&left, now: .seconds(2))
    #expect(third.records.map(\.key) == [[1]])
  }

  @Test func aStoreOutlivesItsCode() throws {
    var drive = try Self.drive()
    var store = RecordStore(hasJournal: true)
    _ = try store.open(&drive, now: .start)
    for put in Self.script.prefix(20) { Self.expectPut(true, &store, put.key, put.value, size: drive.size) }
    let encoder = ImageEncoder()
    let bytes = try encoder.encode(store)
    var copy = try ImageDecoder(shapeTable: encoder.shapeTable).decode(RecordStore.self, from: bytes)
    #expect(copy.isConsistent && copy.hasUnwritten)
    try copy.write(to: &drive, now: .start)
    var reopened = RecordStore(hasJournal: true)
    let opening = try reopened.open(&drive, now: .start).0
    #expect(Self.contents(reopened) == Self.contents(Self.script[..<20]) && opening.torn == 0)
    #expect(opening.text(holding: store.count) == "\(reopened.count) records")
    #expect(
      RecordStore.Opening(records: 1200, torn: 1, tornAt: 65_024).text(holding: 1200)
        == "1,200 records, 1 torn at 65,024, discarded")
  }

  @Test func aFullLogTakesNoMore() throws {
    var drive = Drive(name: "root", try BlockDevice(size: 4096), owner: "web", seed: 1)
    var store = RecordStore(hasJournal: true)
    _ = try store.open(&drive, now: .start)
    Self.expectPut(true, &store, [1], [UInt8](repeating: 1, count: 3000), size: drive.size)
    Self.expectPut(false, &store, [2], [UInt8](repeating: 1, count: 3000), size: drive.size)
    Self.expectPut(true, &store, [2], [1], size: drive.size)
    try store.write(to: &drive, now: .start)
    Self.expectPut(false, &store, [], [1], size: drive.size)
  }
}
