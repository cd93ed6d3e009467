import WeftCore
import WeftGuest
import WeftHypervisor
import WeftProbes
import WeftSettings
import WeftStack
import WeftTopology
import WeftWire

/// A machine as the fabric sees it: network interfaces, and behind them a guest. A VM has a life cycle; a plain machine
/// runs from the beginning.
struct Machine: Element {
  var vm: VirtualMachine?
  var interfaces: [NetworkInterface]
  var guest: Guest
  /// Cables that came back while the guest stood still: it learns of them as it wakes.
  var plugged: [Int] = []
  /// It was off as it came to where it is: once it runs, its host tells the switches.
  var announcesItself = false
  /// On a host with cpus: what it has to do, and what is under way. Then frames and timers wait for a cpu.
  var work: Apart<GuestWork>?
  /// When a transmit ring that waits for its wire tries again.
  var retryAt = Instant.never

  init(vm: VirtualMachine?, interfaces: [NetworkInterface], guest: Guest) {
    self.vm = vm
    self.interfaces = interfaces
    self.guest = guest
  }

  /// What it may be taken back to.
  var snapshots = SnapshotTree()
  /// Of a machine that shuts down: when its plug is pulled, or it is said to be late; which of the two; and when somebody should
  /// look whether it is done.
  private(set) var offBy = Instant.never
  private var pullsPlug = true
  private(set) var lookAt = Instant.never
  /// Of one that was taken back: from which stream it draws as soon as it runs. The memory that it was taken back to is another's.
  private var reseed: RandomStream?

  var state: VirtualMachine.State { vm?.state ?? .running }
  var portCount: Int { interfaces.count }
  func mac(of port: PortIndex) -> MACAddress? {
    interfaces.indices.contains(port.index) ? interfaces[port.index].mac : nil
  }

  /// Of what runs or goes on later; what boots asks the clock chip.
  func clockBehind(_ now: Instant) -> Nanoseconds {
    switch state {
    case .stopped, .crashed: .zero
    case .running, .shuttingDown, .paused, .saved, .migrating: now - (vm?.guestTime(now) ?? now)
    }
  }

  /// By the guest's clock.
  @inline(__always)
  func time(_ now: Instant) -> Instant { guest.stack.time(now) }

  /// A paused guest's timers stand still; its host goes on emptying the transmit rings.
  @inline(__always)
  var deadline: Instant {
    let state = self.state
    if let work {
      return Self.deadline(
        work, guest: state.runs ? guest.deadline + guest.stack.lag : .never, retryAt: retryAt,
        offBy: state == .shuttingDown ? min(offBy, lookAt) : .never)
    }
    if state == .running { return min(guest.deadline + guest.stack.lag, retryAt) }
    if state == .shuttingDown { return min(min(guest.deadline + guest.stack.lag, retryAt), min(offBy, lookAt)) }
    return state == .paused ? retryAt : .never
  }

  @inline(__always)
  mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {
    if work != nil { return arrive(frame, on: port, now: now, &out) }
    switch interfaces[port.index].deliver(frame, to: state) {
    case .pass(let frame): guest.receive(frame, on: port, now: time(now), &out)
    case .kept: break
    case .dropped(let frame, let reason): out.drop(frame, on: port, reason)
    }
    if state == .shuttingDown, guest.isDown { lookAt = now }
  }

  @inline(__always)
  mutating func wake(now: Instant, _ out: inout Effects) {
    let own = time(now)
    if work != nil {
      let isDue = state.runs && guest.deadline <= own
      work?.value.noticeTimer(isDue)
    } else if state.runs, guest.deadline <= own {
      guest.wake(now: own, &out)
    }
    if retryAt <= now {
      retryAt = .never
      hearOfRevert()
    }
    if state == .shuttingDown {
      // What is held for a standby is let go later, and it wakes then.
      let isOut = retryAt == .never && interfaces.allSatisfy { $0.waitingToTransmit == 0 }
      lookAt = guest.isDown && isOut && work?.value.isQuiet ?? true ? now : .never
    }
  }

  mutating func linkChanged(_ port: PortIndex, up: Bool, now: Instant, _ out: inout Effects) {
    interfaces[port.index].isLinkUp = up
    switch state {
    case .running, .shuttingDown: guest.linkChanged(port: port, up: up, now: time(now), &out)
    case .paused, .saved, .migrating: if !plugged.contains(port.index) { plugged.append(port.index) }
    case .stopped, .crashed: break
    }
  }

  /// After somebody has been at its sockets.
  mutating func settle(now: Instant, _ out: inout Effects) { guest.settle(now: time(now), &out) }

  // MARK: Verbs

