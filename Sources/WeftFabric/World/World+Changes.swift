import WeftCore
import WeftDisk
import WeftGuest
import WeftHypervisor
import WeftSettings
import WeftStack
import WeftTopology
import WeftWire

/// Why something asked for by name can't be done.
public enum ActionError: Error, Equatable, CustomStringConvertible {
  case unknown(sort: String, name: String)
  case nameTaken(String)
  case macTaken(MACAddress)
  case impossible(String)

  public var description: String {
    switch self {
    case .unknown(let sort, let name): "there is no \(sort) \(name)"
    case .nameTaken(let name): "the name \(name) is taken"
    case .macTaken(let mac): "the MAC address \(mac) is taken"
    case .impossible(let why): why
    }
  }
}

// Changes of the graph by name. What is there keeps its ids, its place in the order and its random streams; what goes
// leaves its ids behind. A checkpoint has the list of changes, by which the same graph is drawn again.
extension World {
  /// Carries out a change and remembers it; an error leaves everything as it was.
  mutating func perform(_ action: GraphAction) throws(ActionError) {
    capture(try change(action, isLive: true))
    changes.append(action)
  }

  /// - Parameter isLive: false where a checkpoint's graph is drawn again: then nobody is told, and nothing starts.
  /// - Returns: the ports that came by it.
  mutating func change(_ action: GraphAction, isLive: Bool) throws(ActionError) -> [PortID] {
    let known = graph.ports.count
    switch action {
    case .addVM(let vm): try add(vm, isLive)
    case .removeVM(let name): try removeVM(name, isLive)
    case .addNIC(let vm, let nic): try add(nic, to: vm, isLive)
    case .removeNIC(let name): try removeNIC(name, isLive)
    case .plug(let name, let network): try plug(name, into: network, isLive)
    case .moveVM(let vm, let host, let networks): try move(vm, to: host, networks, isLive)
    case .addPort(let network, let name):
      let bridge = try switchNode(network)
      guard !hasPort(name, bridge) else { throw .nameTaken("\(self.name(bridge))/\(name)") }
      _ = addPort(name, toSwitch: bridge)
    }
    return (known..<graph.ports.count).map { PortID($0) }
  }

  // MARK: VMs

  private mutating func add(_ vm: VM, _ isLive: Bool) throws(ActionError) {
    guard !isTaken(vm.name) else { throw .nameTaken(vm.name) }
    guard !vm.nics.isEmpty else { throw .impossible("\(vm.name) has no network interface") }
    guard vm.disks.allSatisfy({ $0.image == nil }) else { throw .impossible("\(vm.name) has a disk of a file that isn't here") }
    guard vm.disks.allSatisfy({ (try? BlockDevice(size: $0.size)) != nil && $0.rate != 0 }) else {
      throw .impossible("\(vm.name) has a disk that can't be")
    }
    guard vm.standby == nil else { throw .impossible("\(vm.name) comes while the world runs: it can't have a standby") }
    for nic in vm.nics { try check(nic) }
    let given = vm.nics.compactMap(\.mac)
    guard Set(given).count == given.count else { throw .impossible("two interfaces of \(vm.name) have one MAC address") }
    guard var site, let home = site.network(vm.nics[0].network)?.host.name else { throw noSite }
    // A clone of one that has moved is where that is, wherever its cables lead.
    let host = hosts.contains { $0.name == vm.host } ? vm.host : home
    var interfaces: [InterfaceConfiguration] = []
    var nics: [NetworkInterface] = []
    for (index, nic) in vm.nics.enumerated() {
      let made = Self.interface(nic, index, of: vm.name, &site)
      interfaces.append(made.guest)
      nics.append(made.nic)
    }
    self.site = site
    names.addresses[vm.name] = vm.nics[0].settled ?? names.addresses[vm.name]
    var guest = Guest(
      GuestConfiguration(
        name: vm.name, seed: site.seed, interfaces: interfaces, programs: vm.programs.map { $0.configuration(names) },
        scalesWindows: vm.stack == .modern))
    if let cd = vm.cd { guest.insert(cd, names) }
    guest.drives = Drives(of: vm, DiskImages(), seed: site.seed)
    let machine = elements.machines.append(
      Machine(vm: VirtualMachine(name: vm.name, host: host, seed: site.seed, memory: vm.memory), interfaces: nics, guest: guest))
    let node = add(.machine(machine), vm.name, .vm(vm.name), ports: vm.nics.indices.map { "eth\($0)" })
    names.machines[vm.name] = node
    names.covered[vm.name, default: []].append(node)
    if let place = hosts.firstIndex(where: { $0.name == host }) { hosts[place].virtualMachines.append(vm.name) }
    for (index, nic) in vm.nics.enumerated() {
      let port = graph.port(PortIndex(index), of: node)
      try lay(nic.link, port, to: nic.network)
      guardPort(behind: port, nic, on: nic.network)
    }
    giveCPUs(vm.processor, on: host, to: node, machine)
    if vm.onHostFailure == .restart { restarting.insert(vm.name) }
    if isLive, vm.autostart { boot(node) }
  }

