import WeftCore
import WeftWire

/// One end of a TCP connection (RFC 9293) with Reno congestion control (RFC 5681, 6582, 6928) and scaled windows
/// (RFC 7323). Segments change its state; `output` says what it has to say, once everything that came was taken in and
/// the program has read and written: an answer then carries the acknowledgment.
@usableFromInline
struct TCPConnection: Codable {
  /// Bytes that may wait to be read, and the window offered; 1 Gbit/s for 33 ms.
  static let receiveLimit = 4 << 20
  /// Twice the largest window: what is unacknowledged may fill one, and the next is at hand.
  static let sendLimit = 8 << 20
  /// The window of a SYN isn't scaled; with a shift of 7, 8 MiB could be offered.
  static let windowShift: UInt8 = 7
  static let delayedACK = Nanoseconds.milliseconds(40)
  /// Twice the maximum segment lifetime (RFC 9293, 3.4.2), as Linux has it.
  static let timeWait = Nanoseconds.seconds(60)
  /// RFC 1122, 4.2.3.5's R2; Linux's tcp_retries2, tcp_syn_retries, tcp_synack_retries.
  static let retries: UInt8 = 15
  static let synRetries: UInt8 = 6
  static let synAckRetries: UInt8 = 5
  /// Answers to what is out of place (RFC 5961, 7; Linux's tcp_invalid_ratelimit): two confused ends don't talk for
  /// ever.
  static let challengeInterval = Nanoseconds.milliseconds(500)
  static let mostRanges = 256
  /// What every IPv4 link carries, 68 octets (RFC 791, 3.2), less the headers.
  static let leastSegmentSize = 28
  /// Segments under way at once, be they small: Linux's send buffer counts what each takes in memory.
  static let mostSegments = 16_384

  var state: TCPState
  let key: FourTuple
  /// Whom events are for.
  let tag: UInt64
  /// Nobody is any more: the stack sees it to its end.
  var isOrphan = false
  /// It counts among those in TIME-WAIT.
  var isTimeWait = false
  /// The owner's own, such as an index into a table of its clients.
  @usableFromInline var cookie: UInt32 = 0
  var trace: UInt32
  let isPassive: Bool
  let openedAt: Instant

  // For the layer: which events wait to be told, and whether it is listed.
  @usableFromInline var generation: UInt32
  var events: SocketEvents = []
  var error: SocketError?
  var isListed = false
  /// The earliest entry of the timer heap that stands for this connection.
  var timerAt = Instant.never

  // Sending. `sendBase` is the sequence number of the buffer's first byte.
  let initialSend: UInt32
  var sendBase: UInt32
  var unacknowledged: UInt32
  var next: UInt32
  /// The highest ever sent, plus one: `next` goes back after a timeout.
  var highest: UInt32
  var sendBuffer = ByteRing()
  var finQueued = false
  var sendWindow = 0
  var largestWindow = 0
  var windowSequence: UInt32 = 0
  var windowAcknowledgment: UInt32 = 0
  var sendShift: UInt8 = 0
  var segmentSize: Int

  // Receiving.
  var initialReceive: UInt32 = 0
  var expected: UInt32 = 0
  /// The right edge of the window offered.
  var offered: UInt32 = 0
  var acknowledgedUpTo: UInt32 = 0
  @usableFromInline var receiveBuffer = ByteRing()
  var outOfOrder: [SequenceRange] = []
  /// The sequence number of the other side's FIN.
  var peerFin: UInt32?
  /// Until the other end's SYN has come, what this one offers; 0: it scales no window.
  var receiveShift: UInt8 = 0
  let ownSegmentSize: Int
  /// What the first link of the way out takes: a neighbour's cable may be narrower than one's own. What is announced is
  /// what comes in over one's own.
  var pathSegmentSize: Int
  /// The longest payload seen: what counts as a full segment.
  var fullSegment = 536

  // Congestion control.
  var congestionWindow: Int
  var threshold = Int.max / 2
  var duplicates = 0
  var recover: UInt32
  var inRecovery = false
  var hadPartial = false
  var windowLimited = false
  var countedBytes = 0
  /// The quickest round trip so far: what the path takes without a queue.
  var leastRoundTrip = Nanoseconds(.max)
  var lastSent = Instant.start

