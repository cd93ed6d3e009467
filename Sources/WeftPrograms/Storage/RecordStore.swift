import WeftCore
import WeftDisk
import WeftWire

/// Records by key: all of them in memory, and on a disk as far as they were written.
///
/// With a journal the disk is a log; what counts is what can be read from its beginning to the first record that isn't whole. A
/// record is
///
///     +-----------------+---------------------+-----------------+------------+-----+-------+
///     | bytes behind 16 | number, one up each |     CRC32C      | key's bytes| key | value |
///     |      (32)       |        (64)         |      (32)       |    (16)    |     |       |
///     +-----------------+---------------------+-----------------+------------+-----+-------+
///
/// The sum is over all else and the sum of the record before, so that nothing that was left behind a torn record can follow
/// another one. An empty key marks where the log was opened; the top bit of the key's length, a key that was deleted.
///
/// Without one each record has a slot of its own, which is written over in place: torn, and the old value is gone with the new.
struct RecordStore: Codable, Sendable {
  struct Record: Codable, Sendable {
    var key: [UInt8]
    /// Nil: deleted.
    var value: [UInt8]?
    var number: UInt64
    /// In a store without a journal.
    var slot: Int
  }

  struct Opening: Codable, Sendable, Hashable {
    var records = 0
    var torn = 0
    /// Of the first: bytes from the disk's beginning.
    var tornAt: Int?
  }

  static let longestKey = 255
  static let longestValue = 16_384
  static let slotSize = 4096
  static let slots = 1024
  private static let header = 18

  let hasJournal: Bool
  /// In the order of their keys.
  private(set) var records: [Record] = []
  /// Not handed to the disk yet: keys and numbers, in their order.
  private var unwritten: [Record] = []
  private(set) var lastNumber: UInt64 = 0
  private var end = 0
  private var sum: UInt32 = 0
  private var usedSlots = 0

  init(hasJournal: Bool) { self.hasJournal = hasJournal }

  var count: Int { records.count { $0.value != nil } }
  var hasUnwritten: Bool { !unwritten.isEmpty }

  subscript(key: [UInt8]) -> [UInt8]? {
    guard let place = place(key) else { return nil }
    return records[place].value
  }

  // MARK: In memory

  /// False where there is no room on the disk, or it is too long.
  mutating func put(_ key: [UInt8], _ value: [UInt8]?, size: Int) -> Bool {
    let length = Self.header + key.count + (value?.count ?? 0)
    guard (1...Self.longestKey).contains(key.count), value?.count ?? 0 <= Self.longestValue else { return false }
    let known = place(key)
    if hasJournal {
      let waiting = unwritten.reduce(0) { $0 + Self.header + $1.key.count + ($1.value?.count ?? 0) }
      guard end + waiting + length <= size else { return false }
    } else {
      let slot = known.map { records[$0].slot } ?? usedSlots
      guard length <= Self.slotSize, slot < Self.slots, (slot + 1) * Self.slotSize <= size else { return false }
    }
    lastNumber += 1
    let record = Record(key: key, value: value, number: lastNumber, slot: known.map { records[$0].slot } ?? usedSlots)
    enter(record)
    unwritten.append(record)
    return true
  }

  private mutating func enter(_ record: Record) {
    if let place = place(record.key) {
      records[place] = record
    } else {
      records.insert(record, at: rank(record.key))
      usedSlots = max(usedSlots, record.slot + 1)
    }
  }

  /// The first place whose key isn't less.
  private func rank(_ key: [UInt8]) -> Int {
    var (low, high) = (0, records.count)
    while low < high {
      let middle = (low + high) / 2
      if records[middle].key.lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
    }
    return low
  }

  private func place(_ key: [UInt8]) -> Int? {
    let rank = rank(key)
    return rank < records.count && records[rank].key == key ? rank : nil
  }

  // MARK: On the disk

  /// Hands the disk what it hasn't been given, each record as a write of its own. It isn't flushed.
  mutating func write(to drive: inout Drive, now: Instant) throws(DiskError) {
    for record in unwritten { try write(record, to: &drive, now: now) }
    unwritten = []
  }

  private mutating func write(_ record: Record, to drive: inout Drive, now: Instant) throws(DiskError) {
    let bytes = Self.encode(record, after: hasJournal ? sum : 0)
    try drive.write(bytes, at: hasJournal ? end : record.slot * Self.slotSize, now: now)
    if hasJournal {
      sum = Self.sum(of: bytes)
      end += bytes.count
    }
  }

  /// Reads what is there, and makes the log go on behind it. When all of it has come.
  mutating func open(_ drive: inout Drive, now: Instant) throws(DiskError) -> (Opening, at: Instant) {
    self = RecordStore(hasJournal: hasJournal)
    return hasJournal ? try openLog(&drive, now: now) : try openSlots(&drive, now: now)
  }

