import WeftCore
import WeftDisk
import WeftGuest
import WeftHypervisor
import WeftNAT
import WeftServices
import WeftSettings
import WeftStack
import WeftSwitch
import WeftTopology
import WeftWire

/// Turns a validated topology into a world. What becomes of each thing:
///
///     segment            a switch (and a DHCP server NAME-dhcp on it); each uplink a cable to it, or to the switch of
///                        another host's network
///     host               a machine; with a bridge network or a NAT in front of it when it has one
///     network nat        a switch NAME-switch for the VMs, a gateway NAME (wan, host, lan), a DHCP server NAME-dhcp
///     network bridge     a switch NAME that joins the VMs, the host and its uplink
///     network host-only  a switch NAME with the host's machine and the VMs (and a DHCP server) on it
///     network isolated   a switch NAME with the VMs on it
///
/// Nodes and ports are numbered in the order of the file, so that the same file gives the same world; what shows outside
/// comes from names (`MACPlan`, `NameNumbers`, `Boot`).
struct WorldBuilder {
  let topology: Topology
  let seed: UInt64
  var plan = GraphPlan()
  var names = NameTable()
  var gateways: [NATConfiguration] = []
  /// Per gateway: resolved to addresses once every VM is known.
  var gatewayForwards: [[(network: String, forward: Forward)]] = []
  var servers: [DHCPServer.Configuration] = []
  var machines: [Machine] = []
  /// Per switch, in order.
  var switchSettings: [FDBSettings] = []
  var guards = GuardPlan()
  var switching = SwitchPlan()
  var macs: MACPlan
  var switchOfNetwork: [String: NodeID] = [:]
  var waitingUplinks: [(end: GraphPlan.End, host: WeftTopology.Host)] = []
  /// Of a VLAN, those of the segment that it is on.
  var switchOfSegment: [String: NodeID] = [:]
  /// Those of segments that have several.
  var switchNodes: [String: NodeID] = [:]
  private(set) var addressPlan = AddressPlan()
  var mtuPlan = MTUPlan()
  /// Looked up once per NIC, in files of thousands of VMs.
  private(set) var placeOfNetwork: [String: (host: Int, network: Int)] = [:]

  init(topology: Topology, seed: UInt64) {
    self.topology = topology
    self.seed = seed
    macs = MACPlan(topology, seed: seed)
    for (host, entry) in topology.hosts.enumerated() {
      for (network, name) in entry.networks.map(\.name).enumerated() { placeOfNetwork[name] = (host, network) }
    }
    let vmMACs = topology.vms.map { vm in
      vm.nics.enumerated().map { index, nic in nic.mac ?? macs[vm.name, "eth\(index)"] }
    }
    var uplinkMACs: [String: MACAddress] = [:]
    for host in topology.hosts {
      if let uplink = host.uplink, uplink.address == nil { uplinkMACs[host.name] = uplink.mac ?? macs[host.name, "uplink"] }
    }
    addressPlan = AddressPlan(topology, macs: vmMACs, uplinkMACs: uplinkMACs)
    mtuPlan = MTUPlan(topology, addressPlan)
    for host in topology.hosts {
      names.addresses[host.name] = host.uplink.flatMap { addressPlan.address(of: host.name, on: $0.segment) }
    }
    for vm in topology.vms {
      if let first = vm.nics.first { names.addresses[vm.name] = addressPlan.address(of: vm.name, on: first.place) }
    }
  }

  mutating func addSwitch(_ name: String, _ role: Role, fdb: FDBSettings = FDBSettings()) -> NodeID {
    switchSettings.append(fdb)
    return plan.add(.virtualSwitch(ID(switchSettings.count - 1)), name, role)
  }

  mutating func cover(_ name: String, _ node: NodeID) { names.covered[name, default: []].append(node) }

  /// What would stop the builder: nothing in a validated topology, but a checkpoint's may be damaged.
  var contradiction: String? {
    guard topology.vms.allSatisfy({ $0.nics.allSatisfy { $0.rings.rx > 0 && $0.rings.tx >= 0 } }) else {
      return "a network interface without rings"
    }
    guard topology.vms.allSatisfy({ (1...1000).contains($0.startOrder) }) else { return "a start order that can't be" }
    guard topology.vms.allSatisfy({ $0.disks.allSatisfy { (try? BlockDevice(size: $0.size)) != nil && $0.rate != 0 } }) else {
      return "a disk that can't be"
    }
    var drawn = self
    drawn.draw()
    return drawn.finishedGateways.contains { $0.problem != nil } ? "forwards that can't be" : nil
  }

