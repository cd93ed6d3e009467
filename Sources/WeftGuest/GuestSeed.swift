import WeftCore
import WeftISO
import WeftPrograms
import WeftStack
import WeftWire

/// What a disc says of the machine that boots with it, ready to be taken on.
public struct GuestSeed: Codable, Sendable {
  /// An interface as the disc describes it.
  public struct Network: Codable, Sendable {
    /// `eth0`
    public var name: String
    /// Where given, it is for the interface with this address, however that is called.
    public var mac: MACAddress?
    public var addressing: InterfaceConfiguration.Addressing
    public var aliases: [InterfaceConfiguration.Alias]

    public init(
      name: String, mac: MACAddress?, addressing: InterfaceConfiguration.Addressing, aliases: [InterfaceConfiguration.Alias] = []
    ) {
      (self.name, self.mac, self.addressing, self.aliases) = (name, mac, addressing, aliases)
    }
  }

  /// A machine that was set up by it before takes nothing of it again.
  public var instanceID: String
  public var hostname: String?
  /// Nil: it says nothing of them.
  public var networks: [Network]?
  /// They run beside the machine's own.
  public var programs: [ProgramConfiguration]
  public var files: [StoredFile]

  public init(
    instanceID: String, hostname: String? = nil, networks: [Network]? = nil, programs: [ProgramConfiguration] = [],
    files: [StoredFile] = []
  ) {
    (self.instanceID, self.hostname, self.networks, self.programs, self.files) =
      (instanceID, hostname, networks, programs, files)
  }
}

/// What a guest knows of discs that set it up: as cloud-init keeps it on the machine's disk, so that it outlives its power.
struct CloudInit: Codable, Sendable {
  /// What the disc in the drive says.
  var offered: GuestSeed?
  /// Put in since the machine looked last.
  var isNew = true
  /// By which it was set up last.
  var taken: GuestSeed?
  /// What of it doesn't fit the machine.
  var problems: [String] = []

  /// A clone is another instance: the disc sets it up anew as it boots, which is for the machine that it was copied from.
  mutating func becomeAnother(named name: String) {
    guard offered != nil else { return }
    offered?.instanceID += "-\(name)"
    offered?.hostname = name
    isNew = true
  }

  /// How the interfaces come by their addresses. Of those that a network configuration doesn't name, nobody sees to it.
  mutating func interfaces(_ own: [InterfaceConfiguration]) -> [InterfaceConfiguration] {
    guard let networks = taken?.networks else { return own }
    var interfaces = own
    for index in interfaces.indices { (interfaces[index].addressing, interfaces[index].aliases) = (.none, []) }
    for network in networks {
      guard let index = Self.index(of: network, own) else {
        let what = network.mac.map { "no interface has MAC address \($0)" } ?? "there is no interface \(network.name)"
        problems.append("\(what): what it says of \(network.name) is left out")
        continue
      }
      (interfaces[index].addressing, interfaces[index].aliases) = (network.addressing, network.aliases)
    }
    return interfaces
  }

  static func index(of network: GuestSeed.Network, _ interfaces: [InterfaceConfiguration]) -> Int? {
    if let mac = network.mac { return interfaces.firstIndex { $0.mac == mac } }
    return interfaces.indices.first { network.name == "eth\($0)" }
  }
}

extension Guest {
  /// Puts a disc into its drive, which it has from then on. `seed`: what the disc says of the machine, where it is one for that.
  public mutating func insert(_ disc: Disc, _ seed: GuestSeed?) {
    stack.insert(disc)
    guard seed != nil || cloudInit != nil else { return }
    var cloud = cloudInit?.value ?? CloudInit()
    (cloud.offered, cloud.isNew) = (seed, true)
    cloudInit = Apart(cloud)
  }

  public mutating func ejectDisc() {
    stack.eject()
    cloudInit?.value.offered = nil
  }

  /// As it boots: a disc of an instance that it isn't yet sets it up; one that it knows is passed over.
  mutating func lookAtDisc() {
    guard var cloud = cloudInit?.value, let seed = cloud.offered, cloud.isNew else { return }
    cloud.isNew = false
    cloud.problems = []
    if let taken = cloud.taken, taken.instanceID == seed.instanceID {
      cloud.problems = ["the machine is \(seed.instanceID) already: nothing of the new disc is taken"]
    } else {
      cloud.taken = seed
      let interfaces = cloud.interfaces(configuration.stack.interfaces)
      stack.setUp(hostname: seed.hostname, interfaces)
      var storage = stack.storage?.value ?? Storage()
      storage.files = seed.files
      stack.storage = Apart(storage)
    }
    cloudInit = Apart(cloud)
  }

  var seededPrograms: [ProgramConfiguration] { cloudInit?.value.taken?.programs ?? [] }

  /// `hostname web, eth0 192.168.122.50/24 from cd (i-7f3a)`; nil of one that no disc has set up.
  public var setUpText: String? {
    guard let cloud = cloudInit?.value, let seed = cloud.taken else { return nil }
    var parts: [String] = []
    if let name = seed.hostname { parts.append("hostname \(name)") }
    for network in seed.networks ?? [] {
      guard let index = CloudInit.index(of: network, configuration.stack.interfaces) else { continue }
      let how =
        switch stack.configuration.interfaces[index].addressing {
        case .static(let address, let prefix, _): "\(address)/\(prefix.length)"
        case .dhcp: "by DHCP"
        case .none: "without address"
        }
      parts.append("eth\(index) \(how)")
    }
    return (parts.isEmpty ? "nothing" : parts.joined(separator: ", ")) + " from cd (\(seed.instanceID))"
  }

  /// Of the disc that it booted with last.
  public var setUpProblems: [String] {
    guard let cloud = cloudInit?.value else { return [] }
    let id = cloud.offered?.instanceID ?? cloud.taken?.instanceID ?? ""
    return cloud.problems.map { "cd (\(id)): \($0)" }
  }
}