  // Back-pressure of the machine's own cable; see `TCPConnection+Ahead`. Octets that may not have left yet, until when they will
  // have, and when it goes on sending.
  var ahead = 0
  var aheadLimit = Int.max
  var aheadUntil = Instant.start
  var sendAt = Instant.never

  // Timers.
  var roundTrip = RoundTripTime()
  var timedSequence: UInt32 = 0
  var timedAt = Instant.never
  var retransmitAt = Instant.never
  var isPersisting = false
  var attempts: UInt8 = 0
  var ackAt = Instant.never
  /// The end of TIME-WAIT, or of an abandoned FIN-WAIT-2.
  var lingerAt = Instant.never
  var challengedAt = Instant.never

  // What `output` is to do.
  var ackNow = false
  var retransmitNow = false
  var synNow = false
  /// The handshake's third segment: a frame of its own, whatever follows (RFC 9293, 3.5).
  var handshakeNow = false
  /// The owner wants no more of it: RST.
  var resetNow = false

  struct SequenceRange: Codable {
    var start: UInt32
    var end: UInt32
  }

  init(
    key: FourTuple, state: TCPState, tag: UInt64, trace: UInt32, initialSequence: UInt32, ownSegmentSize: Int,
    scalesWindow: Bool, generation: UInt32, now: Instant
  ) {
    self.key = key
    self.state = state
    self.tag = tag
    self.trace = trace
    self.generation = generation
    isPassive = state == .synReceived
    openedAt = now
    initialSend = initialSequence
    sendBase = initialSequence &+ 1
    unacknowledged = initialSequence
    next = initialSequence
    highest = initialSequence
    recover = initialSequence
    self.ownSegmentSize = ownSegmentSize
    pathSegmentSize = ownSegmentSize
    // Without the option 536 holds (RFC 9293, 3.7.1).
    segmentSize = min(536, ownSegmentSize)
    congestionWindow = 0
    receiveShift = scalesWindow ? Self.windowShift : 0
    synNow = true
  }

  var deadline: Instant { min(min(retransmitAt, ackAt), min(lingerAt, sendAt)) }

  /// The sequence number behind the last byte written.
  @inline(__always) var dataEnd: UInt32 { sendBase &+ UInt32(truncatingIfNeeded: sendBuffer.count) }
  @inline(__always) var inFlight: Int { next.distance(from: unacknowledged) }

  var mostInFlight: Int { min(64 << 20, Self.mostSegments * segmentSize) }

  /// RFC 6928, 2.
  var initialWindow: Int { min(10 * segmentSize, max(2 * segmentSize, 14_600)) }

  /// Bytes the owner may write now. Follows the congestion window, as Linux's buffers grow, so that a slow connection
  /// doesn't hold megabytes.
  @inline(__always)
  var writable: Int {
    guard !finQueued, state == .established || state == .closeWait || state == .synSent || state == .synReceived else {
      return 0
    }
    return max(0, min(Self.sendLimit, max(256 << 10, 2 * congestionWindow)) - sendBuffer.count)
  }

  // MARK: What the owner does

  mutating func finish(_ error: SocketError?) {
    state = .closed
    self.error = error
    events.insert(.closed)
    sendBuffer.release()
    retransmitAt = .never
    ackAt = .never
    lingerAt = .never
    sendAt = .never
    ackNow = false
    retransmitNow = false
    synNow = false
    handshakeNow = false
  }

  /// No more is written; what was goes out, then a FIN.
  mutating func shutdown() {
    guard !finQueued else { return }
    switch state {
    case .synSent: finish(nil)
    case .synReceived: finQueued = true
    case .established:
      finQueued = true
      state = .finWait1
    case .closeWait:
      finQueued = true
      state = .lastAck
    default: break
    }
  }

  /// The owner has read: offers the room again when that is worth a segment (RFC 9293, 3.8.6.2.2).
  mutating func didRead() {
    guard state.canReceive else { return }
    let gain = (expected &+ UInt32(truncatingIfNeeded: Self.receiveLimit - receiveBuffer.count)).distance(from: offered)
    let left = offered.distance(from: expected)
    if gain >= Self.receiveLimit / 2 || (left < 2 * fullSegment && gain >= fullSegment) { ackNow = true }
  }

  mutating func enterTimeWait(now: Instant) {
    state = .timeWait
    retransmitAt = .never
    lingerAt = now + Self.timeWait
    events.insert(.closed)
  }
}
