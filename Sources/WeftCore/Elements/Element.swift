import WeftWire

/// A port of an element, counted from 0.
public struct PortIndex: BitwiseCopyable, Hashable, Sendable, Codable, Comparable {
  public let rawValue: UInt32
  @inlinable public init(_ rawValue: Int) { self.rawValue = UInt32(truncatingIfNeeded: rawValue) }
  @inlinable public var index: Int { Int(rawValue) }
  @inlinable public static func < (a: Self, b: Self) -> Bool { a.rawValue < b.rawValue }
  public init(from decoder: any Decoder) throws { rawValue = try decoder.singleValueContainer().decode(UInt32.self) }
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(rawValue)
  }
}

/// A node of the fabric as a pure state machine: frames and the time come in as arguments, effects go out. It reads no
/// clock, opens no socket, and holds all its state in itself.
///
/// Coding it whole is part of the contract: checkpoints, forks and migration are an element encoded here and decoded
/// there, and the decoded one must behave the same to the last bit. Frames that wait inside an element live in a
/// `FrameQueue`, which knows how to code them.
public protocol Element: Codable {
  /// Ports 0..<portCount take frames.
  var portCount: Int { get }

  /// A frame came in on a port. It must leave in `out`: transmitted, dropped with a reason, kept in a queue, or consumed.
  mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects)

  /// `deadline` has come. Called with `now` ≥ deadline; afterwards `deadline` must be later than `now`.
  mutating func wake(now: Instant, _ out: inout Effects)

  /// When it wants to be woken; `.never` if not. The driver reads it after every call.
  var deadline: Instant { get }

  /// The cable in a port was pulled or plugged in.
  mutating func linkChanged(_ port: PortIndex, up: Bool, now: Instant, _ out: inout Effects)

  /// Who it is on a port; nil for one that passes on what is for others, as a switch does.
  func mac(of port: PortIndex) -> MACAddress?

  /// Whether it answers for an address on a port.
  func answers(for address: IPv4Address, on port: PortIndex) -> Bool

  /// The traces of the frames that it keeps for later, and what each waits for; those without a trace left out.
  func forEachWaiting(_ body: (UInt32, Waiting) -> Void)

  /// What its tables hold, table by table, each in an order that doesn't depend on how it came about.
  func facts(now: Instant, _ facts: inout Facts)

  /// What it would look up now for a frame that came in on a port, and what it would find. Changes nothing. `ports`: its
  /// ports' names.
  func lookups(_ frame: borrowing Frame, on port: PortIndex, ports: [String], now: Instant) -> [Lookup]

  /// Of a decoded one: whether it can go on from where it is.
  var isConsistent: Bool { get }

  // MARK: What waits for a cable

  /// Whether it has queues of its own before its cables: then it is handed those to send into.
  static var queuesFrames: Bool { get }

  /// Sends a frame that it wanted transmitted, or keeps it until the cable has room. Of one that is dropped the frame stays
  /// the caller's, else it is the link's or the element's.
  mutating func send(_ frame: StoredFrame, on port: PortIndex, over link: inout Link, now: Instant) -> Departure

  /// When what it keeps for its cables is to be tried again; no later than which its `deadline` is.
  var retryAt: Instant { get }

  /// Called for each port when `retryAt` has come, after `wake`, until nothing is lost.
  mutating func sendWaiting(on port: PortIndex, over link: inout Link, now: Instant) -> LostFrame
}

/// What a frame that an element keeps waits for.
public enum Waiting: Hashable, Sendable {
  /// That a neighbour answers ARP.
  case neighbour(IPv4Address, on: PortIndex)
  /// Its turn: a cable's, or within the element.
  case turn
  /// It was dropped, and whether its sender is told is held open.
  case answer
  /// That the machine runs again.
  case running
}

/// What became of a frame on its way into a cable.
public enum Departure: Sendable {
  case sent
  /// Its element has it.
  case kept
  case dropped(DropReason)
}

/// One that a cable refused after its element had kept it.
public enum LostFrame: ~Copyable {
  case none
  case lost(Frame, DropReason)
}

// What an element without neighbours, addresses or queues need not say.
extension Element {
  public func mac(of port: PortIndex) -> MACAddress? { nil }
  public func answers(for address: IPv4Address, on port: PortIndex) -> Bool { false }
  public func forEachWaiting(_ body: (UInt32, Waiting) -> Void) {}
  public func facts(now: Instant, _ facts: inout Facts) {}
  public func lookups(_ frame: borrowing Frame, on port: PortIndex, ports: [String], now: Instant) -> [Lookup] { [] }
  public var isConsistent: Bool { true }

  public static var queuesFrames: Bool { false }
  @inlinable
  public mutating func send(
    _ frame: StoredFrame, on port: PortIndex, over link: inout Link, now: Instant
  ) -> Departure {
    switch link.take(frame, now: now) {
    case .sent: .sent
    case .dropped(let reason): .dropped(reason)
    }
  }
  public var retryAt: Instant { .never }
  public mutating func sendWaiting(on port: PortIndex, over link: inout Link, now: Instant) -> LostFrame { .none }
}
