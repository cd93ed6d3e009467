import WeftCore

/// What a VM can do to its neighbours by frames that no honest stack sends. For trying guards.
public enum AttackKind: String, Sendable, Codable, CaseIterable {
  /// Frames from the victim's MAC address: the switch learns it where the attacker is.
  case macSpoof = "mac-spoof"
  /// Echo requests from the victim's address: it gets answers that it never asked for.
  case ipSpoof = "ip-spoof"
  /// ARP that says that the victim's address is the attacker's.
  case arpSpoof = "arp-spoof"
  /// Answers who looks for a DHCP server, with itself as the router.
  case rogueDHCP = "rogue-dhcp"
  /// Asks for an address under ever other names.
  case dhcpStarvation = "dhcp-starvation"
  /// Frames from ever other MAC addresses to ever others.
  case fdbFlood = "fdb-flood"
  /// Small datagrams to the victim, as many as it can.
  case packetFlood = "packet-flood"
  case broadcastStorm = "broadcast-storm"
  /// Datagrams from ever other ports: each is a session of the NAT.
  case conntrackFlood = "conntrack-flood"

  /// Who must be named for it.
  public var needsVictim: Bool {
    switch self {
    case .macSpoof, .ipSpoof, .arpSpoof, .packetFlood, .conntrackFlood: true
    case .rogueDHCP, .dhcpStarvation, .fdbFlood, .broadcastStorm: false
    }
  }
  /// Who may be lied to, and whether somebody must.
  public var takesListener: Bool { self == .ipSpoof || self == .arpSpoof }
  public var needsListener: Bool { self == .ipSpoof }
}

public struct AttackSettings: ProgramSettings, Hashable {
  public var kind = AttackKind.arpSpoof
  /// Nobody's name where it needs none.
  public var victim: Destination?
  public var listener: Destination?
  public var pps: UInt64 = 100
  public var count: UInt64?

  public init(_ kind: AttackKind = .arpSpoof) { self.kind = kind }

  public var interval: Nanoseconds { Nanoseconds(1_000_000_000 / max(1, pps)) }

  public static let keys = KeyTable(
    "attack", "Does to others on its network what guards are for", from: AttackSettings(),
    [
      Field("kind", \.kind, .choice, "What it does.", required: true, example: "arp-spoof"),
      Field(
        "victim", \.victim, .destination,
        "To whom, or in whose name (mac-spoof, ip-spoof, arp-spoof, packet-flood); over which NAT to whom (conntrack-flood).",
        default: "none", example: "web"),
      Field(
        "to", \.listener, .destination, "Who is lied to (ip-spoof, arp-spoof).", default: "everybody; ip-spoof needs it",
        example: "client"),
      Field("pps", \.pps, .integer(1...1_000_000_000), "Frames a second.", example: "1000"),
      Field("count", \.count, .integer(1...1_000_000_000_000), "How many.", default: "until the run ends", example: "5000"),
    ]
  ) { settings, mistakes in
    let kind = settings.kind
    guard mistakes.has(\.kind) else { return }
    if kind.needsVictim, !mistakes.has(\.victim) {
      mistakes.report("\"\(kind.rawValue)\" needs \"victim\"", hint: "for example victim: web")
    } else if !kind.needsVictim {
      mistakes.report("\"\(kind.rawValue)\" has no victim: it is everybody's trouble", atKey: \.victim)
    }
    if kind.needsListener, !mistakes.has(\.listener) {
      mistakes.report("\"\(kind.rawValue)\" needs \"to\": who is to believe it", hint: "for example to: client")
    } else if !kind.takesListener {
      mistakes.report(
        "\"\(kind.rawValue)\" lies to nobody in particular: \"to\" goes with ip-spoof or arp-spoof", atKey: \.listener)
    }
    if kind == .rogueDHCP {
      for path in [\Self.pps as PartialKeyPath<Self>, \.count] {
        mistakes.report("\"rogue-dhcp\" answers who asks, and has no pace of its own", atKey: path)
      }
    }
  }

  public static let row = Case.program(
    .table(keys),
    "Does to others on its network what guards are for: \(AttackKind.allCases.map(\.rawValue).joined(separator: ", ")).",
    example: "{kind: arp-spoof, victim: web}")
}
