import WeftSettings
import WeftWire

// What a file says of hosts and VMs, before their addresses are worked out (Resolver+Hosts, +VMs, +Groups).

/// What a NIC has, be it in `nics:` or in the VM itself.
struct NICEntry: Sendable {
  /// Looked up where the VM is read, which may say it in place of its NIC.
  var network: Written?
  var address: IPv4Address?
  var lease: IPv4Address?
  var mac: MACAddress?
  var rings = RingSettings()
  var guards = GuardSettings()
  var port = SwitchPortSettings()

  static let keys = KeyTable(
    "nic", "A NIC of a VM that has several", from: NICEntry(),
    [
      Field("network", \.network, .raw(.name("network")), "The network it joins.", required: true, example: "home"),
      Field(
        "address", \.address, .addressPattern,
        "Static address. In a group: the first VM's, counted up, or a pattern 10.0.0.{n+10}.",
        default: "by DHCP; where there is none, it is needed", example: "134.115.153.73"),
      Field(
        "lease", \.lease, .addressPattern, "The address the DHCP server always gives this NIC.",
        default: "any of the pool", example: "192.168.122.50"),
      Field(
        "mac", \.mac, .macPattern, "MAC address. In a group: the first VM's, counted up.",
        default: "a local one, from the seed", example: "52:54:00:12:34:56"),
      Field(
        "rings", \.rings, .table(RingSettings.keys), "Sizes of the NIC's rings.", default: "256 to receive, none to transmit",
        example: "{rx: 64, tx: 64}"),
      Field(
        "guards", \.guards, .table(GuardSettings.keys), "What the switch checks of what it sends.", default: "the network's",
        example: "{trusted: true}"),
      Field(
        "port", \.port, .table(SwitchPortSettings.keys), "The switch's port.", default: "as any", example: "{edge: true}"),
    ] + Field.apart(VLANPortSettings.keys) + Field.apart(Tables.cable, default: "the network's"))

  static let names = Set(keys.keys.keys.map(\.name))
  /// What one NIC has and another cannot have too.
  static let own = Set([\NICEntry.network as PartialKeyPath, \.address, \.lease, \.mac].map(keys.name))
}

/// An entry of `vms`, and what the VMs of a group are.
struct VMEntry: Sendable {
  var host: Written?
  var nics: Written?
  var programs: Written?
  var autostart = true
  var memory: UInt64?
  var onHostFailure = HostFailurePolicy.stop
  var startOrder = 1
  var cd: CD?
  var stack = StackProfile.modern
  var disks: Written?
  var from: Written?
  var networks: Written?
  var processor = ProcessorSettings()
  var standby: StandbySettings?

  static func fields(_ programs: Shape) -> [Field<VMEntry>] {
    Field.apart(NICEntry.keys, optional: true) + [
      Field("host", \.host, .raw(.name("host")), "The host it runs on.", default: "the network's", example: "laptop"),
      Field(
        "nics", \.nics, .raw(.list(.object(NICEntry.keys.keys))),
        "Several NICs, eth0 first; instead of network and its keys.", default: "one NIC",
        example: "[{network: home}, {network: lan, address: 10.0.0.9}]"),
      Field("programs", \.programs, .raw(programs), "What runs in the VM.", default: "none", example: "[http-server]"),
      Field(
        "autostart", \.autostart, .boolean, "Whether it runs from the beginning; else an event starts it.", example: "false"),
      Field(
        "memory", \.memory, .size(1 << 20...1 << 46), "How much memory it has.", default: "128 MiB", example: "512 MiB"),
      Field(
        "start-order", \.startOrder, .integer(1...1000),
        "Those of 1 boot in the first millisecond, those of 2 in the second, and so on.", example: "2"),
      Field(
        "on-host-failure", \.onHostFailure, .choice,
        "When its host fails: stop, or restart on another host with room for it, 300 ms later.", example: "restart"),
      Field(
        "cd", \.cd, .cd, "What is in its drive: an image, or a disc that the file describes.", default: "no disc",
        example: "tools.iso"),
      Field(
        "stack", \.stack, .choice, "legacy: its TCP has no window scaling, as of before 1992: at most 65,535 bytes a round trip.",
        example: "legacy"),
      Field(
        "disks", \.disks, .raw(.list(.object(DiskSettings.keys.keys))), "Its disks.", default: "none",
        example: "[{name: root, size: 8 GiB}]"),
      Field(
        "from", \.from, .raw(Form.text.shape), "A bundle that has all that isn't said here (`weft bundle export`).",
        default: "none", example: "web.vm"),
      Field(
        "networks", \.networks, .raw(.named(Form.text.shape)), "Which network each of the bundle's is here.", default: "none",
        example: "{front: lan}"),
      Field(
        "standby", \.standby, Form<StandbySettings>.table(StandbySettings.keys),
        "Another host that has it as it was a moment ago, and goes on with it when its own fails.", default: "none",
        example: "{host: server2, epoch: 25 ms}"),
    ] + processorFields
  }

