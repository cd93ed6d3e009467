import WeftIP
import WeftTopology
import WeftWire

/// What the cables of all that is on a link take, so that everybody there knows.
struct MTUPlan {
  private struct Key: Hashable {
    var place: String
    var mtu: UInt16
  }

  /// By place: a segment, or a network that is no bridge. Those with less than 1500 only.
  private var stations: [String: [(address: IPv4Address, mtu: UInt16)]] = [:]
  /// Made once for each place and MTU: machines alike share it.
  private var made: [Key: NarrowNeighbours] = [:]

  init() {}

  init(_ topology: Topology, _ addresses: AddressPlan) {
    var uplinks: [String: Uplink] = [:]
    for host in topology.hosts {
      if let uplink = host.uplink {
        let all =
          [addresses.address(of: host.name, on: uplink.segment)].compactMap(\.self) + host.networks.flatMap(\.nat.addresses)
        for address in all { add(address, host.outsideMTU, uplink.segment) }
        for network in host.networks where network.mode == .bridge { uplinks[network.name] = uplink }
      }
      for network in host.networks where network.mode == .nat || network.mode == .hostOnly {
        add(network.gateway ?? network.subnet.firstHost, network.link.mtu, network.name)
      }
    }
    for vm in topology.vms {
      for nic in vm.nics {
        guard let address = nic.settled ?? addresses.address(of: vm.name, on: nic.place) else { continue }
        let mtus = [nic.link.mtu, uplinks[nic.network]?.link.mtu].compactMap(\.self)
        add(address, mtus.min(), addresses.place(of: nic.place))
      }
    }
  }

  private mutating func add(_ address: IPv4Address, _ mtu: UInt16?, _ place: String) {
    if let mtu, mtu < 1500 { stations[place, default: []].append((address, max(mtu, 68))) }
  }

  /// Those at a place that take less than one with `mtu`.
  mutating func narrower(than mtu: UInt16?, at place: String) -> NarrowNeighbours {
    let key = Key(place: place, mtu: mtu ?? 1500)
    if let known = made[key] { return known }
    let neighbours = NarrowNeighbours((stations[place] ?? []).filter { $0.mtu < key.mtu })
    made[key] = neighbours
    return neighbours
  }
}

extension WeftTopology.Host {
  /// What its uplink takes of what isn't bridged; nil: 1500.
  var outsideMTU: UInt16? {
    [uplink?.link.mtu, networks.first { $0.mode == .nat }?.nat.mtu].compactMap(\.self).min()
  }
}
