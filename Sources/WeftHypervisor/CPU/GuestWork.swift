import WeftCore
import WeftSettings

/// What a machine on a host with cpus has to do, where its packets are meanwhile, and what all of it costs.
///
/// In: cable → `arriving` (the hypervisor's, or a driver domain's work) → the card's receive ring and an interrupt → a virtual cpu
/// gets a processor, and the guest's instructions are done → the guest. Out: guest → `posted` → instructions, and an exit where the
/// other side is to be told → `leaving` → cable.
///
/// What is done is one task a virtual cpu at a time; the first has the network and the timers, a program's own work is on the last.
public struct GuestWork: Codable {
  /// Where a machine is scheduled.
  public struct Place: Codable, Sendable, Hashable {
    /// Which of the hosts with cpus.
    public var host: Int
    /// Its first virtual cpu there.
    public var first: Int

    public init(host: Int, first: Int) { (self.host, self.first) = (host, first) }
  }

  /// What boots once a system is off, and how long that takes.
  public struct Successor: Codable, Sendable {
    public var node: Int
    public var boot: Nanoseconds

    public init(node: Int, boot: Nanoseconds) { (self.node, self.boot) = (node, boot) }
  }

  /// What lies between a card and its cable.
  enum BackEnd: Codable, Sendable {
    case hypervisor(Nanoseconds)
    case process(Nanoseconds, wakeUp: Nanoseconds)
    case driver(hypervisor: Nanoseconds, name: String)
    /// The system is the host's own: nothing is between it and its card, and there is nobody to exit to.
    case bare
  }

  struct Card: Codable {
    var arriving = StageQueue()
    /// Of the frames in the receive ring.
    var received = Line<Landing>()
    /// The guest reads its ring until it is empty, and needs no interrupts meanwhile.
    var isPolled = false
    var polled = 0
    /// What the guest has sent and nobody was told of.
    var posted = FrameQueue(capacity: 1024)
    var postings = Line<Landing>()
    var leaving = StageQueue()
    /// An e1000 interrupts for what has left, too.
    var hasSent = false
  }

  /// When a frame came to where it waits.
  struct Landing: Codable, Sendable {
    var at: Instant
    /// For how long the machine had waited for cpus by then.
    var steal: Nanoseconds
    /// And for how long because of this frame's cause.
    var waited = Nanoseconds.zero
  }

  struct Task: Codable, Sendable {
    enum Kind: Codable, Hashable, Sendable {
      case drive
      case send(card: Int, count: Int)
      case receive(card: Int)
      case sentInterrupt(card: Int)
      case timer
      case burn(tag: UInt64)
    }

    var kind: Kind
    var guest: UInt64
    var exits: UInt64 = 0

    /// Something that takes no time would be done for ever.
    var cost: UInt64 { max(1, guest == .max ? .max : guest &+ exits) }
  }

  /// A driver domain's work on a packet of another machine.
  struct Job: Codable, Sendable {
    var order: DriverOrder
    var at: Instant
  }

  /// A program's own work on a cpu.
  struct Burn: Codable, Sendable {
    var tag: UInt64
    var left: UInt64
  }

  public private(set) var place: Place
  public let settings: ProcessorSettings
  public var count: Int { settings.count }
  let costs: WorkCosts
  let backEnd: BackEnd
  var cards: [Card]
  var isTimerDue = false
  var burns: [Burn] = []
  var tasks: [Task?]
  var jobs = Line<Job>()
  /// For the driver domain, which wasn't told yet.
  var orders: [DriverOrder] = []
  public internal(set) var exits = ExitCounts()
  var number: UInt64 = 0
  /// Of a system on a host without a hypervisor: when it boots, and which one does once it is off.
  public var bootsAt = Instant.never
  public var successor: Successor?
  /// What it did with its life on hosts that it has left.
  public private(set) var before = CreditScheduler.Times()
  /// For a cpu, before the guest did what it does now.
  var lastWait = Nanoseconds.zero