  private mutating func openLog(_ drive: inout Drive, now: Instant) throws(DiskError) -> (Opening, at: Instant) {
    var opening = Opening()
    var at = now
    while end + Self.header <= drive.size {
      let head = try drive.read(at: end, count: Self.header, now: now)
      at = head.at
      let length = Int(Self.big(head.bytes, 0, 4)) + 16
      if length == 16 {
        // Nothing was ever there, or its first sector is lost: then what follows is no record's.
        break
      }
      guard length >= Self.header, length <= Self.header + Self.longestKey + Self.longestValue, length <= drive.size - end else {
        (opening.torn, opening.tornAt) = (1, end)
        break
      }
      let (bytes, there) = try drive.read(at: end, count: length, now: now)
      at = there
      guard let record = Self.decode(bytes, after: sum, slot: 0), record.number == lastNumber + 1 else {
        (opening.torn, opening.tornAt) = (1, end)
        break
      }
      lastNumber = record.number
      sum = Self.sum(of: bytes)
      end += length
      if !record.key.isEmpty { enter(record) }
    }
    opening.records = count
    // From here on another past goes on than the one that left something behind.
    guard end + Self.header + 8 <= drive.size else { return (opening, at) }
    lastNumber += 1
    var time = [UInt8](repeating: 0, count: 8)
    Self.put(now.rawValue, into: &time, at: 0, count: 8)
    try write(Record(key: [], value: time, number: lastNumber, slot: 0), to: &drive, now: now)
    return (opening, max(at, try drive.flush(now: now)))
  }

  private mutating func openSlots(_ drive: inout Drive, now: Instant) throws(DiskError) -> (Opening, at: Instant) {
    var opening = Opening()
    var at = now
    for slot in 0..<min(Self.slots, drive.size / Self.slotSize) {
      // One that lost the sector it begins in before it was ever there was never anybody's.
      let head = try drive.read(at: slot * Self.slotSize, count: Self.header, now: now)
      at = head.at
      guard head.bytes.contains(where: { $0 != 0 }) else { continue }
      let (bytes, there) = try drive.read(at: slot * Self.slotSize, count: Self.slotSize, now: now)
      at = there
      let length = Int(Self.big(bytes, 0, 4)) + 16
      guard length >= Self.header, length <= Self.slotSize,
        let record = Self.decode(Array(bytes[..<length]), after: 0, slot: slot)
      else {
        opening.torn += 1
        opening.tornAt = opening.tornAt ?? slot * Self.slotSize
        usedSlots = slot + 1
        continue
      }
      lastNumber = max(lastNumber, record.number)
      enter(record)
    }
    opening.records = count
    return (opening, at)
  }

  // MARK: Bytes

  private static func encode(_ record: Record, after previous: UInt32) -> [UInt8] {
    let length = header + record.key.count + (record.value?.count ?? 0)
    var bytes = [UInt8](repeating: 0, count: header)
    bytes.reserveCapacity(length)
    put(UInt64(length - 16), into: &bytes, at: 0, count: 4)
    put(record.number, into: &bytes, at: 4, count: 8)
    put(UInt64(record.key.count | (record.value == nil ? 0x8000 : 0)), into: &bytes, at: 16, count: 2)
    bytes += record.key
    bytes += record.value ?? []
    put(UInt64(check(bytes, after: previous)), into: &bytes, at: 12, count: 4)
    return bytes
  }

  private static func decode(_ bytes: [UInt8], after previous: UInt32, slot: Int) -> Record? {
    let word = Int(big(bytes, 16, 2))
    let keyLength = word & 0x7fff
    guard header + keyLength <= bytes.count, check(bytes, after: previous) == sum(of: bytes) else { return nil }
    let value = Array(bytes[(header + keyLength)...])
    return Record(
      key: Array(bytes[header..<header + keyLength]), value: word & 0x8000 == 0 ? value : nil, number: big(bytes, 4, 8),
      slot: slot)
  }

  /// As it stands in the record.
  private static func sum(of bytes: [UInt8]) -> UInt32 { UInt32(truncatingIfNeeded: big(bytes, 12, 4)) }

  private static func check(_ bytes: [UInt8], after previous: UInt32) -> UInt32 {
    var all = [UInt8](repeating: 0, count: 4)
    put(UInt64(previous), into: &all, at: 0, count: 4)
    all += bytes
    return CRC32C.checksum(all.span.bytes, zeroing: 16..<20)
  }

  private static func big(_ bytes: [UInt8], _ at: Int, _ count: Int) -> UInt64 {
    bytes[at..<at + count].reduce(0) { $0 << 8 | UInt64($1) }
  }

  private static func put(_ value: UInt64, into bytes: inout [UInt8], at: Int, count: Int) {
    for index in 0..<count { bytes[at + index] = UInt8(truncatingIfNeeded: value >> UInt64(8 * (count - 1 - index))) }
  }
}

extension RecordStore {
  /// Of a decoded one.
  var isConsistent: Bool {
    zip(records, records.dropFirst()).allSatisfy { $0.key.lexicographicallyPrecedes($1.key) }
      && (records + unwritten).allSatisfy {
        $0.key.count <= Self.longestKey && $0.value?.count ?? 0 <= Self.longestValue && (0..<Self.slots).contains($0.slot)
          && $0.number <= lastNumber
      } && end >= 0 && (0...Self.slots).contains(usedSlots)
  }
}

extension RecordStore.Opening {
  /// `203 records, 200 found, 1 torn at 65,024, discarded`; what was found is said where it holds other ones by now.
  func text(holding count: Int) -> String {
    var text = "\(Self.grouped(count)) records"
    if records != count, records > 0 { text += ", \(Self.grouped(records)) found" }
    if let tornAt { text += ", \(torn) torn at \(Self.grouped(tornAt)), discarded" }
    return text
  }

  static func grouped(_ number: Int) -> String {
    var (digits, text) = (Array(String(number)), "")
    while digits.count > 3 {
      text = "," + String(digits.suffix(3)) + text
      digits.removeLast(3)
    }
    return String(digits) + text
  }
}
