import WeftCore
import WeftSettings
import WeftWire

/// Something that happens to the world at a moment.
public struct Event: Sendable, Codable {
  public enum Action: Sendable, Codable, Hashable {
    case linkDown(LinkName)
    case linkUp(LinkName)
    /// What needs no more to be said.
    case life(MachineVerb, vm: String)
    /// Asks it to end; if it hasn't by then, its plug is pulled, or that is an error.
    case shutDown(vm: String, within: Nanoseconds, then: ShutdownEnd = .stop)
    /// With its memory, or its disks alone.
    case takeSnapshot(String, vm: String, memory: Bool)
    /// `reseed`: the VM hears of it, and draws other random numbers.
    case revert(vm: String, to: String, reseed: Bool = true)
    case deleteSnapshot(String, vm: String)
    /// Only what is given changes.
    case setLink(LinkName, delay: Nanoseconds?, rate: UInt64?, loss: Double?)
    case ipForwarding(host: String, enabled: Bool)
    /// Of a nat network; two forwards where one is for both protocols.
    case addForward(network: String, [Forward])
    /// `keep`: whether its connections go on; nil: as the NAT's profile has it.
    case removeForward(network: String, [Forward], keep: Bool?)
    /// The connections of the NAT that the network has; without a filter all.
    case flushConntrack(network: String, FlowFilter = FlowFilter())
    case backup(BackupOrder)
    /// `host`: whose pool, where several have one of that name.
    case failMedia(pool: String, host: String?)
    case restoreBackup(RestoreOrder)
    /// Of a host without a hypervisor: its other system ends, and this one boots.
    case bootInto(vm: String, boot: Nanoseconds, within: Nanoseconds)
    /// Of who is joined to whom.
    case change(GraphAction)
    /// While it runs.
    case migrate(vm: String, to: String, MigrationSettings)
    case cancelMigration(vm: String)
    case drain(host: String, PlacementPolicy)
    case consolidate(PlacementPolicy, off: Bool)
    case failHost(String)
    /// Into a VM's drive, in place of what is there.
    case insert(CD, vm: String)
    case eject(vm: String)
    /// Keeps the whole lab, to fork from.
    case checkpoint(String)
    case fork(Future)
    /// `address`: the clone's, where the VM's own is settled.
    case clone(vm: String, name: String, CloneIdentity, address: IPv4Address? = nil)
  }

  public var at: Nanoseconds
  public var action: Action
  /// In which future it happens; nil: in all.
  public var future: String?
  public var mark: Mark

  public init(at: Nanoseconds, action: Action, mark: Mark = .inCode) {
    self.at = at
    self.action = action
    self.mark = mark
  }
}

extension Event.Action {
  /// What it does to a thing of which the file knows how it is, so that it may be so already.
  package enum Sense {
    case life(vm: String, MachineVerb)
    case snapshot(vm: String, String, SnapshotVerb)
    case cable(LinkName, isUp: Bool)
    case ipForwarding(host: String, isOn: Bool)
    case forwards(network: String, [Forward], isAdded: Bool)
    case drive(vm: String, isLoaded: Bool)
    case clone(vm: String, name: String)
    case media(pool: String, host: String?)
    case backup(BackupOrder)
    case restore(RestoreOrder)
    case migrate(vm: String, to: String)
    /// Which VMs go where, the run finds out.
    case placement
    case failHost(String)
    case other
  }

  package enum SnapshotVerb { case take, revert, delete }

  /// Whether it does this to a VM, at one stroke.
  func does(_ deed: Deed, to vm: String) -> Bool {
    switch self {
    case .life(let verb, vm): verb.rawValue == deed.rawValue
    case .takeSnapshot(_, vm, _): deed == .snapshot
    case .revert(vm, _, _): deed == .revert
    case .restoreBackup(let order): deed == .restoreBackup && order.vm == vm
    case .clone(vm, _, _, _): deed == .clone
    default: false
    }
  }

