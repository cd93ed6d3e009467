import WeftCore

/// `nat: {via: server, mapping: endpoint-independent, …}`: open = the NAT on the way to that STUN server was classified;
/// what is given must be what was found.
public struct NATTypeProbeSettings: ProbeSettings, Hashable {
  public var via: Destination
  public var port: UInt16 = 3478
  public var mapping: NATSettings.Dependence?
  public var filtering: NATSettings.Dependence?
  public var hairpin: Bool?

  public init(_ via: Destination = .unset) { self.via = via }

  public static let word = "nat"
  public static let keys = KeyTable(
    "probe-nat", "What a NAT must look like from inside (RFC 4787's words)", from: NATTypeProbeSettings(),
    [
      Field("via", \.via, .destination, "A machine with a stun-server.", required: true, example: "server"),
      Field("port", \.port, .port, "Its port.", example: "3478"),
      Field(
        "mapping", \.mapping, .choice, "Of what the external endpoint depends.", default: "any",
        example: "endpoint-independent"),
      Field(
        "filtering", \.filtering, .choice, "What decides who is let in.", default: "any", example: "address-dependent"),
      Field(
        "hairpin", \.hairpin, .boolean, "Whether two of its sockets reach each other by their external endpoints.",
        default: "any", example: "true"),
    ])
  public static let row = Case.probe(
    .table(keys), "Classifies the NAT on the way to a stun-server.",
    example: "{via: server, mapping: endpoint-independent}")

  public static var bounds: [PartialKeyPath<Self>] { [\.mapping, \.filtering, \.hairpin] }
  public static let exchange = Exchange.dialogue
  public var target: Destination? { via }
  public var service: (transport: TransportProtocol, port: UInt16)? { (.udp, port) }
  public var patience: Nanoseconds { .seconds(8) }
  public static let patienceText = "8 s"
  public func title(_ target: String) -> String { "NAT via \(target)" }
}

/// `punch: {peer: bob, via: server, protocol: udp}`: open = the two met, data went both ways.
public struct PunchProbeSettings: ProbeSettings, Hashable {
  public var peer: String
  public var via: Destination
  public var port: UInt16 = 3480
  public var transport = TransportProtocol.udp

  public init(_ peer: String = "", via: Destination = .unset) { (self.peer, self.via) = (peer, via) }

  public static let word = "punch"
  public static let keys = KeyTable(
    "probe-punch", "A meeting of two machines behind NATs, through a third", from: PunchProbeSettings(),
    [
      Field("peer", \.peer, .machine, "The other one.", required: true, example: "bob"),
      Field("via", \.via, .destination, "A machine with a rendezvous.", required: true, example: "server"),
      Field("port", \.port, .port, "Its port.", example: "3480"),
      Field("protocol", \.transport, .choice(also: ["udp"]) { _ in nil }, "What they speak.", example: "tcp"),
    ])
  public static let row = Case.probe(
    .table(keys), "Punches holes from both sides and meets the other.", example: "{peer: bob, via: server}")

  public static let exchange = Exchange.dialogue
  public var target: Destination? { via }
  public var service: (transport: TransportProtocol, port: UInt16)? { (transport, port) }
  public var partner: String? { peer }
  public var patience: Nanoseconds { .seconds(8) }
  public static let patienceText = "8 s"
  public func title(_ target: String) -> String { "\(peer)/\(transport.rawValue) by hole punching" }

  public func check(from machine: Prober, _ mistakes: Mistakes<Self>) {
    if peer == machine.name { mistakes.report("\"\(machine.name)\" can't be its own peer", at: \.peer) }
  }
}
