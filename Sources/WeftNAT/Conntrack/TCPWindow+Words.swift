// For a checkpoint.

extension TCPWindow {
  static let wordCount = 9

  var words: [UInt64] {
    original.words + reply.words + [
      UInt64(last.sequence) << 32 | UInt64(last.acknowledgment),
      UInt64(last.end) << 32 | UInt64(last.window) << 16 | (last.isReply ? 1 << 15 : 0) | UInt64(last.kind.rawValue) << 8
        | UInt64(retransmissions),
      UInt64(marks.rawValue) << 8 | UInt64(scale),
    ]
  }

  /// Nil where the words make no record.
  init?(_ w: ArraySlice<UInt64>) {
    let a = w.startIndex
    guard let original = Side(w[a..<a + 3]), let reply = Side(w[a + 3..<a + 6]),
      let kind = TCPSegment.Kind(rawValue: UInt8(w[a + 7] >> 8 & 127))
    else { return nil }
    self.original = original
    self.reply = reply
    last = Last(
      sequence: UInt32(w[a + 6] >> 32), acknowledgment: UInt32(truncatingIfNeeded: w[a + 6]),
      end: UInt32(w[a + 7] >> 32), window: UInt16(truncatingIfNeeded: w[a + 7] >> 16),
      isReply: w[a + 7] >> 15 & 1 != 0, kind: kind)
    retransmissions = UInt8(truncatingIfNeeded: w[a + 7])
    marks = Marks(rawValue: UInt8(truncatingIfNeeded: w[a + 8] >> 8))
    scale = UInt8(truncatingIfNeeded: w[a + 8])
    if scale > 14 { return nil }
  }
}

extension TCPWindow.Side {
  var words: [UInt64] {
    [
      UInt64(end) << 32 | UInt64(limit), UInt64(window) << 32 | UInt64(acknowledged),
      UInt64(scale) << 8 | UInt64(flags),
    ]
  }

  init?(_ w: ArraySlice<UInt64>) {
    let a = w.startIndex
    self.init()
    end = UInt32(w[a] >> 32)
    limit = UInt32(truncatingIfNeeded: w[a])
    window = UInt32(w[a + 1] >> 32)
    acknowledged = UInt32(truncatingIfNeeded: w[a + 1])
    scale = UInt8(truncatingIfNeeded: w[a + 2] >> 8)
    flags = UInt8(truncatingIfNeeded: w[a + 2])
    if scale > 14 { return nil }
  }
}
