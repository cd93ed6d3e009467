import WeftTopology
import WeftWire

/// Which address every NIC will have. Static ones stand in the file; the others are kept for their NICs by the DHCP
/// servers, in the order of the file, so that a port forward or a name in a capture is right from the first frame on.
struct AddressPlan {
  struct PlannedNetwork {
    var reservations: [MACAddress: IPv4Address] = [:]
    /// Never given to anybody by DHCP: the gateway's, the server's, static ones.
    var excluded: Set<IPv4Address> = []
  }

  private struct Key: Hashable {
    var vm: String
    var network: String
  }

  /// Per VM and NIC, in the order of the file.
  var macs: [[MACAddress]] = []
  var networks: [String: PlannedNetwork] = [:]
  private var addresses: [Key: IPv4Address] = [:]

  init() {}

  init(_ topology: Topology, macs: [[MACAddress]]) {
    self.macs = macs
    var dhcp: [String: DHCPSettings] = [:]
    for network in topology.hosts.flatMap(\.networks) {
      var planned = PlannedNetwork()
      if let gateway = network.gateway { planned.excluded.insert(gateway) }
      if let settings = network.dhcp {
        planned.excluded.insert(settings.server)
        dhcp[network.name] = settings
      }
      networks[network.name] = planned
    }
    // What is plugged into a network has its address by hand: hosts, their NATs' further addresses, bridged VMs.
    var bridges: [String: String] = [:]
    for host in topology.hosts {
      guard let uplink = host.uplink else { continue }
      addresses[Key(vm: host.name, network: uplink.segment)] = uplink.address
      networks[uplink.segment]?.excluded.formUnion([uplink.address] + host.networks.flatMap(\.nat.addresses))
      for network in host.networks where network.mode == .bridge { bridges[network.name] = uplink.segment }
    }
    var taken: [String: Set<IPv4Address>] = [:]
    var planned = topology.vms.map { [IPv4Address?](repeating: nil, count: $0.nics.count) }
    for (index, vm) in topology.vms.enumerated() {
      for (eth, nic) in vm.nics.enumerated() {
        guard let address = nic.address ?? nic.reservation else { continue }
        if nic.address != nil {
          networks[bridges[nic.network] ?? nic.network]?.excluded.insert(address)
        } else {
          networks[nic.network]?.reservations[macs[index][eth]] = address
        }
        taken[nic.network, default: []].insert(address)
        planned[index][eth] = address
      }
    }
    var cursors: [String: UInt64] = [:]
    for (index, vm) in topology.vms.enumerated() {
      for (eth, nic) in vm.nics.enumerated() where planned[index][eth] == nil {
        guard let settings = dhcp[nic.network] else { continue }
        var next = cursors[nic.network] ?? UInt64(settings.rangeFirst.rawValue)
        while next <= UInt64(settings.rangeLast.rawValue) {
          let address = IPv4Address(rawValue: UInt32(next))
          next += 1
          if networks[nic.network]?.excluded.contains(address) == true || taken[nic.network]?.contains(address) == true
          {
            continue
          }
          networks[nic.network]?.reservations[macs[index][eth]] = address
          planned[index][eth] = address
          break
        }
        cursors[nic.network] = next
      }
    }
    for (vm, planned) in zip(topology.vms, planned) {
      for (nic, address) in zip(vm.nics, planned) {
        let key = Key(vm: vm.name, network: nic.network)
        // Of several NICs on one network the first is the VM's.
        if addresses[key] == nil { addresses[key] = address }
      }
    }
  }

  /// Of a VM, or of a host whose uplink is on the network. Nil where the pool is too small for everybody: who comes first gets one then.
  func address(of vm: String, on network: String) -> IPv4Address? { addresses[Key(vm: vm, network: network)] }
}