  private mutating func removeVM(_ vm: String, _ isLive: Bool) throws(ActionError) {
    let (node, machine) = try virtualMachine(vm)
    if isLive {
      if let migration = migrations.current(vm) { fail(migration, "\(vm) was taken away") }
      for index in elements.machines[machine].interfaces.indices { loseRings(of: node, machine, PortIndex(index)) }
      if elements.machines[machine].state != .stopped {
        do { try perform(.stop, on: vm) } catch { throw .impossible("\(vm) can't be stopped: \(error)") }
      }
    }
    for port in graph.nodes[node].ports { unplug(port, isLive) }
    graph.nodes[node].isRemoved = true
    names.machines[vm] = nil
    names.covered[vm] = nil
    restarting.remove(vm)
    for index in graph.nodes[node].ports.indices { names.cables[LinkName(node: vm, port: "eth\(index)")] = nil }
    for place in hosts.indices { hosts[place].virtualMachines.removeAll { $0 == vm } }
  }

  // MARK: NICs

  private mutating func add(_ nic: NIC, to vm: String, _ isLive: Bool) throws(ActionError) {
    let (node, machine) = try virtualMachine(vm)
    try check(nic)
    if isLive, standbys.current(vm) != nil { throw .impossible("\(vm) has a standby, which has no such interface") }
    guard var site else { throw noSite }
    let index = elements.machines[machine].interfaces.count
    let made = Self.interface(nic, index, of: vm, &site)
    self.site = site
    elements.machines[machine].add(made.nic, made.guest)
    let port = graph.addPort("eth\(index)", to: node)
    try lay(nic.link, port, to: nic.network)
    guardPort(behind: port, nic, on: nic.network)
    if isLive { tell(node, PortIndex(index), up: true) }
  }

  private mutating func removeNIC(_ name: LinkName, _ isLive: Bool) throws(ActionError) {
    let (node, machine, port) = try interface(name)
    if isLive { loseRings(of: node, machine, graph.ports[port].index) }
    unplug(port, isLive)
    names.cables[name] = nil
    graph.ports[port].isRemoved = true
  }

  private mutating func plug(_ name: LinkName, into network: String, _ isLive: Bool) throws(ActionError) {
    let (node, _, port) = try interface(name)
    _ = try switchNode(network)
    var parameters: LinkParameters?
    if let link = graph.ports[port].link { parameters = links[link].parameters }
    let moved = guardedNIC(port, name)
    unplug(port, isLive)
    names.cables[name] = nil
    try lay(parameters ?? LinkParameters(), port, to: network)
    if let moved { guardPort(behind: port, moved.nic, on: network, lease: moved.lease) }
    if isLive { tell(node, graph.ports[port].index, up: true) }
  }