  mutating func perform(_ verb: VirtualMachine.Verb, now: Instant, _ out: inout Effects) throws(VirtualMachine
    .IllegalTransition)
  {
    let isEnded = state == .shuttingDown && guest.isDown
    let own = vm?.guestTime(now) ?? now
    try vm?.perform(verb, now: now)
    guest.stack.lag = vm?.lag ?? .zero
    switch verb {
    case .start:
      hearOfRevert()
      guest.boot(now: now, &out)
    case .pause, .snapshot, .revert: break
    case .save: retryAt = .never
    case .resume: goOn(now: now, &out)
    case .restore:
      for port in interfaces.indices where interfaces[port].waitingToTransmit > 0 { retryAt = now }
      goOn(now: now, &out)
    case .shutdown:
      work?.value.stopBurning()
      guest.shutDown(now: time(now), &out)
    case .stop where isEnded: powerOff(own, at: now, inOrder: true)
    case .stop, .crash: powerOff(own, at: now)
    case .reset:
      powerOff(own, at: now)
      guest.boot(now: now, &out)
    }
  }

  /// Asks it to end; if it hasn't by then, its plug is pulled, or it is overdue.
  mutating func shutDown(within limit: Nanoseconds, _ then: ShutdownEnd, now: Instant, _ out: inout Effects) throws(VirtualMachine
    .IllegalTransition)
  {
    try perform(.shutdown, now: now, &out)
    offBy = now + limit
    pullsPlug = then == .stop
    if guest.isDown { lookAt = now }
  }

  /// Of one that shuts down: the guest has ended, and all that it said is out; or its time is over. Looked at once it has been
  /// sent, as what it says last may wait in a ring.
  mutating func isDone(now: Instant) -> Bool {
    guard state == .shuttingDown else { return false }
    lookAt = .never
    return guest.isDown && interfaces.allSatisfy { $0.waitingToTransmit == 0 } && work?.value.isQuiet ?? true
      || pullsPlug && offBy <= now
  }

  /// Of one that is to go on ending: its time is over, which is told once.
  mutating func isOverdue(now: Instant) -> Bool {
    guard state == .shuttingDown, !pullsPlug, offBy <= now else { return false }
    offBy = .never
    return true
  }

  /// Memory is gone. The rings' frames are the caller's to count (`emptyRings`).
  /// `own`: the guest's time. Its disks lose what they hadn't brought to their media, if it doesn't end in good order.
  private mutating func powerOff(_ own: Instant, at now: Instant, inOrder: Bool = false) {
    guest.powerOff()
    if inOrder { guest.drives.settle() } else { guest.drives.powerCut(now: own, at: now) }
    work?.value.reset()
    for port in interfaces.indices { interfaces[port].reset() }
    plugged = []
    (retryAt, offBy, lookAt) = (.never, .never, .never)
  }

  private mutating func goOn(now: Instant, _ out: inout Effects) {
    hearOfRevert()
    let own = time(now)
    for port in plugged { guest.linkChanged(port: PortIndex(port), up: interfaces[port].isLinkUp, now: own, &out) }
    plugged = []
    guest.stack.forgetWires()
    // Whoever froze it has given up: its clock stood still meanwhile.
    guest.thaw(now: own, &out)
    // It finds what has come when it has a cpu.
    guard work == nil else { return }
    for port in interfaces.indices {
      while let frame = interfaces[port].takeReceived() { guest.receive(frame, on: PortIndex(port), now: own, &out) }
    }
  }

  // MARK: Migration

  /// Between two hosts.
  mutating func standStill(now: Instant) {
    vm?.standStill(now: now)
    guest.stack.lag = vm?.lag ?? .zero
    retryAt = .never
  }

  /// Is again what it was before, here or there: its rings, which are its memory, came along.
  mutating func goOnAfterMigration(_ before: MachineState, now: Instant, _ out: inout Effects) {
    vm?.goOn(as: before, now: now)
    guest.stack.lag = vm?.lag ?? .zero
    for port in interfaces.indices where interfaces[port].waitingToTransmit > 0 { retryAt = now }
    if state.runs { goOn(now: now, &out) }
  }

  /// Lets the guest tell its links that it is there.
  mutating func announce(now: Instant, _ out: inout Effects) { guest.announce(now: time(now), &out) }

  // MARK: Snapshots

  /// What of it is memory and device state: neither its snapshots nor what the lab counts.
  mutating func takeSnapshot(
    _ name: String, withMemory: Bool = true, now: Instant
  ) throws(VirtualMachine.IllegalTransition) {
    try vm?.check(.snapshot)
    guard let vm else { return }
    var taken = Snapshot(name: name, vm: vm, takenAt: now, interfaces: interfaces, guest: guest, plugged: plugged, work: work)
    if withMemory {
      let own = vm.guestTime(now)
      for index in taken.guest.drives.all.indices { taken.guest.drives[index].advance(to: own) }
    } else {
      taken.forgetMemory(now: now)
    }
    snapshots.add(taken)
  }