  /// What a check may come after.
  enum Deed: String, Sendable, CaseIterable {
    case start, pause, resume, stop, reset, crash, save, restore, snapshot, revert, clone
    case restoreBackup = "restore-backup"
  }

  package var sense: Sense {
    switch self {
    case .life(let verb, let vm): .life(vm: vm, verb)
    case .shutDown(let vm, _, _): .life(vm: vm, .shutdown)
    case .takeSnapshot(let name, let vm, _): .snapshot(vm: vm, name, .take)
    case .revert(let vm, let name, _): .snapshot(vm: vm, name, .revert)
    case .deleteSnapshot(let name, let vm): .snapshot(vm: vm, name, .delete)
    case .linkDown(let cable): .cable(cable, isUp: false)
    case .linkUp(let cable): .cable(cable, isUp: true)
    case .ipForwarding(let host, let isOn): .ipForwarding(host: host, isOn: isOn)
    case .addForward(let network, let forwards): .forwards(network: network, forwards, isAdded: true)
    case .removeForward(let network, let forwards, _): .forwards(network: network, forwards, isAdded: false)
    case .failMedia(let pool, let host): .media(pool: pool, host: host)
    case .backup(let order): .backup(order)
    case .restoreBackup(let order): .restore(order)
    case .insert(_, let vm): .drive(vm: vm, isLoaded: true)
    case .eject(let vm): .drive(vm: vm, isLoaded: false)
    case .clone(let vm, let name, _, _): .clone(vm: vm, name: name)
    case .migrate(let vm, let host, _): .migrate(vm: vm, to: host)
    case .drain, .consolidate: .placement
    case .failHost(let host): .failHost(host)
    case .setLink, .flushConntrack, .bootInto, .change, .cancelMigration, .checkpoint, .fork: .other
    }
  }
}

/// An entry of `events`: a moment and exactly one action. An event is a case and its sense above, its row here, and what the
/// world does.
struct EventEntry: Sendable {
  var at = Nanoseconds.zero
  var future: String?
  var action: Event.Action?

