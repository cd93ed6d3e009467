import WeftCore
import WeftHypervisor
import WeftSettings
import WeftTopology

// Hosts with cpus. What a guest does there it does when a virtual cpu of its has had the time for it: `wakeProcessors` lets it,
// `post` keeps what it sends until that has been paid for too, `attend` asks for what comes next.
extension World {
  // MARK: Making

  mutating func addProcessors(_ topology: Topology) {
    for host in topology.hosts {
      guard let own = host.processors else { continue }
      processors.hosts.append(
        HostProcessors(
          name: host.name, cpus: own.count, speed: own.speed, hypervisor: own.hypervisor, costs: topology.costs,
          scheduler: own.scheduler))
      if case .type1(let driver?) = own.hypervisor {
        processors.hosts[processors.hosts.count - 1].driver = names.machines[driver]?.index
      }
    }
    hasProcessors = !processors.hosts.isEmpty
    guard hasProcessors else { return }
    for vm in topology.vms {
      guard let node = names.machines[vm.name], let machine = machine(node) else { continue }
      giveCPUs(vm.processor, on: vm.host, to: node, machine)
      if !vm.autostart, isSystem(node) { plugSystem(node, machine, up: false) }
    }
  }

  /// Nothing where the host has none.
  mutating func giveCPUs(_ settings: ProcessorSettings, on host: String, to node: NodeID, _ machine: ID<Machine>) {
    guard let index = processors.hosts.firstIndex(where: { $0.name == host }) else { return }
    let first = processors.hosts[index].add(settings, node: node.index, now: now)
    elements.machines[machine].work = Apart(
      GuestWork(
        settings, on: processors.hosts[index], place: .init(host: index, first: first),
        cards: elements.machines[machine].interfaces.count, isDriver: processors.hosts[index].driver == node.index))
  }

  /// A machine goes over to another host: its virtual cpus are that one's, and stand still there until it runs. `settings`: of
  /// one that comes from a host without cpus. Precondition: nothing of it lies between its cards and their cables.
  mutating func moveCPUs(of node: NodeID, _ machine: ID<Machine>, to host: String, settings: ProcessorSettings) {
    let old = elements.machines[machine].work?.value
    if let old {
      guard processors.hosts[old.place.host].name != host else { return }
      elements.machines[machine].work?.value.standStill(&processors.hosts[old.place.host], now: now)
      elements.machines[machine].work = nil
      // A driver domain leaves the packets of others behind, and nobody works on them.
      forgetDriven(by: node)
    }
    giveCPUs(old?.settings ?? settings, on: host, to: node, machine)
    guard let old, let place = elements.machines[machine].work?.place else { return }
    elements.machines[machine].work = Apart(
      old.moved(
        to: processors.hosts[place.host], place: place, isDriver: processors.hosts[place.host].driver == node.index,
        spent: processors.hosts[old.place.host].times(of: old, now: now), now: now))
    scheduleProcessors()
  }

  /// Takes so many hundredths of its virtual cpus away from a machine, beside what its own cap leaves it.
  mutating func throttleCPUs(of machine: ID<Machine>, by hundredths: Int) {
    guard let work = elements.machines[machine].work?.value else { return }
    let left = UInt64(work.count * (100 - hundredths)) * 10_000
    let cap = hundredths == 0 ? work.settings.cap : min(left, work.settings.cap ?? .max)
    processors.hosts[work.place.host].scheduler.setCap(of: work.place.first, to: cap, now: now)
    scheduleProcessors()
  }

  // MARK: In the event queue

  mutating func scheduleProcessors() {
    if hasProcessors, !isWakingProcessors { scheduler.scheduleProcessors(at: max(processors.deadline, now)) }
  }

  /// Virtual cpus that have done what they were asked for.
  mutating func wakeProcessors() {
    effects.keepsNotes = recorder.watch != .none
    isWakingProcessors = true
    for host in processors.hosts.indices where processors.hosts[host].scheduler.deadline <= now {
      processors.hosts[host].scheduler.advance(to: now)
      while let vcpu = processors.hosts[host].scheduler.nextFinished() {
        eventCount &+= 1
        let owner = processors.hosts[host].owners[vcpu]
        finish(NodeID(owner.node), owner.index)
      }
    }
    isWakingProcessors = false
    scheduleProcessors()
  }

  private mutating func finish(_ node: NodeID, _ index: Int) {
    guard let machine = machine(node) else { return }
    let steal = steal(of: machine)
    if let (order, took) = elements.machines[machine].finish(index, now: now, steal: steal, &processors.ledger, &effects) {
      let target = NodeID(order.node)
      if let other = self.machine(target) {
        elements.machines[other].work?.value.driven(order, took: took, now: now)
        reschedule(target)
      }
    }
    settle(node)
    if hasShutdowns { goOffIfDone(node) }
  }

  /// For how long its network has waited for a cpu in all. Changes nothing; the world would be copied for a question.
  mutating func steal(of machine: ID<Machine>) -> Nanoseconds {
    guard let place = elements.machines[machine].work?.place else { return .zero }
    return processors.hosts[place.host].scheduler.waited(place.first, now: now)
  }

  // MARK: Between guest and cable

