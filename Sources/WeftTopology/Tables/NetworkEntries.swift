import WeftCore
import WeftSettings
import WeftWire

// What a file says of segments, uplinks and networks, before their addresses are worked out (Resolver+Segments, +Uplinks, +Networks).

/// A DHCP server's own keys.
struct DHCPEntry: Sendable {
  var server: IPv4Address?
  var range: ClosedRange<IPv4Address>?
  var leaseTime = Nanoseconds.hours(1)

  static let keys = KeyTable(
    "dhcp", "The DHCP server of a network or segment", from: DHCPEntry(),
    [
      Field(
        "server", \.server, .address, "Its own address.", default: "the last of the subnet", example: "192.168.122.254"),
      Field(
        "range", \.range, .range, "The pool, both ends included.", default: "every free address",
        example: "192.168.122.10-192.168.122.99"),
      Field("lease-time", \.leaseTime, .leaseTime, "How long a lease lasts, in whole seconds.", example: "10 min"),
    ])
}

/// Whether there is a DHCP server, and with which keys.
struct DHCPChoice: Sendable {
  var isOn = true
  var keys = DHCPEntry()
  /// Where they stand.
  var place: Written?

  static let form: Form<DHCPChoice> = .either(
    Form<Bool>.boolean.map { DHCPChoice(isOn: $0) },
    Form(shape: .object(DHCPEntry.keys.keys)) { written, reading in
      DHCPEntry.keys.read(written, reading).map { DHCPChoice(keys: $0, place: written) }
    })
}

/// An entry of `segments`.
struct SegmentEntry: Sendable {
  var subnet: IPv4Prefix?
  var dhcp: DHCPChoice?
  var gateway: IPv4Address?
  /// Names of switches, or switches by name.
  var switches: Written?
  var cables: Written?
  var stp = SpanningTreeSettings()
  var vlan: UInt16?
  /// Looked up once all segments are known.
  var parent: Written?

  static let keys = KeyTable(
    "segment", "A physical or external layer-2 network that hosts' uplinks join. Short form: the subnet alone",
    from: SegmentEntry(), takesDefaults: true,
    [
      Field("subnet", \.subnet, .subnet, "Addresses of the segment.", required: true, example: "134.115.153.0/24"),
      Field(
        "dhcp", \.dhcp, DHCPChoice.form,
        "A DHCP server on the segment, for uplinks and bridged VMs without an address.", default: "none",
        example: "true"),
      Field(
        "gateway", \.gateway, .address,
        "The router there: DHCP hands it out, and uplinks without a gateway of their own have it.", default: "none",
        example: "134.115.153.1"),
      Field(
        "switches", \.switches,
        .raw(.either([.list(Form<String>.plainName.shape), .named(.object(SwitchEntry.keys.keys))])),
        "The switches it is made of, the first being where is plugged in what doesn't say.", default: "one, named as the segment",
        example: "[core, floor1, floor2]"),
      Field(
        "cables", \.cables, .raw(.list(SwitchCableEntry.shape)), "Between its switches; loops are allowed.",
        default: "none", example: "[core floor1, core floor2]"),
      Field(
        "stp", \.stp, SpanningTreeSettings.form, "The spanning tree of its switches.", default: "off", example: "rstp"),
      Field("vlan", \.vlan, .vlan, "Which VLAN it is, of the segment `on`.", default: "none", example: "10"),
      Field(
        "on", \.parent, .raw(.name("segment")), "The segment over whose switches and cables this VLAN goes.",
        default: "its own switches", example: "campus"),
    ] + Field.apart(Tables.cable))
}

/// An entry of a segment's `switches`.
struct SwitchEntry: Sendable {
  var stp: SpanningTreeSettings?

  static let keys = KeyTable(
    "switch", "One of a segment's switches", from: SwitchEntry(),
    [
      Field(
        "stp", \.stp, SpanningTreeSettings.form, "Its spanning tree.", default: "the segment's",
        example: "{mode: rstp, priority: 4096}")
    ])
}

/// An entry of a segment's `cables`: from switch to switch.
struct SwitchCableEntry: Sendable {
  var between: Written?
  var port = SwitchPortSettings()

  static let keys = KeyTable(
    "switch-cable", "A cable between two switches. Short form: their names", from: SwitchCableEntry(),
    [
      Field(
        "between", \.between, .raw(.list(.name("switch"))), "The two switches.", required: true, example: "[core, floor1]"),
      Field(
        "port", \.port, .table(SwitchPortSettings.keys), "The ports at both ends.", default: "as any", example: "{cost: 4}"),
    ] + Field.apart(VLANPortSettings.keys, default: "all: tagged, VLAN 1 untagged")
      + Field.apart(Tables.cable, default: "1 Gbit/s"))

  static let shape = Shape.either([
    .text(
      Scalar(.own("two switches")) { (text) throws(Complaint) in
        guard text.split(separator: " ").count == 2 else {
          throw Complaint("\"\(text)\" is no cable between two switches", hint: "write it like core floor1")
        }
        return text
      }), .object(keys.keys),
  ])
}

