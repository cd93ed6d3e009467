import WeftCore
import WeftSettings
import WeftWire

extension FilterRule.Side {
  static func of(_ port: UInt16) -> Self { port == 0 ? .outside : port == 1 ? .host : .inside }
}

extension FilterRule {
  func matches(_ tuple: Tuple, to port: UInt16, _ state: State) -> Bool {
    if let wanted = self.state, wanted != state { return false }
    if let direction {
      let own: Direction = port == 1 ? .in : tuple.port == 1 ? .out : .forwarded
      if direction != own { return false }
    }
    if let from, from != .of(tuple.port) { return false }
    if let to, to != .of(port) { return false }
    if let `protocol`, `protocol` != tuple.protocolNumber { return false }
    if let source, !source.contains(tuple.source) { return false }
    if let destination, !destination.contains(tuple.destination) { return false }
    if sourcePort != nil || self.port != nil {
      guard tuple.kind == Proto.tcp || tuple.kind == Proto.udp else { return false }
      if let sourcePort, !sourcePort.contains(tuple.sourcePort) { return false }
      if let wanted = self.port, !wanted.contains(tuple.destinationPort) { return false }
    }
    return true
  }
}

/// The rules with what they have seen.
struct PacketFilter: Codable {
  public struct Count: Codable, Sendable, Hashable {
    public var packets: UInt64 = 0
    public var bytes: UInt64 = 0
  }

  private(set) var rules: [FilterRule]
  private(set) var counts: [Count]
  /// Whether a packet of a known connection can be touched by a rule: where it can't, none is looked at.
  private(set) var judgesEstablished: Bool

  /// Of a decoded one: the rules that were configured, and a count for each.
  func isConsistent(_ configured: [FilterRule]) -> Bool {
    rules == configured && counts.count == rules.count
      && judgesEstablished == PacketFilter(configured).judgesEstablished
  }

  init(_ rules: [FilterRule]) {
    self.rules = rules
    counts = [Count](repeating: Count(), count: rules.count)
    judgesEstablished = rules.contains { $0.state == nil || $0.state == .established }
  }

  /// The first rule that matches, counted; nil where none does, which allows.
  mutating func judge(_ tuple: Tuple, to port: UInt16, _ state: FilterRule.State, bytes: Int) -> Int? {
    guard let number = look(tuple, to: port, state) else { return nil }
    counts[number].packets &+= 1
    counts[number].bytes &+= UInt64(truncatingIfNeeded: bytes)
    return number
  }

  func look(_ tuple: Tuple, to port: UInt16, _ state: FilterRule.State) -> Int? {
    for index in rules.indices where rules[index].matches(tuple, to: port, state) { return index }
    return nil
  }
}

/// A rule with how often it was the first to match.
public struct FilterRuleEntry: Codable, Sendable, Hashable {
  public var rule: FilterRule
  public var packets: UInt64
  public var bytes: UInt64
}

extension NATGateway {
  /// The filter's rules in their order.
  public var filterRules: [FilterRuleEntry] {
    zip(filter.rules, filter.counts).map { FilterRuleEntry(rule: $0, packets: $1.packets, bytes: $1.bytes) }
  }

  /// From now on, counted from zero. Connections that a rule forbids stay in the table, but nothing of them passes.
  public mutating func setFilterRules(_ rules: [FilterRule]) {
    configuration.settings.rules = rules
    filter = PacketFilter(rules)
  }

  /// Whether the filter lets a packet through; if not, it is to be given to `refuseFiltered`.
  @inline(__always)
  mutating func passes(_ tuple: Tuple, to port: UInt16, _ state: FilterRule.State, bytes: Int) -> Int? {
    if filter.rules.isEmpty { return nil }
    guard let number = filter.judge(tuple, to: port, state, bytes: bytes), filter.rules[number].action != .allow else {
      return nil
    }
    return number
  }

  /// Drops what a rule forbids, naming it (from 1, as people count), and tells the sender where the rule says so.
  mutating func refuseFiltered(
    _ frame: consuming Frame, _ packet: Packet, rule number: Int, on at: Int, now: Instant, _ out: inout Effects
  ) {
    let action = filter.rules[number].action
    if action == .reject || action == .reset, packet.isFragment || packet.brokenChecksum(frame) == nil {
      if action == .reset, packet.protocolNumber == Proto.tcp {
        if !packet.isFragment { answerReset(frame, packet, .related, on: at, now: now, &out) }
      } else {
        answerError(
          .destinationUnreachable, code: ICMPv4UnreachableCode.administrativelyProhibited, about: frame, on: at,
          now: now, &out)
      }
    }
    out.drop(frame, on: PortIndex(at), .filtered, .number(UInt32(number + 1)))
  }
}
