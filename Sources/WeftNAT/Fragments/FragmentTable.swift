import WeftCore
import WeftWire

/// Datagrams that come in pieces. Nothing is reassembled: the first fragment is translated like a packet, the others as
/// it was. Those that come before it wait, bounded in number, bytes and time, so that a flood of halves costs a fixed
/// amount and pushes out only the oldest (RFC 4787, REQ-14).
struct FragmentTable: Codable {
  /// What fragments of one datagram have in common (RFC 791, 3.2), and the port they come in on.
  struct Key: FlatKey {
    var source: IPv4Address
    var destination: IPv4Address
    var identification: UInt16
    var port: GatewayPort
    var protocolNumber: UInt8

    var flatHash: UInt64 {
      mix64(
        mix64(UInt64(source.rawValue) << 32 | UInt64(destination.rawValue))
          ^ (UInt64(identification) << 32 | UInt64(port.number) << 8 | UInt64(protocolNumber)))
    }
  }

  /// What the first fragment's way was.
  struct Way: Codable {
    var source: IPv4Address
    var destination: IPv4Address
    var to: GatewayPort
    var decrement: Bool
  }

  enum Fate: Codable {
    case waiting
    case sent(Way)
    /// What the first was dropped for, or an overlap.
    case refused(DropReason)
  }

  struct Track: Codable {
    var sequence: UInt64
    var fate = Fate.waiting
    /// Offset and end of each piece, in bytes, in one word.
    var pieces: [UInt32] = []
    var received = 0
    /// Known from the last piece on.
    var total: Int?
    var held = FrameQueue(capacity: FragmentTable.piecesPerDatagram)

    var isComplete: Bool { total == received }

    /// Of a decoded one.
    var isConsistent: Bool {
      var sum = 0
      for piece in pieces {
        let (offset, end) = (Int(piece >> 16), Int(piece & 0xffff))
        if offset > end { return false }
        sum += end - offset
      }
      return pieces.count <= FragmentTable.piecesPerDatagram && received == sum && (0...65_535).contains(total ?? 0)
        && held.capacity == FragmentTable.piecesPerDatagram
    }
  }

  enum Piece { case new, duplicate, overlap, tooMany }

  static let timeout = Nanoseconds.seconds(30)
  static let datagrams = 1024
  static let piecesPerDatagram = 64
  static let heldFrames = 1024
  static let heldBytes = 1 << 20

  private struct Turn: Codable {
    var key: Key
    var sequence: UInt64
    var until: Instant
  }

  private(set) var tracks = FlatMap<Key, Track>()
  /// In the order in which they began, which is that of their deadlines.
  private var turns: [Turn] = []
  private var head = 0
  private var created: UInt64 = 0
  private(set) var heldCount = 0
  private(set) var heldByteCount = 0

  /// Of a decoded one: that turns, tracks and the frames held go together.
  var isConsistent: Bool {
    guard (0...turns.count).contains(head), tracks.count <= Self.datagrams, heldCount <= Self.heldFrames,
      zip(turns, turns.dropFirst()).allSatisfy({ $0.until <= $1.until })
    else { return false }
    let hasTurn = Set(turns[head...].map(\.sequence))
    var (frames, bytes) = (0, 0)
    for (_, track) in tracks.unordered {
      guard hasTurn.contains(track.sequence), track.isConsistent else { return false }
      frames += track.held.count
      bytes += track.held.map { $0.byteCount }.reduce(0, +)
    }
    return heldCount == frames && heldByteCount == bytes
  }

  func leads(below ports: Int) -> Bool {
    tracks.unordered.allSatisfy { key, track in
      guard key.port.index < ports, case .sent(let way) = track.fate else { return key.port.index < ports }
      return way.to.index < ports
    }
  }

  var isEmpty: Bool { tracks.isEmpty }
  var deadline: Instant { head < turns.count ? turns[head].until : .never }
  var isFull: Bool { tracks.count >= Self.datagrams }
  func mustMakeRoom(for bytes: Int) -> Bool {
    heldCount >= Self.heldFrames || heldByteCount + bytes > Self.heldBytes
  }

  mutating func begin(_ key: Key, now: Instant) {
    tracks[key] = Track(sequence: created)
    turns.append(Turn(key: key, sequence: created, until: now + Self.timeout))
    created &+= 1
  }

  /// What a piece would be to those that came before it. The bytes of two pieces never overlap in honest traffic: both
  /// can't be true (RFC 1858, RFC 5722).
  func judge(_ key: Key, offset: Int, end: Int, isLast: Bool) -> Piece {
    guard let track = tracks[key] else { return .new }
    if track.pieces.contains(UInt32(offset) << 16 | UInt32(end)) { return Piece.duplicate }
    if let total = track.total, end > total || isLast && end != total { return .overlap }
    for piece in track.pieces where Int(piece & 0xffff) > offset && Int(piece >> 16) < end { return .overlap }
    if isLast, track.pieces.contains(where: { Int($0 & 0xffff) > end }) { return .overlap }
    return track.pieces.count >= Self.piecesPerDatagram ? .tooMany : .new
  }

  /// Precondition: it is new.
  mutating func enter(_ key: Key, offset: Int, end: Int, isLast: Bool) {
    tracks.update(key) { track in
      track.pieces.append(UInt32(offset) << 16 | UInt32(end))
      track.received += end - offset
      if isLast { track.total = end }
    }
  }

  /// Whether a frame of the datagram could wait: those that began earlier make room for it, and no others.
  func canMakeRoom(for bytes: Int, _ key: Key) -> Bool {
    guard mustMakeRoom(for: bytes), let own = tracks[key] else { return true }
    var (count, sum) = (heldCount, heldByteCount)
    for turn in turns[head...] where turn.sequence < own.sequence {
      if count < Self.heldFrames, sum + bytes <= Self.heldBytes { return true }
      guard let track = tracks[turn.key], track.sequence == turn.sequence else { continue }
      count -= track.held.count
      sum -= track.held.map { $0.byteCount }.reduce(0, +)
    }
    return count < Self.heldFrames && sum + bytes <= Self.heldBytes
  }

  mutating func setFate(_ key: Key, _ fate: Fate) { tracks.update(key) { $0.fate = fate } }

  mutating func wait(_ key: Key, _ frame: consuming Frame) {
    heldCount += 1
    heldByteCount += frame.count
    let stored = frame.store()
    tracks.update(key) { $0.held.push(Frame(stored: stored)) }
  }

  /// The next of those that wait, in the order they came.
  mutating func release(_ key: Key) -> Frame? {
    guard let stored = tracks.update(key, { $0.held.pop()?.store() }) ?? nil else { return nil }
    let frame = Frame(stored: stored)
    heldCount -= 1
    heldByteCount -= frame.count
    return frame
  }

  /// Precondition: nothing of it waits.
  mutating func remove(_ key: Key) { tracks.remove(key) }

  /// The oldest, out of turn, or the next whose time is over; its frames are still in.
  mutating func oldest(until now: Instant? = nil) -> Key? {
    while head < turns.count {
      let turn = turns[head]
      let isThere = tracks[turn.key]?.sequence == turn.sequence
      if isThere, let now, turn.until > now { return nil }
      head += 1
      if head == turns.count || head > 2048 {
        turns.removeFirst(head)
        head = 0
      }
      if isThere { return turn.key }
    }
    return nil
  }
}