  public init(_ settings: ProcessorSettings, on host: HostProcessors, place: Place, cards count: Int, isDriver: Bool) {
    self.place = place
    self.settings = settings
    costs = WorkCosts(host.costs, settings, speed: host.speed)
    cards = (0..<count).map { _ in Card() }
    tasks = Array(repeating: nil, count: settings.count)
    let stage = host.costs.hypervisor.value
    switch host.hypervisor {
    case .type1(let driver?) where !isDriver: backEnd = .driver(hypervisor: stage, name: driver)
    case .type1: backEnd = .hypervisor(stage)
    case .type2: backEnd = .process(host.costs.hostProcess.value, wakeUp: host.costs.hostWakeUp.value)
    case .none: backEnd = .bare
    }
  }

  /// On another host: what is in the machine's memory goes along, and what was counted. What lay between its cards and their
  /// cables stays behind, and is the caller's.
  public func moved(to host: HostProcessors, place: Place, isDriver: Bool, spent times: CreditScheduler.Times, now: Instant)
    -> GuestWork
  {
    var work = GuestWork(settings, on: host, place: place, cards: cards.count, isDriver: isDriver)
    work.takeBack(to: self, now: now, steal: .zero)
    (work.exits, work.before) = (exits, times)
    // A driver domain that it has left may still tell of a packet that has one of the numbers so far.
    work.number = number
    return work
  }

  public mutating func addCard() { cards.append(Card()) }

  // MARK: What comes and goes

  /// From the cable. False: there is no room.
  public mutating func arrive(_ frame: StoredFrame, on card: Int, now: Instant) -> Bool {
    guard !cards[card].arriving.isFull else { return false }
    var entry = StageQueue.Entry(number: 0, entered: now, due: .never)
    schedule(&entry, card, inbound: true, now: now)
    cards[card].arriving.push(Frame(stored: frame), entry)
    return true
  }

  /// When it will be through, as far as that can be told now.
  mutating func schedule(_ entry: inout StageQueue.Entry, _ card: Int, inbound: Bool, now: Instant) {
    let (cost, waking): (Nanoseconds, Nanoseconds)
    switch backEnd {
    case .hypervisor(let time): (cost, waking) = (time, .zero)
    case .bare: (cost, waking) = (.zero, .zero)
    case .process(let time, let wakeUp): (cost, waking) = (time, wakeUp)
    case .driver:
      number &+= 1
      entry.number = number
      orders.append(DriverOrder(node: 0, card: card, inbound: inbound, number: number))
      return
    }
    (entry.due, entry.woken) =
      inbound
      ? cards[card].arriving.occupy(cost, waking: waking, now: now) : cards[card].leaving.occupy(cost, waking: waking, now: now)
  }

  /// The guest has sent it. False: its ring and the queue before it are full.
  public mutating func post(_ frame: StoredFrame, on card: Int, now: Instant, steal: Nanoseconds) -> Bool {
    guard !cards[card].posted.isFull else { return false }
    cards[card].posted.push(Frame(stored: frame))
    cards[card].postings.push(Landing(at: now, steal: steal, waited: lastWait))
    return true
  }

  /// When something of it leaves the hypervisor's hands.
  var deadline: Instant {
    var first = Instant.never
    for card in cards { first = min(first, min(card.arriving.due, card.leaving.due)) }
    return first
  }

  /// Whether all that the guest has sent is out.
  public var isQuiet: Bool { cards.allSatisfy { $0.posted.isEmpty && $0.leaving.isEmpty } }

  /// The next frame that has come as far as the card.
  public mutating func takeArrived(on card: Int, now: Instant, _ ledger: inout StageLedger) -> StoredFrame? {
    guard cards[card].arriving.due <= now, let (frame, entry) = cards[card].arriving.pop() else { return nil }
    book(frame.trace, entry, now: now, &ledger)
    return frame
  }

