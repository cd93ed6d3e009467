import WeftSettings
import WeftWire

/// Under `clone`.
struct CloneEntry: Sendable {
  var vm = ""
  var name = ""
  var identity = CloneIdentity.regenerate
  var address: IPv4Address?

  static let keys: KeyTable<CloneEntry> = KeyTable(
    "clone", "Copies a VM as it is", from: CloneEntry(),
    [
      Field("vm", \.vm, .vm, "Which VM.", required: true, example: "web"),
      Field("name", \.name, .text, "What the copy is called; checks and events may name it.", required: true, example: "web2"),
      Field(
        "identity", \.identity, .choice,
        "keep: nothing tells the two apart. regenerate: the copy has a UUID, MAC addresses, host name, instance-id, leases and random "
          + "numbers of its own, and none of the connections.", required: true, example: "regenerate"),
      Field(
        "address", \.address, .address, "With regenerate, of the copy's eth0, where the VM's own isn't by DHCP.",
        default: "the VM's own", example: "10.0.0.9"),
    ]
  ) { entry, mistakes in
    if entry.address != nil, entry.identity == .keep {
      mistakes.report("a clone that keeps its identity has the VM's address", at: \.address)
    }
  }

  /// The key of the event.
  static let word = "clone"
}

extension Event.Action {
  static let cloneCases: [Case<Event.Action>] = [
    Case(
      CloneEntry.word, .table(CloneEntry.keys), "Copies a VM as it is, memory and all, to another of the same host.",
      example: "{vm: web, name: web2, identity: regenerate}"
    ) { .clone(vm: $0.vm, name: $0.name, $0.identity, address: $0.address) }
  ]
}

extension Topology {
  /// VMs that come with events.
  package var clones: [String] {
    events.compactMap { if case .clone(_, let name, _, _) = $0.action { name } else { nil } }
  }

  /// What the file has from the beginning.
  package var machines: [String] { hosts.map(\.name) + vms.map(\.name) }
}
