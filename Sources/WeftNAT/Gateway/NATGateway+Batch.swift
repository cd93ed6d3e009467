import WeftCore
import WeftWire

// Many frames at once, as a live edge has them: what memory they need is fetched for all before the first is worked on, so
// that a million flows cost little more than a thousand.

extension NATGateway {
  /// A frame and the port it came in on.
  public struct Arrival: BitwiseCopyable {
    public var frame: StoredFrame
    public var port: PortIndex

    public init(_ frame: StoredFrame, on port: PortIndex) {
      self.frame = frame
      self.port = port
    }
  }

  /// As many are under way in memory at a time.
  private static let inFlight = 32

  /// The frames of a moment in their order: does to each what `receive` does. Takes the frames.
  public mutating func receive(_ batch: Span<Arrival>, now: Instant, _ out: inout Effects) {
    var hashes = InlineArray<32, UInt64>(repeating: 0)
    var start = 0
    while start < batch.count {
      let count = min(Self.inFlight, batch.count - start)
      for index in 0..<count {
        hashes[index] = Self.hash(batch[start + index])
        conntrack.prefetchSlot(hashes[index])
      }
      for index in 0..<count { conntrack.prefetchSession(hashes[index]) }
      for index in 0..<count {
        let arrival = batch[start + index]
        receive(Frame(stored: arrival.frame), on: arrival.port, now: now, &out)
      }
      start += count
    }
  }

  /// The hash that a frame's tuple has, if it is an ordinary datagram or segment; for others a look-up is only guessed wrong.
  @inline(__always)
  private static func hash(_ arrival: Arrival) -> UInt64 {
    arrival.frame.withBytes { bytes in
      guard bytes.byteCount >= 38, bytes.u16(12) == 0x0800, bytes.u8(14) == 0x45 else { return 0 }
      return Tuple(
        source: bytes.ipv4(26), destination: bytes.ipv4(30), sourcePort: bytes.u16(34), destinationPort: bytes.u16(36),
        port: GatewayPort(number: UInt16(truncatingIfNeeded: arrival.port.index)),
        kind: FlowKind(rawValue: bytes.u8(23))
      ).hash
    }
  }
}
