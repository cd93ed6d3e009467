import WeftCore
import WeftWire

/// Puts fragments together (RFC 791, 3.2; RFC 815), within bounds: so many datagrams, so many bytes, so much time.
/// The fragments wait as the frames they came in, so that each can be dropped with a reason when the rest doesn't come.
struct Reassembly: Codable {
  static let datagrams = 64
  static let bytes = 256 * 1024
  /// Of one datagram: what a full one has at an MTU of 1,044 or more.
  static let fragments = 64
  /// Linux's ipfrag_time; RFC 1122, 3.3.2 asks for 60 to 120 s of old.
  static let timeout = Nanoseconds.seconds(30)

  struct Key: Codable, Equatable {
    var source: IPv4Address
    var destination: IPv4Address
    var protocolNumber: UInt8
    var identification: UInt16
  }

  struct Partial: Codable {
    var key: Key
    var deadline: Instant
    var port: PortIndex
    /// Payload bytes there are, and of the whole, once the last fragment has told.
    var received = 0
    var total: Int?
    var ranges: [Range<Int>] = []
    var frames = FrameQueue(capacity: Reassembly.fragments)
  }

  enum Outcome {
    case waiting
    case complete([UInt8], trace: UInt32)
  }

  private(set) var partials: [Partial] = []
  private var held = 0

  var deadline: Instant {
    // They have the same time to live, so the oldest is the first.
    partials.first?.deadline ?? .never
  }

  /// Takes in a fragment, untagged, whose header has been checked.
  /// When it was the last one missing, the whole packet comes out with its header, not fragmented any more.
  mutating func receive(
    _ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects
  ) -> Outcome {
    guard let (key, range, more) = Self.parse(frame.bytes) else {
      out.drop(frame, on: port, .malformedIPv4)
      return .waiting
    }
    // All but the last end on a multiple of 8, and nothing ends behind the longest packet there is ("ping of death").
    guard !range.isEmpty, !more || range.count % 8 == 0, range.upperBound <= 65535 - 20 else {
      out.drop(frame, on: port, .malformedIPv4)
      return .waiting
    }
    var index = partials.count
    for candidate in partials.indices where partials[candidate].key == key { index = candidate }
    if index == partials.count {
      guard partials.count < Self.datagrams, held + range.count <= Self.bytes else {
        out.drop(frame, on: port, .fragmentLimit)
        return .waiting
      }
      partials.append(Partial(key: key, deadline: now + Self.timeout, port: port))
    }
    if partials[index].ranges.contains(range) {
      // The same fragment twice is a duplicate, not an attack.
      out.drop(frame, on: port, .fragmentOverlap)
      return .waiting
    }
    let ends = more ? nil : range.upperBound
    let total = partials[index].total
    let contradicts =
      ends != nil && total != nil || (total ?? .max) < range.upperBound
      || ends.map { end in partials[index].ranges.contains { $0.upperBound > end } } ?? false
    if contradicts || partials[index].ranges.contains(where: { $0.overlaps(range) }) {
      // The whole datagram goes: there is no telling which part is right (RFC 5722's rule, Linux's for IPv4 too).
      discard(index, .fragmentOverlap, &out)
      out.drop(frame, on: port, .fragmentOverlap)
      return .waiting
    }
    guard !partials[index].frames.isFull, held + range.count <= Self.bytes else {
      discard(index, .fragmentLimit, &out)
      out.drop(frame, on: port, .fragmentLimit)
      return .waiting
    }
    if let ends { partials[index].total = ends }
    partials[index].ranges.append(range)
    partials[index].received += range.count
    held += range.count
    partials[index].frames.push(frame)
    guard let whole = partials[index].total, partials[index].received == whole else { return .waiting }
    return assemble(index, whole)
  }

  fileprivate static func range(_ bytes: RawSpan) -> Range<Int>? { parse(bytes)?.1 }

  private static func parse(_ span: RawSpan) -> (Key, Range<Int>, more: Bool)? {
    guard span.byteCount >= IPLayer.link, let packet = IPv4View(span.extracting(IPLayer.link..<span.byteCount)) else {
      return nil
    }
    let key = Key(
      source: packet.source, destination: packet.destination, protocolNumber: packet.protocol.rawValue,
      identification: packet.identification)
    return (key, packet.fragmentOffset..<packet.fragmentOffset + packet.payload.byteCount, packet.moreFragments)
  }

  private mutating func assemble(_ index: Int, _ total: Int) -> Outcome {
    var partial = partials.remove(at: index)
    held -= partial.received
    var bytes = [UInt8](repeating: 0, count: 20 + total)
    var trace: UInt32 = 0
    var storage = bytes.mutableSpan
    var span = storage.mutableBytes
    while let frame = partial.frames.pop() {
      trace = max(trace, frame.trace)
      let view = frame.bytes
      guard let packet = IPv4View(view.extracting(IPLayer.link..<view.byteCount)) else { continue }
      if packet.fragmentOffset == 0 { span.put(packet.bytes.extracting(0..<20), at: 0) }
      span.put(packet.payload, at: 20 + packet.fragmentOffset)
    }
    // The header of the first, without its options and as one that was never in pieces.
    span.put(0x45 as UInt8, at: 0)
    span.put(UInt16(20 + total), at: 2)
    span.put(0 as UInt16, at: 6)
    span.put(0 as UInt16, at: 10)
    span.put(InternetChecksum.checksum(span.bytes.extracting(0..<20)), at: 10)
    return .complete(bytes, trace: trace)
  }

  private mutating func discard(_ index: Int, _ reason: DropReason, _ out: inout Effects) {
    var partial = partials.remove(at: index)
    held -= partial.received
    while let frame = partial.frames.pop() {
      out.drop(frame, on: partial.port, reason)
    }
  }

  /// Gives up on what is due. The first fragment, if there is one, is shown to `expired` for its ICMP error
  /// (time exceeded, code 1; RFC 1122, 3.3.2).
  mutating func wake(now: Instant, _ out: inout Effects, expired: (borrowing Frame, PortIndex, inout Effects) -> Void) {
    while let first = partials.first, first.deadline <= now {
      var partial = partials.removeFirst()
      held -= partial.received
      while let frame = partial.frames.pop() {
        expired(frame, partial.port, &out)
        out.drop(frame, on: partial.port, .fragmentTimeout)
      }
    }
  }
}

extension Reassembly {
  /// Of a decoded one: that the frames are those of the ranges, which fit the whole.
  var isConsistent: Bool {
    // Bounds first: sums of what is within them can't overflow.
    partials.count <= Self.datagrams
      && partials.allSatisfy { partial in
        partial.frames.count == partial.ranges.count && partial.frames.capacity == Self.fragments
          && (0...65535 - 20).contains(partial.total ?? 0)
          && partial.ranges.allSatisfy { $0.lowerBound >= 0 && $0.upperBound <= partial.total ?? 65535 - 20 }
          && partial.received == partial.ranges.reduce(0) { $0 + $1.count }
          && zip(partial.frames.ranges, partial.ranges).allSatisfy { $0 == $1 }
      } && held == partials.reduce(0) { $0 + $1.received }
  }
}

extension FrameQueue {
  /// Where each frame's payload belongs; nil for one that is no IPv4 packet.
  fileprivate var ranges: [Range<Int>?] { map { Reassembly.range($0) } }
}
