import WeftWire

/// A rule of a gateway's packet filter. All that is set must match; nil matches everything. Each packet is judged by
/// itself, as it came in, before translation: an answer comes from the other side, and is `established`. What the gateway
/// makes itself goes `out` from the host.
public struct FilterRule: Sendable, Codable, Hashable {
  public enum Action: String, Sendable, Codable, CaseIterable {
    case allow
    /// Silently.
    case deny
    /// The sender gets ICMP 3/13 (RFC 1812, 5.2.7.1).
    case reject
    /// The sender gets a RST for TCP, ICMP 3/13 for all else.
    case reset
  }

  /// As netfilter's chains: to the host's own stack or the gateway itself, from the host's own stack, between others.
  public enum Direction: String, Sendable, Codable, CaseIterable { case `in`, out, forwarded }

  public enum State: String, Sendable, Codable, CaseIterable {
    /// Of a flow that nobody has answered yet (netfilter's IP_CT_NEW).
    case new
    case established
    /// An ICMP error about a flow, or what the gateway says about a packet.
    case related
    /// What fits no flow's state: never let through, but counted, and rejected where the rule says so.
    case invalid
  }

  /// One of the gateway's sides.
  public enum Side: String, Sendable, Codable, CaseIterable { case inside, outside, host }

  public var action: Action
  public var direction: Direction?
  public var from: Side?
  public var to: Side?
  public var state: State?
  public var source: IPv4Prefix?
  public var destination: IPv4Prefix?
  public var `protocol`: UInt8?
  /// What it was sent to: by a protocol that has ports.
  public var port: ClosedRange<UInt16>?
  public var sourcePort: ClosedRange<UInt16>?
  public var mark: Mark

  public init(
    _ action: Action, direction: Direction? = nil, from: Side? = nil, to: Side? = nil, state: State? = nil,
    source: IPv4Prefix? = nil, destination: IPv4Prefix? = nil, protocol: UInt8? = nil,
    sourcePort: ClosedRange<UInt16>? = nil, port: ClosedRange<UInt16>? = nil, mark: Mark = .inCode
  ) {
    self.action = action
    self.direction = direction
    self.from = from
    self.to = to
    self.state = state
    self.source = source
    self.destination = destination
    self.protocol = `protocol`
    self.sourcePort = sourcePort
    self.port = port
    self.mark = mark
  }
}

extension FilterRule {
  /// What a rule's own key says: what is done, and to which packets; without a direction to any.
  fileprivate struct Verdict: Sendable {
    var action: Action
    var direction: Direction?

    /// `in`, `out`, `forwarded` or `any`.
    static func form(_ action: Action) -> Form<Verdict> {
      let words = Direction.allCases.map(\.rawValue) + ["any"]
      return Form(.choice(words)) { (text) throws(Complaint) in
        Verdict(action: action, direction: Direction(rawValue: try Parse.choice(text, words)))
      }
    }

    static func row(_ action: Action, _ doc: String, example: String) -> Case<Verdict> {
      Case(action.rawValue, form(action), doc, example: example) { $0 }
    }
  }

  fileprivate var verdict: Verdict? {
    get { Verdict(action: action, direction: direction) }
    set { if let newValue { (action, direction) = (newValue.action, newValue.direction) } }
  }

  public static let keys: KeyTable<FilterRule> = KeyTable(
    "rule",
    "A rule of the packet filter. Each packet is judged by itself, as it came in, before translation: an answer comes in from "
      + "the other side, and is `established`; what the box sends by itself (ICMP errors, resets, echo replies) goes `out`",
    from: FilterRule(.allow),
    Field.cases(
      \.verdict,
      [
        Verdict.row(.allow, "Lets through: in to the host, out of it, forwarded between others, or any.", example: "in"),
        Verdict.row(.deny, "Drops silently.", example: "forwarded"),
        Verdict.row(.reject, "Drops and answers with ICMP 3/13.", example: "any"),
        Verdict.row(.reset, "Drops and answers with RST for TCP, ICMP 3/13 for others.", example: "out"),
      ]) + matches
  ) { rule, mistakes in
    rule.mark = mistakes.object.written.mark
    rule.check(mistakes)
  }

  private static let matches: [Field<FilterRule>] = [
    Field("from", \.from, .choice, "The side it comes in from.", default: "any", example: "outside"),
    Field("to", \.to, .choice, "The side it goes to.", default: "any", example: "inside"),
    Field(
      "state", \.state, .choice,
      "What it is to the connection table, as ct state: new until somebody answers, established, related (an ICMP error), "
        + "invalid.",
      default: "any", example: "new"),
    Field("source", \.source, .network, "Addresses it comes from.", default: "any", example: "192.168.122.0/24"),
    Field("destination", \.destination, .network, "Addresses it was sent to.", default: "any", example: "203.0.113.9"),
    Field("protocol", \.protocol, .protocolNumber, "tcp, udp, icmp, sctp, udplite or a number.", default: "any", example: "tcp"),
    Field("port", \.port, .ports, "Port it was sent to (tcp, udp, sctp, udplite).", default: "any", example: "80-90"),
    Field("source-port", \.sourcePort, .ports, "Port it comes from (tcp, udp, sctp, udplite).", default: "any", example: "53"),
  ]

  /// A rule that can match nothing is a mistake.
  private func check(_ mistakes: Mistakes<FilterRule>) {
    func complain(_ path: PartialKeyPath<FilterRule>, _ message: String, hint: String? = nil) {
      if mistakes.has(path) { mistakes.report(message, at: path, hint: hint) }
    }
    if let number = `protocol`, !IPProtocol(rawValue: number).hasPorts {
      for path: PartialKeyPath<FilterRule> in [\.port, \.sourcePort] {
        complain(
          path, "protocol \(mistakes.object.place(\.protocol)?.text ?? "\(number)") has no ports",
          hint: "tcp, udp, sctp and udplite have")
      }
    }
    switch direction {
    case .in:
      if from == .host { complain(\.from, "what comes in to the host does not come from it") }
      if let to, to != .host {
        complain(\.to, "what comes in to the host does not go \(to.rawValue)", hint: "use \"forwarded\"")
      }
    case .out:
      if let from, from != .host {
        complain(\.from, "what goes out from the host does not come from \(from.rawValue)", hint: "use \"forwarded\"")
      }
      if to == .host { complain(\.to, "what goes out from the host does not go to it") }
    case .forwarded:
      if from == .host { complain(\.from, "what comes from the host is not forwarded", hint: "use \"out\"") }
      if to == .host { complain(\.to, "what goes to the host is not forwarded", hint: "use \"in\"") }
    case nil: break
    }
  }
}
