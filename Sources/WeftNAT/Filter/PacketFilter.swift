import WeftCore
import WeftSettings
import WeftWire

extension FilterRule.Side {
  init(_ port: GatewayPort) {
    switch port.side {
    case .outside: self = .outside
    case .host: self = .host
    case .inside: self = .inside
    }
  }
}

extension FilterRule {
  func matches(_ tuple: Tuple, to port: GatewayPort, _ state: State) -> Bool {
    if let wanted = self.state, wanted != state { return false }
    if let direction {
      let own: Direction = port == .host ? .in : tuple.port == .host ? .out : .forwarded
      if direction != own { return false }
    }
    if let from, from != Side(tuple.port) { return false }
    if let to, to != Side(port) { return false }
    if let `protocol`, `protocol` != tuple.protocolNumber { return false }
    if let source, !source.contains(tuple.source) { return false }
    if let destination, !destination.contains(tuple.destination) { return false }
    if sourcePort != nil || self.port != nil {
      guard tuple.kind.hasPorts, !tuple.kind.isEcho else { return false }
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

  /// The first rule that matches; nil where none does, which allows.
  func look(_ tuple: Tuple, to port: GatewayPort, _ state: FilterRule.State) -> RuleNumber? {
    for index in rules.indices where rules[index].matches(tuple, to: port, state) { return RuleNumber(index) }
    return nil
  }

  /// A packet of so many bytes met the rule.
  @inline(__always)
  mutating func count(_ rule: Packed<RuleNumber>, bytes: Int) {
    if let number = rule.id?.index {
      counts[number].packets &+= 1
      counts[number].bytes &+= UInt64(truncatingIfNeeded: bytes)
    }
  }

  func action(_ rule: RuleNumber) -> FilterRule.Action { rules[rule.index].action }
}

/// A rule's place in the list. People count from 1.
struct RuleNumber: TableID {
  private let number: UInt32
  @inline(__always) init(_ index: Int) { number = UInt32(truncatingIfNeeded: index) }
  @inline(__always) var index: Int { Int(number) }

  var detail: DropDetail { .number(number + 1) }
}

/// A rule with how often it was the first to match.
public struct FilterRuleEntry: Codable, Sendable, Hashable {
  /// From 1, in their order.
  public var number: Int
  public var rule: FilterRule
  public var packets: UInt64
  public var bytes: UInt64
}

extension NATGateway {
  /// The filter's rules in their order.
  public var filterRules: [FilterRuleEntry] {
    zip(filter.rules, filter.counts).enumerated().map { index, entry in
      FilterRuleEntry(number: index + 1, rule: entry.0, packets: entry.1.packets, bytes: entry.1.bytes)
    }
  }

  /// From now on, counted from zero. Connections that a rule forbids stay in the table, but nothing of them passes.
  public mutating func setFilterRules(_ rules: [FilterRule]) {
    configuration.settings.rules = rules
    filter = PacketFilter(rules)
  }
}
