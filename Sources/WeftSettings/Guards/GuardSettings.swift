import WeftCore

/// What a switch looks at before it takes a frame in from a NIC. A network's hold for all its NICs; what a NIC says itself goes
/// before them, key by key.
public struct GuardSettings: Sendable, Codable, Hashable {
  public var portSecurity: PortSecurity?
  public var sourceGuard: Bool?
  public var arpInspection: Bool?
  public var dhcpGuard: Bool?
  public var stormControl: StormControl?
  public var isolated: Bool?
  /// Bits of frames per second.
  public var rate: UInt64?
  /// Bytes at once.
  public var burst: UInt64?
  public var trusted: Bool?

  public init() {}

  public static let keys: KeyTable<GuardSettings> = KeyTable(
    "guards", "What a switch checks of what its NICs send, before it learns from it", from: GuardSettings(),
    [
      Field(
        "port-security", \.portSecurity, PortSecurity.form,
        "How many MAC addresses a NIC may send from, its own first; never another's.", default: "any", example: "1"),
      Field(
        "source-guard", \.sourceGuard, .boolean,
        "Only packets from the NIC's own address: the file's, or the one it has by DHCP.", default: "false", example: "true"),
      Field(
        "arp-inspection", \.arpInspection, .boolean,
        "No ARP in the name of an address that isn't the NIC's; probes from 0.0.0.0 pass.", default: "false", example: "true"),
      Field(
        "dhcp-guard", \.dhcpGuard, .boolean, "No DHCP server behind it, and no client under another MAC address than its own.",
        default: "false", example: "true"),
      Field(
        "storm-control", \.stormControl, StormControl.form,
        "How many broadcasts, multicasts and frames for unknown addresses it may send.", default: "any", example: "100/s"),
      Field(
        "isolated", \.isolated, .boolean, "It reaches the gateway, host and uplink, and no other isolated NIC.",
        default: "false", example: "true"),
      Field(
        "rate", \.rate, .rate, "Bits of frames, as captures have them, that it may send; what is more is dropped.",
        default: "no limit", example: "10 Mbit/s"),
      Field(
        "burst", \.burst, .size(1514...1 << 30), "How much at once, after a rest.", default: "64 kB", example: "15 kB"),
      Field(
        "trusted", \.trusted, .boolean,
        "It may speak for others, as a router or a DHCP server does: who it is isn't checked.", default: "false",
        example: "true"),
    ]
  ) { guards, mistakes in
    guard guards.trusted == true else { return }
    for path in [\Self.portSecurity as PartialKeyPath<Self>, \.sourceGuard, \.arpInspection, \.dhcpGuard] where mistakes.has(path)
    {
      mistakes.report("\"\(mistakes.name(path))\" cannot stand beside \"trusted: true\"", atKey: path)
    }
  }

  /// These, and what they leave open as another has it.
  public func over(_ base: GuardSettings) -> GuardSettings {
    var merged = base
    if let trusted {
      merged.trusted = trusted
    } else if [sourceGuard, arpInspection, dhcpGuard].contains(true) || portSecurity != nil {
      // Who asks for a check isn't trusted.
      merged.trusted = false
    }
    merged.portSecurity = portSecurity ?? base.portSecurity
    merged.sourceGuard = sourceGuard ?? base.sourceGuard
    merged.arpInspection = arpInspection ?? base.arpInspection
    merged.dhcpGuard = dhcpGuard ?? base.dhcpGuard
    merged.stormControl = stormControl ?? base.stormControl
    merged.isolated = isolated ?? base.isolated
    merged.rate = rate ?? base.rate
    merged.burst = burst ?? base.burst
    return merged
  }

  /// Nothing is asked for: the switch needn't look.
  public var isEmpty: Bool { self == GuardSettings() }

  // MARK: What holds

  public var checksPort: PortSecurity? { trusted == true ? nil : portSecurity }
  public var checksSource: Bool { trusted != true && sourceGuard == true }
  public var checksARP: Bool { trusted != true && arpInspection == true }
  public var checksDHCP: Bool { trusted != true && dhcpGuard == true }
  public var isIsolated: Bool { isolated == true }
  /// A bucket that holds the burst in bits; nil without a rate.
  public var bucket: RateBucket? { rate.map { RateBucket(rate: $0, burst: min(burst ?? 64_000, 1 << 30) * 8) } }
}

/// How many MAC addresses may be behind a port.
public struct PortSecurity: Sendable, Codable, Hashable {
  public enum Violation: String, Sendable, Codable, CaseIterable {
    case drop
    /// Nothing more passes, either way, until the cable is plugged in again.
    case shutdown
  }

  public var macs = 1
  public var onViolation = Violation.drop

  public init(macs: Int = 1) { self.macs = macs }

  public static let keys: KeyTable<PortSecurity> = KeyTable(
    "port-security", "How many MAC addresses a NIC may send from", from: PortSecurity(),
    [
      Field("macs", \.macs, .integer(1...1024), "How many, its own included; others as they are seen.", example: "2"),
      Field(
        "on-violation", \.onViolation, .choice,
        "drop: the frame. shutdown: the port too, until its cable is plugged in again.", example: "shutdown"),
    ])

  static let form = Form<PortSecurity>.table(keys, short: .integer(1...1024)) { PortSecurity(macs: $0) }
}
