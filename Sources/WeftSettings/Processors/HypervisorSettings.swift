import WeftCore

/// What lies between a host's VMs and its hardware: a list of stages that a packet goes through, never a factor of speed.
public enum HypervisorSettings: Sendable, Codable, Hashable {
  /// On the hardware itself. `driverDomain`: the VM that has the drivers, so that the others' packets go through it.
  case type1(driverDomain: String?)
  /// A program of an operating system, which wakes it for each packet.
  case type2
  /// The host has one operating system at a time; its VMs are those that it may boot.
  case none

  package enum Word: String, CaseIterable, Sendable { case type1, type2, none }

  private static let keyed: Form<Keyed> = .table(Keyed.keys)

  package static let form: Form<HypervisorSettings> = .either(
    Form<Word>.choice.map { word in
      switch word {
      case .type1: HypervisorSettings.type1(driverDomain: nil)
      case .type2: HypervisorSettings.type2
      case .none: HypervisorSettings.none
      }
    }, keyed.map { HypervisorSettings.type1(driverDomain: $0.type1.driverDomain) })

  /// `{type1: {driver-domain: dom0}}`
  package struct Keyed: Sendable {
    var type1 = TypeOne()

    package static let keys: KeyTable<Keyed> = KeyTable(
      "hypervisor", "A hypervisor with keys of its own", from: Keyed(),
      [Field("type1", \.type1, .table(TypeOne.keys), "On the hardware itself.", required: true, example: "{driver-domain: dom0}")]
    )
  }

  package struct TypeOne: Sendable {
    var driverDomain: String?

    package static let keys: KeyTable<TypeOne> = KeyTable(
      "type1", "A hypervisor on the hardware itself", from: TypeOne(),
      [
        Field(
          "driver-domain", \.driverDomain, .vm,
          "The VM of this host that has the network's driver: each packet of another VM costs it work, for which it waits "
            + "for a cpu as any VM does.", default: "none: the hypervisor has it", example: "dom0")
      ])
  }
}