  private mutating func move(
    _ vm: String, to host: String, _ networks: [String], _ isLive: Bool
  ) throws(ActionError) {
    let (node, machine) = try virtualMachine(vm)
    guard let place = hosts.firstIndex(where: { $0.name == host }) else { throw .unknown(sort: "host", name: host) }
    let ports = graph.nodes[node].ports
    guard ports.count == networks.count else { throw .impossible("\(vm) has \(ports.count) network interfaces") }
    for network in networks where !network.isEmpty { _ = try switchNode(network) }
    if isLive { loseStages(of: node, machine) }
    for (port, network) in zip(ports, networks) where !network.isEmpty {
      let moved = guardedNIC(port, LinkName(node: vm, port: "eth\(graph.ports[port].index.index)"))
      let parameters = graph.ports[port].link.map { links[$0].parameters } ?? LinkParameters()
      unplug(port, isLive, .machineMoved, tellsOwner: false)
      try lay(parameters, port, to: network)
      if let moved { guardPort(behind: port, moved.nic, on: network, lease: moved.lease) }
    }
    // A checkpoint has the schedulers, and they have the numbers that are given here.
    if hasProcessors { moveCPUs(of: node, machine, to: host, settings: declared(vm)?.processor ?? ProcessorSettings()) }
    if isLive, hasProcessors {
      followLife(of: node, machine)
      reschedule(node)
    }
    elements.machines[machine].vm?.host = host
    for index in hosts.indices { hosts[index].virtualMachines.removeAll { $0 == vm } }
    hosts[place].virtualMachines.append(vm)
  }

  /// What waits in a NIC's rings is lost with it.
  private mutating func loseRings(of node: NodeID, _ machine: ID<Machine>, _ index: PortIndex) {
    let port = graph.port(index, of: node)
    for stored in elements.machines[machine].emptyRings(of: index) {
      drop(Frame(stored: stored.frame), at: port, .linkRemoved, .none, recorded: false, inbound: stored.cameIn)
    }
  }

  private static func interface(
    _ nic: NIC, _ index: Int, of vm: String, _ site: inout Site
  ) -> (nic: NetworkInterface, guest: InterfaceConfiguration) {
    if let given = nic.mac { site.macs.take(given) }
    let mac = nic.mac ?? site.macs[vm, "eth\(index)"]
    let addressing: InterfaceConfiguration.Addressing =
      switch site.addressing(of: nic, isFirst: index == 0) {
      case .fixed(let address, let prefix, let gateway)?: .static(address, prefix, gateway: gateway)
      case .dhcp?, nil: .dhcp
      }
    return (
      NetworkInterface(mac: mac, receiveCapacity: nic.rings.rx, transmitCapacity: nic.rings.tx),
      .init(
        mac: mac, addressing: addressing, mtu: Int(nic.link.mtu ?? 1500),
        narrower: site.mtus.narrower(than: nic.link.mtu, at: site.addresses.place(of: nic.place)))
    )
  }

  // MARK: Cables

  private mutating func lay(_ settings: LinkSettings, _ port: PortID, to network: String) throws(ActionError) {
    try lay(LinkParameters(settings), port, to: network)
  }

  private mutating func lay(_ parameters: LinkParameters, _ port: PortID, to network: String) throws(ActionError) {
    let bridge = try switchNode(network)
    guard let seed = site?.seed else { throw noSite }
    let (owner, index) = (name(graph.ports[port].node), graph.ports[port].index.index)
    let far = addPort(index == 0 ? owner : "\(owner)-eth\(index)", toSwitch: bridge)
    let cable = connect(port, far, parameters, parameters, seed: seed)
    names.cables[LinkName(node: owner, port: "eth\(index)")] = cable
  }

  private mutating func addPort(_ wanted: String, toSwitch node: NodeID) -> PortID {
    var name = wanted
    var number = 2
    while hasPort(name, node) {
      name = "\(wanted)-\(number)"
      number += 1
    }
    if let bridge = graph.nodes[node].element.virtualSwitch { elements.switches[bridge].addPort() }
    return graph.addPort(name, to: node)
  }

  private func hasPort(_ name: String, _ node: NodeID) -> Bool {
    let full = "\(self.name(node))/\(name)"
    return graph.nodes[node].ports.contains { graph.ports[$0].name == full }
  }

