import WeftCore
import WeftHypervisor
import WeftPrograms
import WeftSettings
import WeftTopology
import WeftWire

// A VM's copy, which is what it is at that moment, at a place of its own.
extension World {
  /// `address`: the copy's, where the first interface has one that is settled.
  mutating func clone(_ vm: String, as name: String, _ identity: CloneIdentity, address: IPv4Address?) throws(EventFailure) {
    let (node, machine) = try known(vm)
    let state = elements.machines[machine].state
    guard state.after(.snapshot) != nil else { throw EventFailure(description: "can't clone \(vm): it is \(state.rawValue)") }
    guard let seed = site?.seed else { throw EventFailure(description: "this world wasn't built from a topology") }
    var copy = VM(name: name, host: elements.machines[machine].vm?.host ?? "", nics: try nics(of: node, machine, identity))
    if let address, identity == .regenerate { copy.nics[0].address = address }
    copy.autostart = false
    copy.memory = elements.machines[machine].vm?.memory
    if let declared = declared(vm) { (copy.processor, copy.onHostFailure) = (declared.processor, declared.onHostFailure) }
    if let host = host(copy.host), let why = lack(of: copy.memory ?? VM.defaultMemory, at: host) {
      throw EventFailure(description: "can't clone \(vm): \(why)")
    }
    let twin: (node: NodeID, machine: ID<Machine>)
    do {
      try perform(.addVM(copy))
      twin = try virtualMachine(name)
    } catch { throw EventFailure(description: error.description) }
    let now = now
    let work = elements.machines[twin.machine].work
    elements.machines[twin.machine] = elements.machines[machine].clone(
      named: name, macs: elements.machines[twin.machine].interfaces.map(\.mac), address: address,
      seed: identity == .regenerate ? seed : nil, now: now, &effects)
    elements.machines[twin.machine].work = work
    if identity == .keep { guardTwin(twin.node, of: node, as: copy) }
    if hasProcessors { followLife(of: twin.node, twin.machine) }
    if identity == .keep { names.addresses[name] = names.addresses[vm] } else if let address { names.addresses[name] = address }
    dissolveLanes()
    settle(twin.node)
  }

  /// The ports of a clone that keeps its MAC addresses learn of them, and of the leases that go with them.
  private mutating func guardTwin(_ twin: NodeID, of node: NodeID, as copy: VM) {
    for (index, nic) in copy.nics.enumerated() {
      let own = guardedNIC(graph.port(PortIndex(index), of: node), LinkName(node: name(node), port: "eth\(index)"))
      guardPort(behind: graph.port(PortIndex(index), of: twin), nic, on: nic.network, lease: own?.lease)
    }
  }

  /// As a file would describe them now: what the file says, where their cables lead, and what those do. Its MAC addresses are
  /// the clone's own until it is there, and with another identity what its DHCP server reserves is somebody else's.
  private func nics(of node: NodeID, _ machine: ID<Machine>, _ identity: CloneIdentity) throws(EventFailure) -> [NIC] {
    var found: [NIC] = []
    for index in elements.machines[machine].interfaces.indices {
      let port = graph.port(PortIndex(index), of: node)
      guard !graph.ports[port].isRemoved, let link = graph.ports[port].link, let network = network(at: link) else {
        throw EventFailure(description: "can't clone \(name(node)): its eth\(index) has no cable")
      }
      var nic = guardedNIC(port, LinkName(node: name(node), port: "eth\(index)"))?.nic ?? NIC(network: network)
      nic.network = network
      nic.mac = nil
      if identity == .regenerate { nic.reservation = nil }
      nic.link = LinkSettings(links[link].parameters)
      nic.rings.rx = elements.machines[machine].interfaces[index].receiveCapacity
      nic.rings.tx = elements.machines[machine].interfaces[index].transmitCapacity
      found.append(nic)
    }
    return found
  }

  private func network(at link: LinkID) -> String? {
    let far = graph.ports[graph.ends[link].to].node
    return site?.switches.first { $0.value == far }?.key
  }

  /// Whom somebody means: of a machine that the file settles no address for, the one that it has.
  func target(_ destination: Destination) -> Target {
    var target = Target(destination, names)
    if target.address == nil, case .node(let name) = destination, let node = names.machines[name], let machine = machine(node),
      let address = elements.machines[machine].guest.stack.address(of: 0)
    {
      target = Target(address)
      target.text = name
    }
    return target
  }
}

extension LinkSettings {
  init(_ parameters: LinkParameters) {
    self.init()
    (delay, rate) = (parameters.delay, parameters.rate)
    loss = Double(parameters.lossThreshold) / 0x1p64
    mtu = parameters.largestFrame == .max ? nil : UInt16(clamping: parameters.largestFrame - 14)
    queue.frames = parameters.queueFrames
    queue.bytes = parameters.queueBytes
  }
}

extension Simulation {
  /// Copies a VM as it is now; see `CloneIdentity`.
  public mutating func clone(
    _ vm: String, as name: String, identity: CloneIdentity, address: IPv4Address? = nil
  ) throws(ActionError) {
    try act { (world) throws(EventFailure) in try world.clone(vm, as: name, identity, address: address) }
  }
}
