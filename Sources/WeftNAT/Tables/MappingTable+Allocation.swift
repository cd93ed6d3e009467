import WeftCore
import WeftSettings
import WeftWire

// Which external port a new mapping gets (RFC 4787, 4.2; RFC 7857, 9: where it isn't kept, not to be guessed).

extension MappingTable {
  /// The ports of a flow's class: 0–1023 and 1024–65535 are kept apart (RFC 4787, REQ-3b), echo identifiers are one
  /// range. Where the configured range leaves a class nothing, its flows take what there is.
  static func range(_ kind: UInt8, _ port: UInt16, in allowed: ClosedRange<UInt16>) -> ClosedRange<UInt16> {
    if kind == Proto.icmp { return allowed == 1...65535 ? 0...65535 : allowed }
    let own: ClosedRange<UInt16> = port < 1024 ? 1...1023 : 1024...65535
    return own.overlaps(allowed) ? own.clamped(to: allowed) : allowed
  }

  struct Wish {
    var kind: UInt8
    /// Ordinal of the external address.
    var address: Int
    var insideAddress: IPv4Address
    var insidePort: UInt16
    /// The gateway's.
    var port: UInt16
  }

  /// A free external port, nil where none is left.
  mutating func allocate(_ wish: Wish, _ settings: NATSettings, block: ClosedRange<UInt16>?) -> UInt16? {
    let range = block ?? Self.range(wish.kind, wish.insidePort, in: settings.portRange)
    let parity = settings.parity && wish.kind != Proto.icmp ? wish.insidePort & 1 : nil
    switch settings.ports {
    case .preserve:
      if range.contains(wish.insidePort) {
        if !taken.isTaken(wish.kind, wish.address, wish.insidePort) { return wish.insidePort }
        if reclaim(wish, wish.insidePort) { return wish.insidePort }
      }
      let start = range.lowerBound + UInt16(random.next(below: UInt64(range.count)))
      return taken.free(wish.kind, wish.address, in: range, from: start, parity: parity)
    case .random:
      let start = range.lowerBound + UInt16(random.next(below: UInt64(range.count)))
      return taken.free(wish.kind, wish.address, in: range, from: start, parity: parity)
    case .sequential:
      let start = range.contains(last) && last < range.upperBound ? last + 1 : range.lowerBound
      guard let port = taken.free(wish.kind, wish.address, in: range, from: start, parity: parity) else { return nil }
      last = port
      return port
    case .block: return taken.free(wish.kind, wish.address, in: range, from: range.lowerBound, parity: parity)
    }
  }

  /// Gives a port that is held down back to the endpoint that had it (RFC 6888, REQ-8c).
  private mutating func reclaim(_ wish: Wish, _ port: UInt16) -> Bool {
    let address = addresses[wish.address]
    guard let held = held.find(wish.kind, address, port), held.insideAddress == wish.insideAddress,
      held.insidePort == wish.insidePort, held.port == wish.port
    else { return false }
    self.held.remove(wish.kind, address, port)
    taken.give(wish.kind, wish.address, port)
    return true
  }

  /// Frees the ports whose hold-down is over.
  mutating func releaseHeld(now: Instant) {
    guard !held.isEmpty else { return }
    while let free = held.next(now: now) {
      if let address = ordinal(free.externalAddress) { taken.give(free.kind, address, free.externalPort) }
    }
  }
}