  /// Takes the cable out of a port; the switch port at its far end goes with it. What was on its way is lost.
  private mutating func unplug(
    _ port: PortID, _ isLive: Bool, _ reason: DropReason = .linkRemoved, tellsOwner: Bool = true
  ) {
    guard let link = graph.ports[port].link else { return }
    dissolveLanes()
    let far = graph.ends[link].to
    for link in [link, graph.ends[link].reverse] {
      var lost: [StoredFrame] = []
      links[link].setUp(false, now: now) { lost.append($0.store()) }
      for stored in lost {
        drop(Frame(stored: stored), at: graph.ends[link].from, reason, .none, recorded: false, inbound: false)
      }
      scheduler.schedule(link, at: links[link].deadline)
    }
    if isLive { for end in tellsOwner ? [far, port] : [far] { tell(graph.ports[end].node, graph.ports[end].index, up: false) } }
    graph.disconnect(port)
    graph.ports[far].isRemoved = true
    graph.ports[far].farCapture = nil
    if let bridge = graph.nodes[graph.ports[far].node].element.virtualSwitch {
      elements.switches[bridge].removePort(graph.ports[far].index)
    }
  }

  // MARK: Names

  private var noSite: ActionError { .impossible("this world wasn't built from a topology") }

  private func isTaken(_ name: String) -> Bool {
    graph.nodes.ids.contains { graph.nodes[$0].name == name } || site?.switches[name] != nil
      || names.gatewayOfNetwork[name] != nil
  }

  private func check(_ nic: NIC) throws(ActionError) {
    guard let site else { throw noSite }
    guard site.network(nic.network) != nil else { throw .unknown(sort: "network", name: nic.network) }
    guard nic.rings.rx > 0, nic.rings.tx >= 0 else { throw .impossible("a network interface without a ring to receive") }
    if let mac = nic.mac, mac.isGroup || mac == .zero { throw .impossible("\(mac) is no machine's MAC address") }
    if let mac = nic.mac, site.macs.has(mac) || hasMAC(mac) { throw .macTaken(mac) }
  }

  private func hasMAC(_ mac: MACAddress) -> Bool {
    !elements.machines.allSatisfy { machine in !machine.interfaces.contains { $0.mac == mac } }
  }

  /// The network that a port of a machine is plugged into, and its host.
  func network(at port: PortID) -> (name: String, host: String)? {
    guard let far = graph.neighbour(of: port) else { return nil }
    if case .network(let name, let host) = graph.nodes[graph.ports[far].node].role { return (name, host) }
    return nil
  }

  func virtualMachine(_ name: String) throws(ActionError) -> (node: NodeID, machine: ID<Machine>) {
    guard let node = names.machines[name], let machine = machine(node), elements.machines[machine].vm != nil else {
      throw .unknown(sort: "VM", name: name)
    }
    return (node, machine)
  }

  private func interface(_ name: LinkName) throws(ActionError) -> (node: NodeID, machine: ID<Machine>, port: PortID) {
    let (node, machine) = try virtualMachine(name.node)
    let full = "\(name.node)/\(name.port)"
    guard let port = graph.nodes[node].ports.first(where: { graph.ports[$0].name == full && !graph.ports[$0].isRemoved })
    else { throw .unknown(sort: "network interface", name: "\(name.node).\(name.port)") }
    return (node, machine, port)
  }

  private func switchNode(_ network: String) throws(ActionError) -> NodeID {
    guard let node = site?.switches[network] else { throw .unknown(sort: "network", name: network) }
    return node
  }
}

extension Simulation {
  /// Changes the graph now, at `now`. What is there already goes on as it would have.
  public mutating func perform(_ action: GraphAction) throws(ActionError) {
    try changeNow { (world) throws(ActionError) in try world.perform(action) }
  }

  /// Does something to the world beside what is due.
  mutating func changeNow<E: Error>(_ change: (inout World) throws(E) -> Void) throws(E) {
    // A queue that has looked further ahead takes nothing that is due before.
    world.dissolveLanes()
    world.schedule()
    defer { scheduleDirector() }
    world.endCopies()
    try change(&world)
  }
}
