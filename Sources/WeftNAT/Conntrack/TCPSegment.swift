import WeftWire

/// What a segment says about sequence space, read once. Sequence numbers are never translated: they are the ends' own.
struct TCPSegment {
  var sequence: UInt32 = 0
  var acknowledgment: UInt32 = 0
  var window: UInt32 = 0
  /// Of data.
  var length: UInt32 = 0
  var flags = TCPFlags(rawValue: 0)
  /// Of a SYN: it has options, and of these the window scale.
  var hasOptions = false
  var scale: UInt8?
  /// Only its first fragment is here: where it ends isn't known.
  var isCutShort = false

  /// The sequence number after it.
  @inline(__always)
  var end: UInt32 {
    sequence &+ length
      &+ (flags.isDisjoint(with: [.syn, .fin]) ? 0 : flags.contains(.syn) && flags.contains(.fin) ? 2 : 1)
  }

  init() {}

  @inline(__always)
  init(_ tcp: borrowing TCPView, isCutShort: Bool) {
    sequence = tcp.sequence
    acknowledgment = tcp.acknowledgment
    window = UInt32(tcp.window)
    flags = tcp.flags
    length = UInt32(truncatingIfNeeded: tcp.bytes.byteCount &- tcp.headerLength)
    self.isCutShort = isCutShort
    if flags.contains(.syn), tcp.headerLength > 20 {
      hasOptions = true
      scale = TCPOptions(tcp.options)?.windowScale
    }
  }
}

extension TCPSegment {
  /// What it is for a connection's state: RST counts before SYN, SYN before FIN.
  enum Kind: UInt8, BitwiseCopyable { case none, ack, syn, synACK, fin, reset }

  var kind: Kind { Kind(flags) }
}

extension TCPSegment.Kind {
  init(_ flags: TCPFlags) {
    let hasACK = flags.contains(.ack)
    if flags.contains(.rst) {
      self = .reset
    } else if flags.contains(.syn) {
      self = hasACK ? .synACK : .syn
    } else if flags.contains(.fin) {
      self = .fin
    } else {
      self = hasACK ? .ack : .none
    }
  }
}