  /// Goes on from a snapshot; precondition: it has it, and as many interfaces. Cables are as they are now, and counters go on.
  mutating func revert(to name: String, reseed stream: RandomStream?, now: Instant, steal: Nanoseconds, _ out: inout Effects) {
    guard let past = snapshots[name] else { return }
    snapshots.current = name
    vm?.revert(to: past.vm, at: past.takenAt, now: now)
    goBack(to: past, reseed: stream, now: now, steal: steal, &out)
  }

  /// Goes on from a value of its own, as its VM does already; precondition: it has as many interfaces.
  mutating func goBack(to past: Snapshot, reseed stream: RandomStream?, now: Instant, steal: Nanoseconds, _ out: inout Effects) {
    var drives = guest.drives
    drives.revert(to: past.guest.drives)
    guest = past.guest
    guest.drives = drives
    guest.stack.lag = vm?.lag ?? .zero
    plugged = past.plugged
    if let work = past.work { self.work?.value.takeBack(to: work.value, now: now, steal: steal) }
    guest.stack.forgetWires()
    (retryAt, offBy, lookAt) = (.never, .never, .never)
    reseed = stream
    if stream != nil { retryAt = now }
    for port in interfaces.indices {
      let isUp = interfaces[port].isLinkUp
      interfaces[port].takeBack(to: past.interfaces[port])
      if interfaces[port].waitingToTransmit > 0 { retryAt = now }
      if isUp != past.interfaces[port].isLinkUp { linkChanged(PortIndex(port), up: isUp, now: now, &out) }
    }
    // The backup that it was frozen for then isn't there any more.
    if state.runs { guest.thaw(now: time(now), &out) }
  }

  /// A system that runs hears at once that it was taken back, others as they go on.
  private mutating func hearOfRevert() {
    guard state.runs, let stream = reseed else { return }
    reseed = nil
    guest.stack.reseed(stream)
  }

  /// A copy of it at another place, with `macs` for its interfaces: a machine of its own where it is given a stream to draw from.
  func clone(
    named name: String, macs: [MACAddress], address: IPv4Address?, seed: UInt64?, now: Instant, _ out: inout Effects
  ) -> Machine {
    var nics: [NetworkInterface] = []
    for (interface, mac) in zip(interfaces, macs) {
      var nic = NetworkInterface(
        mac: seed == nil ? interface.mac : mac, receiveCapacity: interface.receiveCapacity,
        transmitCapacity: interface.transmitCapacity)
      // What waits there bears the addresses of the one it was copied from.
      if seed == nil {
        nic.takeBack(to: interface)
        // That waits for the original's standby.
        if interface.isGated { nic.forgetTransmissions() }
      }
      nics.append(nic)
    }
    var copy = Machine(vm: vm?.clone(named: name, seed: seed, now: now), interfaces: nics, guest: guest)
    copy.plugged = plugged
    copy.guest.stack.lag = copy.vm?.lag ?? .zero
    copy.guest.stack.forgetWires()
    copy.guest.stack.forgetTraces()
    if nics.contains(where: { $0.waitingToTransmit > 0 }) { copy.retryAt = now }
    let own = copy.vm?.guestTime(now) ?? now
    if let seed, let generation = copy.vm?.generation {
      copy.guest.becomeAnother(
        named: name, macs, address: address, RandomStream(seed: seed, owner: name, generation: generation), now: own, &out)
    }
    // A backup that has frozen the one it was copied from knows nothing of it.
    if copy.state.runs { copy.guest.thaw(now: own, &out) }
    return copy
  }

  /// Now, or as its configuration has it; of one that asks by DHCP and has none yet, nobody knows here.
  func answers(for address: IPv4Address, on port: PortIndex) -> Bool {
    if let own = guest.stack.address(of: port.index) { return own == address }
    guard guest.stack.configuration.interfaces.indices.contains(port.index),
      case .static(let planned, _, _) = guest.stack.configuration.interfaces[port.index].addressing
    else { return false }
    return planned == address
  }

  func forEachWaiting(_ body: (UInt32, Waiting) -> Void) {
    work?.value.forEachTrace { body($0, .turn) }
    for interface in interfaces {
      interface.forEachReceivedTrace { body($0, work != nil && state.runs ? .turn : .running) }
      interface.forEachTransmittedTrace { body($0, .turn) }
    }
    guest.stack.forEachWaitingTrace { trace, missing in
      body(trace, missing.map { .neighbour($0.neighbour, on: PortIndex($0.port)) } ?? .turn)
    }
  }

