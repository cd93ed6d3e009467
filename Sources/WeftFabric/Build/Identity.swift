import WeftCore
import WeftTopology
import WeftWire

// What tells a thing from others comes from its name and the run's seed, never from its place in the file: a VM more
// elsewhere changes nothing of what others are called, send or are numbered by.

/// The MAC addresses that the file doesn't give: local ones, drawn from the name of who bears them.
struct MACPlan {
  private let seed: UInt64
  private var macs: [String: MACAddress] = [:]
  private var taken: Set<MACAddress> = []

  /// Of one address's bearer: `web/eth0`.
  static func name(_ owner: String, _ interface: String) -> String { "\(owner)/\(interface)" }

  init(_ topology: Topology, seed: UInt64) {
    self.seed = seed
    for host in topology.hosts { if let mac = host.uplink?.mac { taken.insert(mac) } }
    for vm in topology.vms { for nic in vm.nics { if let mac = nic.mac { taken.insert(mac) } } }
    // Should two names draw the same address, the one that comes first in the alphabet has it.
    for name in Self.names(topology).sorted() { _ = add(name) }
  }

  subscript(owner: String, interface: String) -> MACAddress {
    mutating get {
      let name = Self.name(owner, interface)
      return macs[name] ?? add(name)
    }
  }

  func has(_ mac: MACAddress) -> Bool { taken.contains(mac) }
  mutating func take(_ mac: MACAddress) { taken.insert(mac) }

  private mutating func add(_ name: String) -> MACAddress {
    var stream = RandomStream(seed: seed, owner: name, purpose: "mac")
    while true {
      // Of one machine, and not given out by a registry: the two lowest bits of the first octet.
      let mac = MACAddress(rawValue: stream.next() & 0xfcff_ffff_ffff | 0x0200_0000_0000)
      if taken.insert(mac).inserted {
        macs[name] = mac
        return mac
      }
    }
  }

  private static func names(_ topology: Topology) -> [String] {
    var names: [String] = []
    for segment in topology.segments where segment.dhcp != nil { names.append(name("\(segment.name)-dhcp", "lan")) }
    for host in topology.hosts {
      names += [name(host.name, "uplink"), name(host.name, "eth0")]
      for link in host.links { names.append(name(host.name, link.segment)) }
      for network in host.networks {
        names += [name(network.name, "gateway"), name(network.name, "host"), name("\(network.name)-dhcp", "lan")]
      }
    }
    for vm in topology.vms {
      for index in vm.nics.indices where vm.nics[index].mac == nil { names.append(name(vm.name, "eth\(index)")) }
    }
    return names
  }
}

/// Numbers for names, from the names alone; which is whose is settled in the order of names where two draw the same.
struct NameNumbers {
  private var numbers: [String: UInt32] = [:]
  private var taken: Set<UInt32> = [0]

  init() {}

  init(_ names: some Sequence<String>) { for name in names.sorted() { _ = number(of: name) } }

  /// Not 0.
  mutating func number(of name: String) -> UInt32 {
    if let known = numbers[name] { return known }
    var stream = RandomStream(seed: 0, owner: name, purpose: "packets")
    while true {
      let number = UInt32(truncatingIfNeeded: stream.next())
      if taken.insert(number).inserted {
        numbers[name] = number
        return number
      }
    }
  }
}

/// A machine that starts by itself. Of thousands that did everything in the same nanosecond, every cable would have to
/// hold what all of them send: each begins at a moment of its own within the first millisecond.
struct Boot {
  var at: Instant
  var node: NodeID

  private static let window: UInt64 = 1_000_000

  init(_ name: String, _ node: NodeID, seed: UInt64, order: Int = 1) {
    var stream = RandomStream(seed: seed, owner: name, purpose: "boot")
    at = Instant(stream.next(below: Self.window) + UInt64(order - 1) * Self.window)
    self.node = node
  }
}
