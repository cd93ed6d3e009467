import WeftWire

/// Which external ports are taken, a bit each, so that the next free one is found by words and not by ports: a full
/// range costs as little as an empty one. By protocol and external address; owns no memory until the first is taken.
struct PortBitmap {
  private var words: [UInt64] = []
  private let addresses: Int

  init(addresses: Int) { self.addresses = addresses }

  var footprint: Int { words.capacity * 8 }

  private func base(_ kind: FlowKind, _ address: Int) -> Int {
    let protocolIndex = kind == .tcp ? 0 : kind == .udp ? 1 : 2
    return (protocolIndex * addresses + address) * 1024
  }

  mutating func take(_ kind: FlowKind, _ address: Int, _ port: UInt16) {
    if words.isEmpty { words = [UInt64](repeating: 0, count: 3 * addresses * 1024) }
    words[base(kind, address) + Int(port >> 6)] |= 1 << UInt64(port & 63)
  }

  mutating func give(_ kind: FlowKind, _ address: Int, _ port: UInt16) {
    guard !words.isEmpty else { return }
    words[base(kind, address) + Int(port >> 6)] &= ~(1 << UInt64(port & 63))
  }

  func isTaken(_ kind: FlowKind, _ address: Int, _ port: UInt16) -> Bool {
    !words.isEmpty && words[base(kind, address) + Int(port >> 6)] & 1 << UInt64(port & 63) != 0
  }

  /// The first free port from `start` upwards, going round at the end of the range; `parity` 0 or 1 admits only even or
  /// odd ones. Precondition: the range holds `start`.
  func free(_ kind: FlowKind, _ address: Int, in range: ClosedRange<UInt16>, from start: UInt16, parity: UInt16?)
    -> UInt16?
  {
    let mask: UInt64 = parity.map { $0 == 0 ? 0x5555_5555_5555_5555 : 0xaaaa_aaaa_aaaa_aaaa } ?? ~0
    if let port = scan(kind, address, start...range.upperBound, mask) { return port }
    return start > range.lowerBound ? scan(kind, address, range.lowerBound...start - 1, mask) : nil
  }

  private func scan(_ kind: FlowKind, _ address: Int, _ range: ClosedRange<UInt16>, _ mask: UInt64) -> UInt16? {
    let base = base(kind, address)
    var word = Int(range.lowerBound >> 6)
    var allowed = mask & (~0 << UInt64(range.lowerBound & 63))
    while word <= Int(range.upperBound >> 6) {
      let free = (words.isEmpty ? ~0 : ~words[base + word]) & allowed
      if free != 0 {
        let port = word << 6 + free.trailingZeroBitCount
        return port <= Int(range.upperBound) ? UInt16(port) : nil
      }
      word += 1
      allowed = mask
    }
    return nil
  }
}