  static let keys: KeyTable<EventEntry> = KeyTable(
    "event", "Something that happens at a moment", from: EventEntry(),
    [
      Field(
        "at", \.at, .duration,
        "When, from the beginning of the run. At one moment machines boot first, then events come in the file's order.",
        required: true, example: "5 s"),
      Field("future", \.future, .future, "In which future it happens: a fork's, or main.", default: "in all", example: "b"),
    ]
      + Field.cases(
        \.action,
        [
          Case(
            "link-down", .cable, "Cuts a cable. A bare VM means its eth0, a bare host its uplink.", example: "laptop.uplink"
          ) { Event.Action.linkDown($0) },
          Case("link-up", .cable, "Mends it.", example: "laptop.uplink") { .linkUp($0) },
          Case("start", .vm, "Starts a VM.", example: "web") { .life(.start, vm: $0) },
          Case(
            "pause", .vm, "Lets a VM and its clock stand still (libvirt: suspend).", example: "web"
          ) { .life(.pause, vm: $0) },
          Case("resume", .vm, "Lets it go on.", example: "web") { .life(.resume, vm: $0) },
          Case(
            "shutdown", .table(Shutdown.keys, short: .vm) { Shutdown(vm: $0) },
            "Asks a VM to end: its programs stop, its connections are closed, and it goes off.", example: "web"
          ) { .shutDown(vm: $0.vm, within: $0.timeout, then: $0.then) },
          Case("stop", .vm, "Pulls a VM's plug (libvirt: destroy).", example: "web") { .life(.stop, vm: $0) },
          Case("reset", .vm, "Pulls the plug and starts it again.", example: "web") { .life(.reset, vm: $0) },
          Case("crash", .vm, "Its system falls over: it has power and does nothing.", example: "web") { .life(.crash, vm: $0) },
          Case("save", .vm, "Puts a VM's memory away and switches it off (VMware: suspend).", example: "web") {
            .life(.save, vm: $0)
          },
          Case("restore", .vm, "Goes on with what was saved.", example: "web") { .life(.restore, vm: $0) },
          Case(
            "boot-into", .table(BootInto.keys, short: .vm) { BootInto(vm: $0) },
            "Shuts down the system that a host with `hypervisor: none` runs, and boots another one of its.", example: "windows"
          ) { .bootInto(vm: $0.vm, boot: $0.boot, within: $0.timeout) },
          Case(
            "snapshot", .table(SnapshotEntry.taking), "Keeps what a VM is now: its disks, and its memory.",
            example: "{vm: web, name: before}"
          ) { .takeSnapshot($0.name, vm: $0.vm, memory: $0.memory) },
          Case(
            "revert", .table(SnapshotEntry.reverting), "Goes on from a snapshot; the world around it has moved on.",
            example: "{vm: web, to: before}"
          ) { .revert(vm: $0.vm, to: $0.name, reseed: $0.reseed) },
          Case(
            "delete-snapshot", .table(SnapshotEntry.deleting),
            "Forgets a snapshot; those that came from it come from its parent then.", example: "{vm: web, name: before}"
          ) { .deleteSnapshot($0.name, vm: $0.vm) },
          Case(
            "set-link", .table(LinkChange.keys), "Changes what a cable does; only what is given changes.",
            example: "{link: laptop.uplink, loss: 1 %}"
          ) { .setLink($0.link, delay: $0.delay, rate: $0.rate, loss: $0.loss) },
          Case(
            "ip-forwarding", .table(ForwardingChange.keys), "Switches a host's IP forwarding.",
            example: "{host: laptop, enabled: false}"
          ) { .ipForwarding(host: $0.host, enabled: $0.enabled) },
          Case(
            "add-forward", .table(ForwardChange.adding), "Adds a port forward to a nat network.",
            example: "{network: home, forward: \"8080:web:80\"}"
          ) { .addForward(network: $0.network, $0.forwards) },
          Case(
            "remove-forward", .table(ForwardChange.removing), "Takes one away.",
            example: "{network: home, forward: \"8080:web:80\"}"
          ) { .removeForward(network: $0.network, $0.forwards, keep: $0.keep) },
          Case(
            "flush-conntrack", .table(Flush.keys, short: .nat) { Flush(network: $0) },
            "Forgets connections of a network's NAT (conntrack -F, or -D with a filter).", example: "home"
          ) { .flushConntrack(network: $0.network, $0.filter) },
          Case(
            "remove-vm", .vm,
            "Takes a VM away, with its cables. Leases, forwards and connections end as they are configured.", example: "web"
          ) { .change(.removeVM($0)) },
          Case(
            "add-nic", .table(NICAddition.keys), "Gives a VM its next interface.", example: "{vm: web, nic: {network: lan}}"
          ) { .change(.addNIC(vm: $0.vm, $0.nic ?? NIC(network: ""))) },
          Case(
            "remove-nic", .nic, "Takes a VM's interface away; a bare VM means its eth0.", example: "web.eth1"
          ) { .change(.removeNIC($0)) },
          Case(
            "plug", .table(NICMove.keys), "Moves the cable of a VM's interface into another network, of whatever host.",
            example: "{nic: web, into: lan}"
          ) { .change(.plug($0.nic, into: $0.network)) },
          Case(
            "migrate", .table(MigrationEntry.keys), "Moves a VM to another host while it runs, over TCP between the two hosts.",
            example: "{vm: web, to: server2}"
          ) { .migrate(vm: $0.vm, to: $0.to, $0.settings) },
          Case("cancel-migration", .vm, "Ends it before its time; the VM stays where it is.", example: "web") {
            .cancelMigration(vm: $0)
          },
          Case(
            "drain", .table(Drain.keys, short: .host) { Drain(host: $0) }, "Moves all VMs off a host while they run.",
            example: "server1"
          ) { .drain(host: $0.host, $0.policy) },
          Case(
            "consolidate", .table(Consolidation.keys), "Moves VMs onto as few hosts as they fit on.", example: "{off: true}"
          ) { .consolidate($0.policy, off: $0.off) },
          Case("fail-host", .host, "A host loses its power, and all that is on it.", example: "server2") { .failHost($0) },
        ] + Event.Action.discCases + Event.Action.cloneCases + Event.Action.forkCases + Case.backups))
}

