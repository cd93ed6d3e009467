import WeftTopology
import WeftWire

/// Which address every NIC will have. Static ones stand in the file; the others are what their DHCP servers are told to
/// give them, in the order of the file, so that a port forward or a name in a capture is right from the first frame on.
struct AddressPlan {
  /// A segment, or a network that is no bridge: what a bridge joins has its addresses.
  struct PlannedNetwork {
    /// Settled by hand (`lease:`): nobody else's, ever.
    var reservations: [MACAddress: IPv4Address] = [:]
    /// Chosen here for the others, as if each had had its address before.
    var leases: [MACAddress: IPv4Address] = [:]
    /// Never given to anybody by DHCP: the gateway's, the server's, static ones.
    var excluded: Set<IPv4Address> = []
  }

  private struct Key: Hashable {
    var machine: String
    var place: String
  }

  /// A NIC that asks by DHCP.
  private struct Client {
    var key: Key
    var mac: MACAddress
    var reservation: IPv4Address?
  }

  /// Per VM and NIC, in the order of the file.
  var macs: [[MACAddress]] = []
  /// Of the hosts whose uplinks ask by DHCP.
  var uplinkMACs: [String: MACAddress] = [:]
  var networks: [String: PlannedNetwork] = [:]
  private var addresses: [Key: IPv4Address] = [:]
  /// Bridge networks: what their hosts are plugged into.
  private var bridges: [String: String] = [:]

  init() {}

  init(_ topology: Topology, macs: [[MACAddress]], uplinkMACs: [String: MACAddress]) {
    self.macs = macs
    self.uplinkMACs = uplinkMACs
    var servers: [String: DHCPSettings] = [:]
    func add(_ name: String, _ gateway: IPv4Address?, _ dhcp: DHCPSettings?) {
      networks[name] = PlannedNetwork(excluded: Set([gateway, dhcp?.server].compactMap(\.self)))
      servers[name] = dhcp
    }
    for segment in topology.segments { add(segment.name, segment.gateway, segment.dhcp) }
    for network in topology.hosts.lazy.flatMap(\.networks) where network.mode != .bridge {
      add(network.name, network.gateway, network.dhcp)
    }
    var clients: [Client] = []
    for host in topology.hosts {
      for link in host.links { settle(link.address, Key(machine: host.name, place: link.segment)) }
      guard let uplink = host.uplink else { continue }
      for network in host.networks where network.mode == .bridge { bridges[network.name] = uplink.segment }
      let key = Key(machine: host.name, place: uplink.segment)
      networks[uplink.segment]?.excluded.formUnion(host.networks.flatMap(\.nat.addresses))
      if let address = uplink.address {
        settle(address, key)
      } else if let mac = uplinkMACs[host.name] {
        clients.append(Client(key: key, mac: mac, reservation: uplink.reservation))
      }
    }
    for (index, vm) in topology.vms.enumerated() {
      for (eth, nic) in vm.nics.enumerated() {
        let key = Key(machine: vm.name, place: place(of: nic.place))
        if let address = nic.settled {
          settle(address, key)
        } else {
          clients.append(Client(key: key, mac: macs[index][eth], reservation: nic.reservation))
        }
      }
    }
    plan(clients, servers)
  }

  /// A static address. Of several NICs on one network the first is the machine's.
  private mutating func settle(_ address: IPv4Address, _ key: Key) {
    networks[key.place]?.excluded.insert(address)
    if addresses[key] == nil { addresses[key] = address }
  }

  private mutating func plan(_ clients: [Client], _ servers: [String: DHCPSettings]) {
    var taken: [String: Set<IPv4Address>] = [:]
    for client in clients {
      guard let address = client.reservation else { continue }
      networks[client.key.place]?.reservations[client.mac] = address
      taken[client.key.place, default: []].insert(address)
    }
    var cursors: [String: UInt64] = [:]
    for client in clients {
      let place = client.key.place
      if let address = client.reservation {
        if addresses[client.key] == nil { addresses[client.key] = address }
        continue
      }
      guard let settings = servers[place] else { continue }
      // Who has another's MAC address is that one to the server.
      if let known = networks[place]?.leases[client.mac] ?? networks[place]?.reservations[client.mac] {
        if addresses[client.key] == nil { addresses[client.key] = known }
        continue
      }
      var next = cursors[place] ?? UInt64(settings.rangeFirst.rawValue)
      while next <= UInt64(settings.rangeLast.rawValue) {
        let address = IPv4Address(rawValue: UInt32(next))
        next += 1
        if networks[place]?.excluded.contains(address) == true || taken[place]?.contains(address) == true { continue }
        networks[place]?.leases[client.mac] = address
        if addresses[client.key] == nil { addresses[client.key] = address }
        break
      }
      cursors[place] = next
    }
  }

  /// Where the addresses of a network are from.
  func place(of network: String) -> String { bridges[network] ?? network }

  /// Of a VM, or of a host whose uplink is there. Nil where the pool is too small for everybody: who comes first gets one
  /// then.
  func address(of machine: String, on network: String) -> IPv4Address? {
    addresses[Key(machine: machine, place: place(of: network))]
  }
}