  static func table(_ programs: Shape) -> KeyTable<VMEntry> {
    KeyTable(
      "vm", "A virtual machine: one NIC with the keys of a NIC, or several under nics", from: VMEntry(), takesDefaults: true,
      fields(programs))
  }
}

/// An entry of `groups`, beside what its VMs are.
struct GroupEntry: Sendable {
  var count = 0
  var name: String?

  static let keys = KeyTable(
    "group", "Many VMs alike; {n} in its texts is the number of the VM, from 1", from: GroupEntry(), takesDefaults: true,
    [
      Field("count", \.count, .integer(1...100_000), "How many.", required: true, example: "8"),
      Field("name", \.name, .namePattern, "Name of each.", default: "the group's name and {n}", example: "vm{n}"),
    ])

  static func table(_ vm: KeyTable<VMEntry>) -> KeyTable<GroupEntry> {
    KeyTable(
      keys.keys.name, keys.keys.title, from: GroupEntry(), takesDefaults: true, keys.fields + Field.apart(vm))
  }
}

extension Form where Value == String {
  fileprivate static var namePattern: Form {
    Form(.namePattern) { (text) throws(Complaint) in
      _ = try Parse.name(Pattern.expand(text, 1))
      return text
    }
  }
}

/// An entry of `hosts`.
struct HostEntry: Sendable {
  var uplink: Written?
  var links: Written?
  var networks: Written?
  var programs: Written?
  var forwards = true
  var memory: Located<UInt64>?
  var overcommit = Overcommit.refuse
  var power: PowerSettings?
  var pools: Written?
  var processors = HostProcessorsEntry()

  static func table(_ programs: Shape) -> KeyTable<HostEntry> {
    KeyTable(
      "host", "A physical machine; without networks, a plain machine", from: HostEntry(), takesDefaults: true,
      [
        Field(
          "uplink", \.uplink, .raw(.either([.uplink, .object(UplinkEntry.keys.keys)])), "The cable to a segment.",
          default: "none", example: "campus 134.115.153.10"),
        Field(
          "links", \.links, .raw(.named(Form<IPv4Address>.address.shape)),
          "Further segments that its own machine is plugged into, and its address there: for migrations (`via`) and what it runs.",
          default: "none", example: "{backbone: 10.9.0.1}"),
        Field(
          "networks", \.networks,
          .raw(.named(.either([Form<NetworkMode>.choice.shape, .object(NetworkEntry.keys.keys)]))),
          "Virtual networks on this host.", default: "none", example: "{lan: bridge}"),
        Field("programs", \.programs, .raw(programs), "What runs on the host itself.", default: "none", example: "[http-server]"),
        Field(
          "ip-forwarding", \.forwards, .boolean, "Off: the NAT passes nothing in either direction.", example: "false"),
        Field(
          "memory", \.memory, .size(1 << 20...1 << 50), "What its VMs' memory adds up to at most.",
          default: "as much as they need", example: "4 GiB"),
        Field(
          "overcommit", \.overcommit, .choice,
          "Where its VMs have more memory than it: refuse, or balloon (pages that they don't use are taken, of the idlest first).",
          example: "balloon"),
        Field(
          "power", \.power, Form<PowerSettings>.table(PowerSettings.keys),
          "What it takes, for energy in report and checks (modelled).", default: "none", example: "{idle: 100 W, peak: 250 W}"),
        Field(
          "pools", \.pools, .raw(.named(.object(PoolSettings.keys.keys))), "Where its VMs' disks and backups lie.",
          default: "none", example: "{ssd: {size: 20 GiB}}"),
      ] + processorFields)
  }
}

extension Shape {
  /// `campus 134.115.153.10`, or the segment alone.
  static var uplink: Shape {
    .text(
      Scalar(.uplink) { (text) throws(Complaint) in
        let parts = text.split(separator: " ")
        let isNoName = parts.count == 1 && (try? Parse.name(text)) == nil
        guard parts.count == 1 || parts.count == 2, !isNoName, IPv4Address(parts[0]) == nil else {
          throw Complaint.noUplink(text)
        }
        // `campus, 134.115.153.10`
        if parts.count == 2, let last = parts[0].last, ",;:/@".contains(last) { throw Complaint.noUplink(text) }
        _ = try Parse.name(String(parts[0]))
        if parts.count == 2 { _ = try Parse.address(String(parts[1])) }
        return text
      })
  }
}