/// Under `set-link`.
struct LinkChange: Sendable {
  var link = LinkName(node: "", port: "")
  var delay: Nanoseconds?
  var rate: UInt64?
  var loss: Double?

  static let keys: KeyTable<LinkChange> = KeyTable(
    "set-link", "Changes what a cable does", from: LinkChange(),
    [
      Field("link", \.link, .cable, "Which cable.", required: true, example: "laptop.uplink"),
      Field("delay", \.delay, .delay, LinkSettings.delayDoc, default: "unchanged", example: "2 ms"),
      Field("rate", \.rate, .rate, LinkSettings.rateDoc, default: "unchanged", example: "10 Mbit/s"),
      Field("loss", \.loss, .loss, LinkSettings.lossDoc, default: "unchanged", example: "1 %"),
    ]
  ) { change, mistakes in
    let changes = [\LinkChange.delay as PartialKeyPath, \.rate, \.loss]
    if changes.allSatisfy({ mistakes.object.bare($0) == nil }) {
      mistakes.report("set-link changes nothing", hint: "give it delay, rate or loss")
    }
  }
}

/// Under `ip-forwarding`.
struct ForwardingChange: Sendable {
  var host = ""
  var enabled = true

  static let keys: KeyTable<ForwardingChange> = KeyTable(
    "set-ip-forwarding", "Switches a host's IP forwarding", from: ForwardingChange(),
    [
      Field("host", \.host, .host, "Which host.", required: true, example: "laptop"),
      Field("enabled", \.enabled, .boolean, "On or off.", required: true, example: "false"),
    ])
}

/// Under `flush-conntrack`.
struct Flush: Sendable {
  var network = ""
  var filter = FlowFilter()

  static let keys: KeyTable<Flush> = KeyTable(
    "flush-conntrack", "Forgets connections: all, or those that match. Short form: the network alone", from: Flush(),
    [
      Field("network", \.network, .nat, "Of which network's NAT.", required: true, example: "home"),
      Field(
        "protocol", \.filter.protocol, .protocolNumber, "tcp, udp, icmp, sctp, udplite or a number.", default: "any",
        example: "udp"),
      Field(
        "source", \.filter.source, .network, "Who began it (conntrack -s).", default: "any", example: "192.168.122.2"),
      Field(
        "destination", \.filter.destination, .network, "Whom it was sent to (-d).", default: "any", example: "203.0.113.0/24"),
      Field("source-port", \.filter.sourcePort, .port, "From which port (--sport).", default: "any", example: "40000"),
      Field("port", \.filter.port, .port, "To which port (--dport).", default: "any", example: "53"),
    ]
  ) { flush, mistakes in
    guard let number = flush.filter.protocol, !IPProtocol(rawValue: number).hasPorts else { return }
    for path: PartialKeyPath<Flush> in [\.filter.port, \.filter.sourcePort] {
      mistakes.report("only tcp, udp, sctp and udplite have ports", atKey: path)
    }
  }
}

/// Under `add-forward` and `remove-forward`.
struct ForwardChange: Sendable {
  var network = ""
  var forwards: [Forward] = []
  var keep: Bool?

  static let adding = KeyTable("add-forward", "Adds a port forward", from: ForwardChange(), fields)

  static let removing = KeyTable(
    "remove-forward", "Takes a port forward away", from: ForwardChange(),
    fields + [
      Field(
        "keep", \.keep, .boolean,
        "Its connections go on as they began until they are over, as where rules are looked up for a first packet alone; "
          + "or they end with it.",
        default: "linux: true, others: false", example: "true")
    ])

  private static let fields: [Field<ForwardChange>] = [
    Field("network", \.network, .nat, "Which nat network.", required: true, example: "home"),
    Field("forward", \.forwards, Forward.form, "Which port forward.", required: true, example: "\"8080:web:80\""),
  ]
}
