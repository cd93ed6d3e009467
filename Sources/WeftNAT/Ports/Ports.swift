import WeftCore
import WeftSettings
import WeftWire

/// External ports: which are taken, which are held down, and which one the next flow gets (RFC 4787, 4.2; RFC 7857, 9:
/// where it isn't kept, not to be guessed). `choose` looks, `take` does.
struct Ports {
  /// The host's own first.
  let addresses: [IPv4Address]
  private(set) var taken: PortBitmap
  var held = HoldDown()
  var random: RandomStream
  /// The last port that sequential allocation gave, over all of the gateway.
  var last: UInt16 = 0
  /// A search that found nothing, and how many sessions had ended then: it only spares another.
  private var full: (search: FullRange, removals: UInt64)?

  init(seed: UInt64, owner: String, addresses: [IPv4Address]) {
    random = RandomStream(seed: seed, owner: owner, purpose: "nat-ports")
    self.addresses = addresses
    taken = PortBitmap(addresses: addresses.count)
  }

  @inline(__always)
  func ordinal(_ address: IPv4Address) -> Int? {
    if addresses[0] == address { return 0 }
    return addresses.firstIndex(of: address)
  }

  /// What a flow wants: a port like its own.
  struct Request {
    var kind: FlowKind
    /// Ordinal of the external address.
    var address: Int
    var insideAddress: IPv4Address
    var insidePort: UInt16
    var port: GatewayPort
  }

  /// A port that is free, and what finding it drew of the random stream: a number below `chance`, nothing where that is 0.
  struct Choice {
    var port: UInt16
    var chance: UInt32 = 0
  }

  /// The ports of a flow's class: 0–1023 and 1024–65535 are kept apart (RFC 4787, REQ-3b), echo identifiers are one
  /// range. Where the configured range leaves a class nothing, its flows take what there is.
  static func range(_ kind: FlowKind, _ port: UInt16, in allowed: ClosedRange<UInt16>) -> ClosedRange<UInt16> {
    if kind == .echoRequest { return allowed == 1...65535 ? 0...65535 : allowed }
    let own: ClosedRange<UInt16> = port < 1024 ? 1...1023 : 1024...65535
    return own.overlaps(allowed) ? own.clamped(to: allowed) : allowed
  }

  /// The ports of a host's block: RFC 7422's layout, counted from the first port that isn't a well-known one.
  static func blocks(_ settings: borrowing NATSettings) -> (first: Int, size: Int, count: Int) {
    let allowed = settings.portRange
    let size = Int(max(settings.blockSize, 1))
    let first = allowed.contains(1024) ? 1024 : Int(allowed.lowerBound)
    return (first, size, max((Int(allowed.upperBound) - first + 1) / size, 0))
  }

  /// A free external port, nil where none is left.
  func choose(_ request: Request, _ settings: borrowing NATSettings, block: ClosedRange<UInt16>?) -> Choice? {
    let range = block ?? Self.range(request.kind, request.insidePort, in: settings.portRange)
    if settings.ports == .preserve, range.contains(request.insidePort), isFree(request) {
      return Choice(port: request.insidePort)
    }
    let start = start(in: range, settings.ports)
    let parity = settings.parity && request.kind != .echoRequest ? request.insidePort & 1 : nil
    return taken.free(request.kind, request.address, in: range, from: start.port, parity: parity)
      .map { Choice(port: $0, chance: start.chance) }
  }

  /// Where a search for a port begins.
  private func start(in range: ClosedRange<UInt16>, _ order: NATSettings.Ports) -> Choice {
    switch order {
    case .preserve, .random:
      // A copy's draw: `take` makes the stream's own the same.
      var stream = random
      let chance = UInt32(range.count)
      return Choice(port: range.lowerBound + UInt16(stream.next(below: UInt64(chance))), chance: chance)
    case .sequential:
      return Choice(port: range.contains(last) && last < range.upperBound ? last + 1 : range.lowerBound)
    case .block: return Choice(port: range.lowerBound)
    }
  }

  /// Whether a flow may keep its port: nobody has it, or it is held down for this very endpoint (RFC 6888, REQ-8c).
  private func isFree(_ request: Request) -> Bool {
    if !taken.isTaken(request.kind, request.address, request.insidePort) { return true }
    guard let held = held.find(request.kind, addresses[request.address], request.insidePort) else { return false }
    return held.insideAddress == request.insideAddress && held.insidePort == request.insidePort
      && held.port == request.port
  }

  /// What was chosen is drawn for good. The port itself is taken by who has it.
  mutating func take(_ choice: Choice, _ kind: FlowKind, address: Int, _ order: NATSettings.Ports) {
    if choice.chance > 0 { _ = random.next(below: UInt64(choice.chance)) }
    if order == .sequential { last = choice.port }
    if !held.isEmpty, held.find(kind, addresses[address], choice.port) != nil {
      held.remove(kind, addresses[address], choice.port)
      taken.give(kind, address, choice.port)
    }
  }

  mutating func take(_ kind: FlowKind, _ address: IPv4Address, _ port: UInt16) {
    if let ordinal = ordinal(address) { taken.take(kind, ordinal, port) }
  }

  mutating func give(_ kind: FlowKind, _ address: IPv4Address, _ port: UInt16) {
    if let ordinal = ordinal(address) { taken.give(kind, ordinal, port) }
  }

  /// Frees the ports whose hold-down is over.
  mutating func releaseHeld(now: Instant) {
    guard !held.isEmpty else { return }
    while let free = held.next(now: now) { give(free.kind, free.externalAddress, free.externalPort) }
  }

  // MARK: Overloading

  /// A range of ports that was looked through for one remote end.
  struct FullRange: Equatable {
    var kind: FlowKind
    var address: IPv4Address
    var remote: IPv4Address
    var remotePort: UInt16
    var range: UInt16
    var parity: UInt16?
  }

  /// A port whose use towards a remote end is free, as netfilter's `nf_nat_l4proto_unique_tuple`: the inside one, else a
  /// random one of its class; or at once a random one (`masquerade random`), the next, or one of the host's block.
  func chooseShared(
    _ search: FullRange, preferring own: UInt16, in range: ClosedRange<UInt16>, _ order: NATSettings.Ports,
    removals: UInt64?, _ isFree: (UInt16) -> Bool
  ) -> Choice? {
    if order == .preserve, range.contains(own), isFree(own) { return Choice(port: own) }
    // Looked through once: until a session goes, it stays full.
    if let full, full.search == search, full.removals == removals { return nil }
    let start = start(in: range, order)
    var candidate = start.port
    for _ in 0..<range.count {
      if search.parity == nil || candidate & 1 == search.parity, isFree(candidate) {
        return Choice(port: candidate, chance: start.chance)
      }
      candidate = candidate == range.upperBound ? range.lowerBound : candidate + 1
    }
    return nil
  }

  mutating func remember(full search: FullRange, removals: UInt64) { full = (search, removals) }
}