  var portNames: [String] {
    var drawn = self
    drawn.draw()
    return drawn.plan.nodes.flatMap { node in node.ports.map { "\(node.name)/\($0)" } }
  }

  /// Draws the whole graph and makes the world.
  consuming func build(pool: FramePool = FramePool()) -> World {
    draw()
    return assemble(pool)
  }

  private mutating func draw() {
    for segment in topology.segments where segment.parent == nil { addSwitches(of: segment) }
    for segment in topology.segments where segment.parent != nil { addVLAN(segment) }
    for segment in topology.segments {
      guard let dhcp = segment.dhcp, let node = switchOfSegment[segment.name] else { continue }
      let server = addServer(dhcp, of: segment.name, segment.subnet, router: segment.gateway, segment.link, on: node)
      cover(segment.name, server)
    }
    for host in topology.hosts { add(host) }
    for (end, host) in waitingUplinks { plug(end, of: host) }
    for (index, vm) in topology.vms.enumerated() { add(vm, addressPlan.macs[index]) }
  }

  private mutating func add(_ vm: VM, _ macs: [MACAddress]) {
    let node = plan.add(.machine(ID(machines.count)), vm.name, .vm(vm.name))
    names.machines[vm.name] = node
    cover(vm.name, node)
    var interfaces: [InterfaceConfiguration] = []
    var nics: [NetworkInterface] = []
    for (index, nic) in vm.nics.enumerated() {
      guard let network = network(nic.network), let bridge = switchOfNetwork[nic.network] else { continue }
      let port = plan.port(node, "eth\(index)")
      let far = plan.port(bridge, index == 0 ? vm.name : "\(vm.name)-eth\(index)")
      plan.connect(port, far, nic.link, name: LinkName(node: vm.name, port: "eth\(index)"))
      switching.add(nic.vlans, nic.port, at: far)
      guards.add(
        nic.guards.over(network.network.guards), Station(mac: macs[index], address: nic.settled ?? nic.reservation), at: far)
      let held = vm.standby?.holdOutput == true ? StandbySettings.heldFrames : 0
      nics.append(
        NetworkInterface(mac: macs[index], receiveCapacity: nic.rings.rx, transmitCapacity: max(held, nic.rings.tx)))
      interfaces.append(
        .init(
          mac: macs[index], addressing: addressing(nic, network.network, network.host, isFirst: index == 0),
          mtu: Int(nic.link.mtu ?? 1500),
          narrower: mtuPlan.narrower(than: nic.link.mtu, at: addressPlan.place(of: nic.place))))
    }
    var guest = Guest(
      GuestConfiguration(
        name: vm.name, seed: seed, interfaces: interfaces, programs: vm.programs.map { $0.configuration(names) },
        scalesWindows: vm.stack == .modern))
    if let cd = vm.cd { guest.insert(cd, names) }
    guest.drives = Drives(of: vm, topology.images, seed: seed)
    machines.append(
      Machine(vm: VirtualMachine(name: vm.name, host: vm.host, seed: seed, memory: vm.memory), interfaces: nics, guest: guest))
  }

  private func network(_ name: String) -> (network: Network, host: WeftTopology.Host)? {
    guard let place = placeOfNetwork[name] else { return nil }
    return (topology.hosts[place.host].networks[place.network], topology.hosts[place.host])
  }

  private func addressing(
    _ nic: NIC, _ network: Network, _ host: WeftTopology.Host, isFirst: Bool
  ) -> InterfaceConfiguration.Addressing {
    guard let address = nic.address else { return .dhcp }
    if let vlan = topology.segments.first(where: { $0.name == nic.segment }) {
      return .static(address, vlan.subnet, gateway: isFirst ? vlan.gateway : nil)
    }
    let gateway = network.mode == .bridge ? host.uplink?.gateway : network.mode == .nat ? network.gateway : nil
    return .static(address, network.subnet, gateway: isFirst ? gateway : nil)
  }
}
