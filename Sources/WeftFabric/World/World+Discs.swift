import WeftGuest
import WeftISO
import WeftStack
import WeftTopology
import WeftWire

// Discs in the drives of VMs.
extension World {
  mutating func insert(_ cd: CD, into vm: String) throws(EventFailure) {
    let (_, machine) = try known(vm)
    elements.machines[machine].guest.insert(cd, names)
  }

  mutating func ejectDisc(of vm: String) throws(EventFailure) {
    let (_, machine) = try known(vm)
    guard elements.machines[machine].guest.stack.disc != nil else {
      throw EventFailure(description: "\(vm) has no disc in its drive")
    }
    elements.machines[machine].guest.ejectDisc()
  }
}

extension Guest {
  mutating func insert(_ cd: CD, _ names: NameTable) { insert(cd.disc, cd.seed.map { GuestSeed($0, names) }) }
}

extension GuestSeed {
  init(_ config: CloudConfig, _ names: NameTable) {
    self.init(
      instanceID: config.instanceID, hostname: config.hostname,
      networks: config.networks?.map { network in
        Network(
          name: network.name, mac: network.mac,
          addressing: network.usesDHCP
            ? .dhcp
            : network.addresses.first.map { .static($0.address, $0.prefix, gateway: network.gateway) } ?? .none,
          aliases: network.addresses.dropFirst(network.usesDHCP ? 0 : 1).map { .init($0.address, $0.prefix) })
      },
      programs: config.programs.map { $0.configuration(names) },
      files: config.files.map { StoredFile(path: $0.path, bytes: Array($0.content.utf8)) })
  }
}

extension Simulation {
  /// Puts a disc into a VM's drive, in place of one that is there.
  public mutating func insert(_ cd: CD, into vm: String) throws(ActionError) {
    try act { (world) throws(EventFailure) in try world.insert(cd, into: vm) }
  }

  public mutating func ejectDisc(of vm: String) throws(ActionError) {
    try act { (world) throws(EventFailure) in try world.ejectDisc(of: vm) }
  }
}
