import WeftSettings

/// Every key of the file. Reading, checking, the JSON Schema and docs/topology-file.md come from these rows.
struct Tables: Sendable {
  let catalogue: Catalogue
  let program: KeyTable<ProgramEntry>
  let programs: Form<[Placed<ProgramEntry>]>
  let expectation: KeyTable<ExpectationEntry>
  let host: Keys
  let vm: Keys
  let group: Keys
  let root: Keys

  /// The tables of files that may name what a catalogue has.
  init(_ catalogue: Catalogue) {
    self.catalogue = catalogue
    program = ProgramEntry.table(catalogue)
    programs = ProgramEntry.list(program, catalogue)
    expectation = ExpectationEntry.table(catalogue.probes.all)
    host = Self.host(programs.shape)
    vm = Self.vm(programs.shape)
    group = Self.group(programs.shape)
    root = Self.root(host: host, vm: vm, group: group, expectation.keys)
  }

  static let standard = Tables(.standard)

  /// The keys of a cable, as every table with one has them.
  static let cable = KeyTable("cable", "What a cable does", from: LinkSettings(), LinkSettings.fields).keys.keys

  static let segment = Keys(
    "segment", "A physical or external layer-2 network that hosts' uplinks join. Short form: the subnet alone",
    takesDefaults: true,
    [
      Key("subnet", .scalar(.prefix), "Addresses of the segment.", required: true, example: "134.115.153.0/24"),
      Key(
        "dhcp", .either([.scalar(.boolean), .object(dhcp)]),
        "A DHCP server on the segment, for uplinks and bridged VMs without an address.", default: "none",
        example: "true"),
      Key(
        "gateway", .scalar(.address),
        "The router there: DHCP hands it out, and uplinks without a gateway of their own have it.", default: "none",
        example: "134.115.153.1"),
    ] + cable)

  static let uplink = Keys(
    "uplink",
    "A host's cable to a segment, or into a network of another host. Short forms: `campus 134.115.153.10`; by DHCP, `campus`",
    [
      Key(
        "segment", .scalar(.reference("segment or network")),
        "The segment it joins; or a nat, host-only or isolated network of another host.", required: true,
        example: "campus"),
      Key(
        "address", .scalar(.address), "The host's address there. A host with a nat network needs one.",
        default: "by DHCP, where the segment or network has it", example: "134.115.153.223"),
      Key("dhcp", .scalar(.always(true)), "By DHCP, said aloud.", default: "without an address", example: "true"),
      Key(
        "lease", .scalar(.address), "The address the DHCP server always gives it.", default: "any of the pool",
        example: "134.115.153.50"),
      Key(
        "gateway", .scalar(.address), "Default gateway.", default: "that of the segment or nat network, else none",
        example: "134.115.153.1"),
      Key("mac", .scalar(.mac), "MAC address.", default: "a local one, from the seed", example: "52:54:00:12:34:56"),
    ] + cable.map { $0.withDefault("the segment's") })

  static func host(_ programs: Shape) -> Keys {
    Keys(
      "host", "A physical machine; without networks, a plain machine", takesDefaults: true,
      [
        Key(
          "uplink", .either([.scalar(.uplink), .object(uplink)]), "The cable to a segment.", default: "none",
          example: "campus 134.115.153.10"),
        Key(
          "networks", .named(.either([.scalar(.choice(modes)), .object(network)])), "Virtual networks on this host.",
          default: "none", example: "{lan: bridge}"),
        Key("programs", programs, "What runs on the host itself.", default: "none", example: "[http-server]"),
        Key(
          "ip-forwarding", .scalar(.boolean), "Off: the NAT passes nothing in either direction.", default: "true",
          example: "false"),
      ])
  }

  static let modes = NetworkMode.allCases.map(\.rawValue)

  static let network = Keys(
    "network", "A virtual network of a host. Short form: the mode alone", takesDefaults: true,
    [
      Key(
        "mode", .scalar(.choice(modes)),
        "nat: a private subnet behind the host's address. bridge: NICs are on the host's segment. "
          + "host-only: VMs and host. isolated: VMs alone.",
        required: true, example: "nat"),
      Key(
        "subnet", .scalar(.prefix), "The private subnet; a bridge has its segment's.",
        default: "192.168.122.0/24, then the next free 192.168.N.0/24 of the host", example: "192.168.122.0/24"),
      Key(
        "gateway", .scalar(.address), "The host's own address inside (nat, host-only).",
        default: "the first of the subnet",
        example: "192.168.122.1"),
      Key(
        "dhcp", .either([.scalar(.boolean), .object(dhcp)]),
        "The DHCP server (nat, host-only), or false for none. A bridge has that of what its host is plugged into.",
        default: "on", example: "false"),
      Key(
        "forwards", .list(Forward.form.shape), "Port forwards (nat).", default: "none",
        example: "[\"8080:web:80/tcp\"]"),
      Key("nat", NATSettings.form.shape, "Behaviour of the NAT (nat).", default: "rfc", example: "symmetric"),
      Key(
        "fdb", .object(FDBSettings.keys.keys), "The switch's forwarding database.", default: "see below", example: "{limit: 100}"),
    ] + cable)

  static let dhcp = Keys(
    "dhcp", "The DHCP server of a network or segment",
    [
      Key(
        "server", .scalar(.address), "Its own address.", default: "the last of the subnet", example: "192.168.122.254"),
      Key(
        "range", .scalar(.range), "The pool, both ends included.", default: "every free address",
        example: "192.168.122.10-192.168.122.99"),
      Key("lease-time", .scalar(.interval), "How long a lease lasts, in whole seconds.", default: "1 h", example: "10 min"),
    ])
}

extension Key {
  func withDefault(_ standard: String) -> Key {
    var copy = self
    copy.standard = standard
    copy.value = nil
    return copy
  }
}
