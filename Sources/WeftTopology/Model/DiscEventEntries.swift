import WeftISO
import WeftSettings

/// Under `insert`.
struct DiscInsertion: Sendable {
  var vm = ""
  var cd: CD?

  static let keys: KeyTable<DiscInsertion> = KeyTable(
    "insert", "Puts a disc into a VM's drive", from: DiscInsertion(),
    [
      Field("vm", \.vm, .vm, "Into which VM's.", required: true, example: "web"),
      Field("cd", \.cd, .cd, "Which disc.", required: true, example: "tools.iso"),
    ])
}

extension Event.Action {
  static let discCases: [Case<Event.Action>] = [
    Case(
      "insert", .table(DiscInsertion.keys),
      "Puts a disc into a VM's drive, in place of one that is there; the next read fails, and then what is there is read.",
      example: "{vm: web, cd: tools.iso}"
    ) { .insert($0.cd ?? CD(Disc(name: "", volume: ISOVolume(label: ""))), vm: $0.vm) },
    Case("eject", .vm, "Takes the disc out of a VM's drive.", example: "web") { .eject(vm: $0) },
  ]
}
