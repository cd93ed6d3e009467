import WeftSettings
import WeftTopology
import WeftWire

/// What the topology's names stand for in the graph.
struct NameTable {
  /// VMs and hosts: their machines.
  var machines: [String: NodeID] = [:]
  /// Their first interface's address: the static one, or the one their DHCP server keeps for them.
  var addresses: [String: IPv4Address] = [:]
  /// Every node a name covers: a NAT network its gateway, switch and DHCP server; a host all it is made of. For `by:`.
  var covered: [String: [NodeID]] = [:]
  /// `laptop.uplink`, `web.eth0`
  var cables: [LinkName: Cable] = [:]
  /// Hosts with a NAT: their gateways.
  var gateways: [String: NodeID] = [:]

  /// Hosts whose own programs reach the forwards of their gateways.
  var sharesForwards: Set<String> = []

  /// In the order of addresses, then of names: behind two NATs the same address may stand twice.
  var byAddress: [(name: String, address: IPv4Address)] {
    addresses.sorted { ($0.value, $0.key) < ($1.value, $1.key) }.map { ($0.key, $0.value) }
  }
  /// NAT networks: their gateways.
  var gatewayOfNetwork: [String: NodeID] = [:]
  /// Where the forwards that events add and remove lead to.
  var forwardTargets: [ForwardTarget: IPv4Address] = [:]

  struct ForwardTarget: Hashable {
    var network: String
    var machine: String
  }
}
