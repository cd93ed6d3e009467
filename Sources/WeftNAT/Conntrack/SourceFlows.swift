import WeftWire

/// The flows of inside endpoints of which one has left with a port that isn't its own: as long as it lives, the endpoint's next
/// flow takes the port of its latest (netfilter's find_appropriate_src). Of all others nothing is kept.
struct SourceFlows {
  private var flows: [UInt64: [UInt32]] = [:]

  var isEmpty: Bool { flows.isEmpty }

  private static func key(_ tuple: Tuple) -> UInt64 {
    UInt64(tuple.source.rawValue) << 32 | UInt64(tuple.sourcePort) << 16 | UInt64(tuple.port.number & 0xff) << 8
      | UInt64(tuple.kind.rawValue)
  }

  /// A new flow, by its original tuple; `isChanged` where it leaves with another port.
  mutating func add(_ id: SessionID, _ original: Tuple, isChanged: Bool) {
    if isChanged { flows[Self.key(original), default: []].append(UInt32(id.index)) } else { extend(id, original) }
  }

  private mutating func extend(_ id: SessionID, _ original: Tuple) {
    if !flows.isEmpty, let place = flows.index(forKey: Self.key(original)) { flows.values[place].append(UInt32(id.index)) }
  }

  mutating func remove(_ id: SessionID, _ original: Tuple) {
    if flows.isEmpty { return }
    guard let place = flows.index(forKey: Self.key(original)) else { return }
    flows.values[place].removeAll { $0 == id.index }
    if flows.values[place].isEmpty { flows.remove(at: place) }
  }

  /// From the latest to the earliest.
  func of(_ original: Tuple) -> [SessionID] {
    (flows[Self.key(original)] ?? []).reversed().map { SessionID(Int($0)) }
  }
}
