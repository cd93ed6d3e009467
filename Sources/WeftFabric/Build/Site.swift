import WeftSettings
import WeftTopology
import WeftWire

/// What a world was built from, for building on.
struct Site {
  let topology: Topology
  let seed: UInt64
  var macs: MACPlan
  var addresses: AddressPlan
  var mtus: MTUPlan
  /// Networks and segments.
  var switches: [String: NodeID]
  private let placeOfNetwork: [String: (host: Int, network: Int)]

  init(_ builder: WorldBuilder) {
    topology = builder.topology
    seed = builder.seed
    macs = builder.macs
    addresses = builder.addressPlan
    mtus = builder.mtuPlan
    switches = builder.switchOfNetwork.merging(builder.switchOfSegment) { own, _ in own }
    placeOfNetwork = builder.placeOfNetwork
  }

  /// Of a host; nil for a segment's name, and for nobody's.
  func network(_ name: String) -> (network: Network, host: WeftTopology.Host)? {
    placeOfNetwork[name].map { (topology.hosts[$0.host].networks[$0.network], topology.hosts[$0.host]) }
  }

  /// How an interface comes by its address.
  func addressing(of nic: NIC, isFirst: Bool) -> NICAddressing? {
    guard let (network, host) = network(nic.network) else { return nil }
    guard let address = nic.address else { return .dhcp }
    if let vlan = topology.segments.first(where: { $0.name == nic.segment }) {
      return .fixed(address, vlan.subnet, gateway: isFirst ? vlan.gateway : nil)
    }
    let gateway = network.mode == .bridge ? host.uplink?.gateway : network.mode == .nat ? network.gateway : nil
    return .fixed(address, network.subnet, gateway: isFirst ? gateway : nil)
  }
}

enum NICAddressing {
  case dhcp
  case fixed(IPv4Address, IPv4Prefix, gateway: IPv4Address?)
}
