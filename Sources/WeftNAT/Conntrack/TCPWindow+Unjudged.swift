import WeftWire

// A gateway may know less of a connection than its ends do: one of them was restarted, or both have begun anew. What may
// be right passes unjudged and is noted; its answer says who was right (RFC 9293, 3.5.1; RFC 5382, REQ-2 asks for every way
// in which a connection opens).

extension TCPWindow {
  /// A segment that passes whatever its numbers are.
  mutating func note(_ segment: TCPSegment, _ direction: Direction, _ state: TCPState) {
    last.kind = segment.kind
    last.isReply = direction == .reply
    last.sequence = segment.sequence
    last.end = segment.end
    last.window = UInt16(truncatingIfNeeded: segment.window)
    if last.kind == .syn, !last.isReply {
      marks = segment.scale == nil ? [] : .scales
      scale = segment.scale ?? 0
      if state == .lastAck { marks.insert(.awaitsChallenge) }
    }
    if last.kind == .ack, last.isReply, state == .synSent { last.acknowledgment = segment.acknowledgment }
  }

  /// Whether a SYN+ACK acknowledges the SYN that was let by: both ends begin anew.
  func answersSYN(_ segment: TCPSegment, _ direction: Direction) -> Bool {
    segment.kind == .synACK && last.kind == .syn && last.isReply != (direction == .reply)
      && segment.acknowledgment == last.end
  }

  /// With that SYN; the other side's is still to come.
  mutating func beginAnew() {
    marks.remove(.awaitsChallenge)
    let opener = Side(
      end: last.end, limit: last.end, window: max(UInt32(last.window), 1), scale: scale,
      flags: marks.contains(.scales) ? Side.scales : 0)
    var other = Side()
    other.flags = (last.isReply ? original : reply).flags & Side.pickedUp
    original = last.isReply ? other : opener
    reply = last.isReply ? opener : other
  }

  /// Whether a RST answers an ACK that was no answer to the SYN: the server still has an older connection between the same
  /// ports, and <SEQ=SEG.ACK><CTL=RST> of the opener (RFC 9293, 3.10.7.3) makes it forget, far from the opener's own numbers.
  func answersStale(_ segment: TCPSegment) -> Bool {
    last.kind == .ack && last.isReply && segment.sequence == last.acknowledgment
  }

  /// Whether a RST follows its sender's last data directly: what was on its way needn't be acknowledged yet.
  func endsTrain(_ segment: TCPSegment, _ direction: Direction) -> Bool {
    last.kind == .ack && last.isReply == (direction == .reply) && segment.sequence == last.end
  }

  /// A connection that is met in the middle, with the first that is seen of it.
  mutating func pickUp(_ segment: TCPSegment) {
    let window = max(segment.window, 1)
    original.end = segment.end
    original.window = window
    original.limit = segment.end &+ window
    original.flags = Side.pickedUp
    reply.flags = Side.pickedUp
  }
}