  /// It lies in the receive ring.
  public mutating func landed(on card: Int, now: Instant, steal: Nanoseconds) {
    cards[card].received.push(Landing(at: now, steal: steal))
  }

  /// The next frame that is to go into the cable, and for how long its machine waited for a cpu to make it.
  public mutating func takeLeaving(
    on card: Int, now: Instant, _ ledger: inout StageLedger
  ) -> (frame: StoredFrame, waited: Nanoseconds)? {
    guard cards[card].leaving.due <= now, let (frame, entry) = cards[card].leaving.pop() else { return nil }
    book(frame.trace, entry, now: now, &ledger)
    if costs.model == .e1000 { cards[card].hasSent = true }
    return (frame, entry.waited)
  }

  private func book(_ trace: UInt32, _ entry: StageQueue.Entry, now: Instant, _ ledger: inout StageLedger) {
    guard trace != 0 else { return }
    let time = now - entry.entered
    ledger.add(trace) { stages in
      switch backEnd {
      case .hypervisor: stages.hypervisor = stages.hypervisor + time
      case .bare: break
      case .process:
        stages.wakeUp = stages.wakeUp + entry.woken
        stages.process = stages.process + (time - entry.woken)
      case .driver(let hypervisor, let name):
        stages.driverName = name
        stages.hypervisor = stages.hypervisor + hypervisor
        stages.driver = stages.driver + entry.driven
        stages.driverWait = stages.driverWait + (time - hypervisor - entry.driven)
      }
    }
  }

  // MARK: Driver domains

  /// What it asks of the driver domain.
  public mutating func takeOrders(of node: Int) -> [DriverOrder] {
    guard !orders.isEmpty else { return [] }
    defer { orders.removeAll(keepingCapacity: true) }
    return orders.map { DriverOrder(node: node, card: $0.card, inbound: $0.inbound, number: $0.number) }
  }

  /// Of a driver domain: more to do.
  public mutating func drive(_ order: DriverOrder, now: Instant) { jobs.push(Job(order: order, at: now)) }

  /// The driver domain has done its part on a packet.
  public mutating func driven(_ order: DriverOrder, took driven: Nanoseconds, now: Instant) {
    guard case .driver(let hypervisor, _) = backEnd, cards.indices.contains(order.card) else { return }
    if order.inbound {
      cards[order.card].arriving.release(order.number, at: now + hypervisor, driven: driven)
    } else {
      cards[order.card].leaving.release(order.number, at: now + hypervisor, driven: driven)
    }
  }

  public var isDriven: Bool { if case .driver = backEnd { true } else { false } }

  /// What waits for a driver domain that is off.
  public mutating func takeUndriven(of card: Int) -> [(frame: StoredFrame, cameIn: Bool)] {
    orders.removeAll { $0.card == card }
    return cards[card].arriving.empty(onlyUndriven: true).map { ($0, true) }
      + cards[card].leaving.empty(onlyUndriven: true).map { ($0, false) }
  }
}

/// What is asked of it at every turn, where it lies: from another module it would be copied for a question.
extension Apart<GuestWork> {
  /// When something of it leaves the hypervisor's hands.
  public var deadline: Instant { value.deadline }
  public var waitsForTimer: Bool { value.waitsForTimer }
  public var place: GuestWork.Place { value.place }
  public var bootsAt: Instant { value.bootsAt }
  public var isDriven: Bool { value.isDriven }
}

/// A packet on which a driver domain is to work.
public struct DriverOrder: Codable, Sendable {
  /// Of the machine whose it is.
  public var node: Int
  public var card: Int
  public var inbound: Bool
  public var number: UInt64

  public init(node: Int, card: Int, inbound: Bool, number: UInt64) {
    (self.node, self.card, self.inbound, self.number) = (node, card, inbound, number)
  }
}