/// Under a host's `uplink`.
struct UplinkEntry: Sendable {
  /// Looked up where the host is read: an uplink's own short form names it too.
  var segment: Written?
  var address: IPv4Address?
  var dhcp = true
  var lease: IPv4Address?
  var gateway: IPv4Address?
  var mac: MACAddress?
  /// Of the segment's.
  var switchName: Written?
  var port = SwitchPortSettings()

  static let keys = KeyTable(
    "uplink",
    "A host's cable to a segment, or into a network of another host. Short forms: `campus 134.115.153.10`; by DHCP, `campus`",
    from: UplinkEntry(),
    [
      Field(
        "segment", \.segment, .raw(.name("segment or network")),
        "The segment it joins; or a nat, host-only or isolated network of another host.", required: true,
        example: "campus"),
      Field(
        "address", \.address, .address, "The host's address there. A host with a nat network needs one.",
        default: "by DHCP, where the segment or network has it", example: "134.115.153.223"),
      Field("dhcp", \.dhcp, .always(true), "By DHCP, said aloud.", default: "without an address", example: "true"),
      Field(
        "lease", \.lease, .address, "The address the DHCP server always gives it.", default: "any of the pool",
        example: "134.115.153.50"),
      Field(
        "gateway", \.gateway, .address, "Default gateway.", default: "that of the segment or nat network, else none",
        example: "134.115.153.1"),
      Field("mac", \.mac, .mac, "MAC address.", default: "a local one, from the seed", example: "52:54:00:12:34:56"),
      Field(
        "switch", \.switchName, .raw(.name("switch")), "Which of the segment's switches.", default: "the first", example: "floor1"
      ),
      Field(
        "port", \.port, .table(SwitchPortSettings.keys), "The switch's port.", default: "as any", example: "{edge: true}"),
    ] + Field.apart(VLANPortSettings.keys) + Field.apart(Tables.cable, default: "the segment's"))
}

/// An entry of a host's `networks`.
struct NetworkEntry: Sendable {
  var mode: NetworkMode?
  var subnet: IPv4Prefix?
  var gateway: IPv4Address?
  var dhcp: DHCPChoice?
  /// Read once the network has its subnet, and the host its addresses.
  var forwards: Written?
  var nat: Written?
  var fdb = FDBSettings()
  var guards = GuardSettings()
  var stp = SpanningTreeSettings()

  static let keys = KeyTable(
    "network", "A virtual network of a host. Short form: the mode alone", from: NetworkEntry(), takesDefaults: true,
    [
      Field(
        "mode", \.mode, .choice,
        "nat: a private subnet behind the host's address. bridge: NICs are on the host's segment. "
          + "host-only: VMs and host. isolated: VMs alone.",
        required: true, example: "nat"),
      Field(
        "subnet", \.subnet, .subnet, "The private subnet; a bridge has its segment's.",
        default: "192.168.122.0/24, then the next free 192.168.N.0/24 of the host", example: "192.168.122.0/24"),
      Field(
        "gateway", \.gateway, .address, "The host's own address inside (nat, host-only).",
        default: "the first of the subnet", example: "192.168.122.1"),
      Field(
        "dhcp", \.dhcp, DHCPChoice.form,
        "The DHCP server (nat, host-only), or false for none. A bridge has that of what its host is plugged into.",
        default: "on", example: "false"),
      Field(
        "forwards", \.forwards, .raw(.list(Forward.form.shape)), "Port forwards (nat).", default: "none",
        example: "[\"8080:web:80/tcp\"]"),
      Field("nat", \.nat, .raw(NATSettings.form.shape), "Behaviour of the NAT (nat).", default: "rfc", example: "symmetric"),
      Field(
        "fdb", \.fdb, .table(FDBSettings.keys), "The switch's forwarding database.", default: "see below",
        example: "{limit: 100}"),
      Field(
        "guards", \.guards, .table(GuardSettings.keys), "What the switch checks of what its NICs send.", default: "nothing",
        example: "{port-security: 1, source-guard: true}"),
      Field("stp", \.stp, SpanningTreeSettings.form, "The spanning tree of its switch.", default: "off", example: "rstp"),
    ] + Field.apart(Tables.cable))
}

extension Form where Value == Nanoseconds {
  /// RFC 2132, 9.2: 32 bits of seconds, of which all ones are forever.
  fileprivate static var leaseTime: Form {
    Form(.interval, text: interval.text) { (text) throws(Complaint) in
      try Quantity.interval(text)
    } resolve: { time, place, reading in
      let second: UInt64 = 1_000_000_000
      if time.rawValue % second != 0 {
        let next = Nanoseconds((time.rawValue / second + 1) * second)
        reading.report(
          Complaint("DHCP counts leases in whole seconds: \(time) is none", hint: "did you mean \(next)?"), at: place)
      } else if time.rawValue / second >= UInt64(UInt32.max) {
        reading.report(Complaint("a lease is shorter than 2^32 - 1 seconds (136 years)"), at: place)
      }
      return time
    }
  }
}

extension Shape {
  /// The name of something, looked up where it is read.
  static func name(_ words: String) -> Shape {
    .text(
      Scalar(.reference(words)) { (text) throws(Complaint) in try Parse.reference(Pattern.expand(text, 1), to: words) })
  }
}