  func facts(now: Instant, _ facts: inout Facts) {
    facts.add(interfaces.indices.flatMap { guest.stack.neighbourTable(of: $0, now: vm?.guestTime(now) ?? now) })
    facts.add(
      interfaces.enumerated().flatMap { index, interface in
        [
          CounterFact("eth\(index) received", interface.counters.received),
          CounterFact("eth\(index) transmitted", interface.counters.transmitted),
          CounterFact("eth\(index) dropped", interface.counters.dropped),
        ]
      })
  }

  func lookups(_ frame: borrowing Frame, on port: PortIndex, ports: [String], now: Instant) -> [Lookup] {
    state.runs ? [] : [Lookup("the VM is \(state.rawValue)")]
  }

  var isConsistent: Bool {
    Self.fit(guest, interfaces, plugged: plugged, work) && snapshots.isConsistent
  }

  /// One more interface, behind the others. Its cable is told of as any is that is plugged in.
  mutating func add(_ interface: NetworkInterface, _ configuration: InterfaceConfiguration) {
    interfaces.append(interface)
    work?.value.addCard()
    guest.addInterface(configuration)
  }

  /// What waits in the rings of an interface that goes.
  mutating func emptyRings(of port: PortIndex) -> [(frame: StoredFrame, cameIn: Bool)] {
    let waiting = interfaces[port.index].emptyRings()
    work?.value.forgetReceived(on: port.index)
    let kept = work?.value.emptyCard(port.index) ?? []
    for _ in kept { interfaces[port.index].countDropped() }
    return waiting + kept
  }

  // MARK: Transmit rings

  static var queuesFrames: Bool { true }

  @inline(__always)
  mutating func send(_ frame: StoredFrame, on port: PortIndex, over link: inout Link, now: Instant) -> Departure {
    let index = port.index
    if interfaces[index].transmitCapacity > 0 {
      if hold(frame, index, &link, now: now) {
        tellWire(link, index)
        return .kept
      }
      // Past the gate nothing goes.
      if interfaces[index].isGated {
        interfaces[index].countDropped()
        return .dropped(.txRingFull)
      }
    }
    let outcome = link.take(frame, now: now)
    tellWire(link, index)
    switch outcome {
    case .sent:
      interfaces[index].countTransmitted(frame.count)
      return .sent
    case .dropped(let reason):
      interfaces[index].countDropped()
      // With a ring it is the ring that was full: the cable's queue would have been waited for.
      return .dropped(reason == .queueFull && interfaces[index].transmitCapacity > 0 ? .txRingFull : reason)
    }
  }

  /// Whether its frames may wait beside the cable's own queue.
  @inline(__always)
  func hasTransmitRing(_ port: PortIndex) -> Bool { interfaces[port.index].transmitCapacity > 0 }

  /// Counts a frame that went out past `send`.
  @inline(__always)
  mutating func countTransmitted(_ bytes: Int, on port: PortIndex) { interfaces[port.index].countTransmitted(bytes) }

  /// A guest that shuts down may have said its last word.
  mutating func lookWhetherDown(now: Instant) { if state == .shuttingDown, guest.isDown { lookAt = now } }

  /// Tells the guest's sockets when all that the machine has sent will have left: they needn't fill their own queue.
  @inline(__always)
  private mutating func tellWire(_ link: borrowing Link, _ port: Int) {
    guard let rate = link.parameters.rate else { return }
    var freeAt = link.wireFreeAt
    let waiting = interfaces[port].octetsToTransmit
    if waiting > 0 { freeAt = freeAt + Wire.time(octets: waiting, rate: rate) }
    guest.wire(of: port, rate: rate, freeAt: time(freeAt))
  }

  /// Puts a frame into the NIC's transmit ring when the wire has no room (or others wait already). False: not needed, or
  /// no room there either.
  private mutating func hold(_ frame: StoredFrame, _ port: Int, _ link: inout Link, now: Instant) -> Bool {
    let waiting = interfaces[port].waitingToTransmit > 0
    guard waiting || interfaces[port].isGated || !link.hasRoom(for: frame.count, now: now) else { return false }
    guard interfaces[port].canHoldTransmission else { return false }
    interfaces[port].holdTransmission(Frame(stored: frame), now: now)
    guard interfaces[port].nextTransmission != nil else { return true }
    retryAt = min(retryAt, link.nextDeparture(now: now))
    return true
  }

  mutating func sendWaiting(on port: PortIndex, over link: inout Link, now: Instant) -> LostFrame {
    while let count = interfaces[port.index].nextTransmission {
      guard link.hasRoom(for: count, now: now) else {
        retryAt = min(retryAt, link.nextDeparture(now: now))
        break
      }
      guard let frame = interfaces[port.index].takeTransmission() else { break }
      switch link.send(frame, now: now) {
      case .sent: interfaces[port.index].countTransmitted(frame.count)
      case .dropped(let reason): return .lost(frame, reason)
      }
    }
    return .none
  }
}
