import WeftCore

/// The target's end of a migration's stream. It keeps of a page what tells whether it is the right one; a stream that lies is
/// refused where it does.
public struct PageReceiver: Sendable {
  public enum News: Equatable, Sendable {
    case hello(name: String, pages: UInt64)
    case round
    /// Enough to run it.
    case head
    /// All is there: equal to what the source had when it stopped, or not.
    case end(isEqual: Bool)
    /// No migration's stream.
    case nonsense
  }

  private static let mostHeld = 1 << 20

  private var waiting: [UInt8] = []
  private var isGreeted = false
  private var memory: UInt64 = 0
  private var hashes: [PageNumber: UInt64] = [:]
  public private(set) var digest = PageDigest()
  /// Zero pages, too.
  public private(set) var received: UInt64 = 0
  public private(set) var deviceBytes = 0

  public init() {}

  /// Takes what came, and tells what followed of it.
  public mutating func take(_ bytes: [UInt8]) -> [News] {
    waiting += bytes
    var (start, news): (Int, [News]) = (0, [])
    while let (length, what) = next(from: start) {
      start += length
      if let what { news.append(what) }
      if what == .nonsense { break }
    }
    waiting.removeFirst(min(start, waiting.count))
    return news
  }

  /// One record: how long it is, and what it tells. Nil where it isn't all there.
  private mutating func next(from start: Int) -> (length: Int, News?)? {
    let left = waiting.count - start
    guard isGreeted else { return greeting(from: start, left) }
    guard left >= 8 else { return nil }
    let head: UInt64 = MigrationStream.number(waiting[start..<start + 8])
    let number = PageNumber(rawValue: head & ~(7 << 61))
    switch head >> 61 {
    case 1:
      let length = 8 + WorkingSet.pageSize
      guard left >= length else { return nil }
      store(number, PageHash.of(Array(waiting[start + 8..<start + length])))
      return (length, nil)
    case 2:
      guard left >= 9 else { return nil }
      store(number, nil)
      return (9, nil)
    case 3:
      let count = Int(head & 0xffff_ffff)
      guard count <= Self.mostHeld else { return (left, .nonsense) }
      guard left >= 8 + count else { return nil }
      return (8 + count, control(UInt32(truncatingIfNeeded: head >> 32 & 0xffff), waiting[start + 8..<start + 8 + count]))
    default: return (left, .nonsense)
    }
  }

  private mutating func greeting(from start: Int, _ left: Int) -> (length: Int, News?)? {
    guard left >= 14 else { return nil }
    let count = Int(MigrationStream.number(waiting[start + 12..<start + 14], as: UInt16.self))
    guard Array(waiting[start..<start + 8]) == MigrationStream.magic,
      MigrationStream.number(waiting[start + 8..<start + 12], as: UInt32.self) == MigrationStream.version
    else { return (left, .nonsense) }
    guard left >= 22 + count else { return nil }
    let name = String(decoding: waiting[start + 14..<start + 14 + count], as: UTF8.self)
    memory = MigrationStream.number(waiting[start + 14 + count..<start + 22 + count])
    isGreeted = true
    return (22 + count, .hello(name: name, pages: memory))
  }

  private mutating func store(_ number: PageNumber, _ hash: UInt64?) {
    received += 1
    if let old = hashes.removeValue(forKey: number) { digest.remove(number, old) }
    guard let hash else { return }
    hashes[number] = hash
    digest.add(number, hash)
  }

  private mutating func control(_ kind: UInt32, _ body: ArraySlice<UInt8>) -> News? {
    switch MigrationStream.Control(rawValue: kind) {
    case .round: return .round
    case .head: return .head
    case .devices:
      deviceBytes = body.count
      return nil
    case .disk: return body.count > 10 && body.count <= 10 + DiskWrite.largest ? nil : .nonsense
    case .end:
      guard body.count == 16 else { return .nonsense }
      let middle = body.startIndex + 8
      return .end(
        isEqual: MigrationStream.number(body[..<middle]) == digest.sum && MigrationStream.number(body[middle...]) == digest.pages)
    case nil: return .nonsense
    }
  }
}

extension PageReceiver: Codable {
  private enum CodingKeys: CodingKey { case waiting, isGreeted, memory, numbers, hashes, received, deviceBytes }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(waiting, forKey: .waiting)
    try container.encode(isGreeted, forKey: .isGreeted)
    try container.encode(memory, forKey: .memory)
    // In order: the same state is the same bytes.
    let pages = hashes.sorted { $0.key < $1.key }
    try container.encode(pages.map(\.key.rawValue), forKey: .numbers)
    try container.encode(pages.map(\.value), forKey: .hashes)
    try container.encode(received, forKey: .received)
    try container.encode(deviceBytes, forKey: .deviceBytes)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    waiting = try container.decode([UInt8].self, forKey: .waiting)
    isGreeted = try container.decode(Bool.self, forKey: .isGreeted)
    memory = try container.decode(UInt64.self, forKey: .memory)
    let numbers = try container.decode([UInt64].self, forKey: .numbers)
    let all = try container.decode([UInt64].self, forKey: .hashes)
    guard numbers.count == all.count, Set(numbers).count == numbers.count else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "pages of a migration"))
    }
    for (number, hash) in zip(numbers, all) {
      hashes[PageNumber(rawValue: number)] = hash
      digest.add(PageNumber(rawValue: number), hash)
    }
    received = try container.decode(UInt64.self, forKey: .received)
    deviceBytes = try container.decode(Int.self, forKey: .deviceBytes)
  }
}