  /// What is through the hypervisor's hands, in one direction or the other.
  @inline(never)
  mutating func passThrough(_ node: NodeID) {
    guard let machine = machine(node), let due = elements.machines[machine].work?.deadline, due <= now else { return }
    let steal = steal(of: machine)
    elements.machines[machine].passThrough(now: now, steal: steal, &processors.ledger, &effects)
  }

  /// Keeps what a guest on a host with cpus has just sent: it has no number yet, unlike what has come through the hypervisor.
  @inline(never)
  mutating func post(_ node: NodeID, _ deadline: inout Instant) {
    guard effects.count > 0, let machine = machine(node), elements.machines[machine].work != nil else { return }
    posting.removeAll(keepingCapacity: true)
    for index in 0..<effects.count where effects[index].verdict == .transmit && effects[index].frame.packetID == 0 {
      posting.append(effects[index])
    }
    guard !posting.isEmpty else { return }
    effects.take { $0.verdict == .transmit && $0.frame.packetID == 0 }
    let steal = steal(of: machine)
    for entry in posting {
      number(entry.frame, of: node)
      if elements.machines[machine].work?.value.post(entry.frame, on: entry.port.index, now: now, steal: steal) != true {
        elements.machines[machine].interfaces[entry.port.index].countDropped()
        drop(
          Frame(stored: entry.frame), at: graph.port(entry.port, of: node), .txRingFull, .none, recorded: false, inbound: false)
      }
    }
  }

  /// Asks for the time that a machine needs next, be it that of its driver domain. `arrived`: all that is new is a frame before
  /// its card, which is nothing to its own cpus.
  @inline(never)
  mutating func attend(_ node: NodeID, arrived: Bool) {
    guard let machine = machine(node), let place = elements.machines[machine].work?.place else { return }
    if arrived, elements.machines[machine].work?.isDriven != true { return }
    if elements.machines[machine].state.runs {
      elements.machines[machine].attend(&processors.hosts[place.host], now: now)
    }
    if elements.machines[machine].work?.isDriven == true { order(node, machine, on: place.host) }
    scheduleProcessors()
  }

  private mutating func order(_ node: NodeID, _ machine: ID<Machine>, on host: Int) {
    let orders = elements.machines[machine].work?.value.takeOrders(of: node.index) ?? []
    guard !orders.isEmpty, let driver = processors.hosts[host].driver.map({ NodeID($0) }), let other = self.machine(driver) else {
      return
    }
    guard isAt(host, other), !elements.machines[other].state.isOff else { return loseUndriven(node, machine) }
    for order in orders { elements.machines[other].work?.value.drive(order, now: now) }
    if elements.machines[other].state.runs { elements.machines[other].attend(&processors.hosts[host], now: now) }
  }

  // MARK: Lives

  /// A machine runs on, or stands still: so do its virtual cpus.
  mutating func followLife(of node: NodeID, _ machine: ID<Machine>) {
    guard let place = elements.machines[machine].work?.place else { return }
    if elements.machines[machine].state.runs {
      elements.machines[machine].work?.value.goOn(&processors.hosts[place.host], now: now)
    } else {
      elements.machines[machine].work?.value.standStill(&processors.hosts[place.host], now: now)
    }
    scheduleProcessors()
  }

  /// A driver domain loses its memory, and with it the packets of others that it had.
  mutating func forgetDriven(by driver: NodeID) {
    guard let host = processors.hosts.firstIndex(where: { $0.driver == driver.index }) else { return }
    for (node, machine) in residents(of: host) where elements.machines[machine].work?.isDriven == true {
      loseUndriven(node, machine)
    }
  }

  /// Whose virtual cpus a host has: who has left keeps its numbers in the host's scheduler, and its place is elsewhere.
  func residents(of host: Int) -> [(node: NodeID, machine: ID<Machine>)] {
    Set(processors.hosts[host].owners.map(\.node)).sorted().compactMap { number in
      let node = NodeID(number)
      return machine(node).flatMap { isAt(host, $0) ? (node, $0) : nil }
    }
  }

  private func isAt(_ host: Int, _ machine: ID<Machine>) -> Bool {
    elements.machines[machine].work?.place.host == host
  }

  /// What lies between a machine's cards and their cables belongs to the host that it leaves.
  mutating func loseStages(of node: NodeID, _ machine: ID<Machine>) {
    for index in elements.machines[machine].interfaces.indices {
      for lost in elements.machines[machine].work?.value.emptyStages(of: index) ?? [] {
        elements.machines[machine].interfaces[index].countDropped()
        drop(
          Frame(stored: lost.frame), at: graph.port(PortIndex(index), of: node), .machineMoved, .none, recorded: false,
          inbound: lost.cameIn)
      }
    }
  }

  private mutating func loseUndriven(_ node: NodeID, _ machine: ID<Machine>) {
    for index in elements.machines[machine].interfaces.indices {
      for lost in elements.machines[machine].work?.value.takeUndriven(of: index) ?? [] {
        elements.machines[machine].interfaces[index].countDropped()
        drop(
          Frame(stored: lost.frame), at: graph.port(PortIndex(index), of: node), .driverDomainOff, .none, recorded: false,
          inbound: lost.cameIn)
      }
    }
    reschedule(node)
  }
}
