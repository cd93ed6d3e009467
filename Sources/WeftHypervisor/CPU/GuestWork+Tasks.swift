import WeftCore
import WeftSettings

// What a machine's virtual cpus do next, and what it came to.
extension GuestWork {
  /// What has been done, for the machine to do its part.
  public enum Done {
    /// The next frame of the card's receive ring is the guest's.
    case receive(card: Int)
    /// Timers are due.
    case timer
    /// A program has had what it asked for.
    case burn(tag: UInt64)
    /// A driver domain has worked on a packet.
    case driven(DriverOrder, took: Nanoseconds)
    /// Nothing that the guest would see.
    case nothing
  }

  /// Sees to it that each virtual cpu is asked to do what comes next.
  public mutating func attend(_ host: inout HostProcessors, now: Instant) {
    for index in 0..<count {
      let id = place.first + index
      if let task = tasks[index] {
        // What comes goes before a program's own work.
        guard index == 0, case .burn(let tag) = task.kind, let next = nextOfNetwork() else { continue }
        let left = host.scheduler.left(id, now: now)
        if let burn = burns.firstIndex(where: { $0.tag == tag }) { burns[burn].left = max(1, left) }
        begin(next, index, id, &host, now: now)
      } else if let next = (index == 0 ? nextOfNetwork() : nil) ?? nextBurn(of: index) {
        begin(next, index, id, &host, now: now)
      } else if !host.scheduler.isAtRest(id) {
        host.scheduler.block(id, now: now)
      }
    }
  }

  private mutating func begin(_ task: Task, _ index: Int, _ id: Int, _ host: inout HostProcessors, now: Instant) {
    tasks[index] = task
    host.scheduler.run(id, for: task.cost, now: now)
  }

  private mutating func nextOfNetwork() -> Task? {
    if !jobs.isEmpty { return Task(kind: .drive, guest: costs.drive) }
    for card in cards.indices {
      if !cards[card].posted.isEmpty, cards[card].leaving.room > 0 { return send(card) }
      if !cards[card].received.isEmpty { return receive(card) }
      if cards[card].hasSent { return sentInterrupt(card) }
    }
    return isTimerDue ? Task(kind: .timer, guest: costs.timer) : nil
  }

  /// Those of the machine's programs are shared out from the last virtual cpu on.
  private func nextBurn(of index: Int) -> Task? {
    for (place, burn) in burns.enumerated() where count - 1 - place % count == index {
      return Task(kind: .burn(tag: burn.tag), guest: burn.left)
    }
    return nil
  }

  private mutating func send(_ card: Int) -> Task {
    let batch = min(costs.walk.batch(of: cards[card].posted.count), cards[card].leaving.room)
    var task = Task(kind: .send(card: card, count: batch), guest: costs.send * UInt64(batch))
    costs.walk.sends(isBusy: !cards[card].leaving.isEmpty) { pass($0, &task) }
    return task
  }

  private mutating func receive(_ card: Int) -> Task {
    var task = Task(kind: .receive(card: card), guest: costs.receive)
    if !cards[card].isPolled {
      cards[card].isPolled = true
      cards[card].polled = 0
      // It tells of what has left, too.
      cards[card].hasSent = false
      costs.walk.interrupts { pass($0, &task) }
    }
    cards[card].polled += 1
    if costs.walk.refills(after: cards[card].polled, isLast: cards[card].received.count == 1) { pass(.rxRefill, &task) }
    return task
  }

  private mutating func sentInterrupt(_ card: Int) -> Task {
    cards[card].hasSent = false
    var task = Task(kind: .sentInterrupt(card: card), guest: 0)
    costs.walk.interrupts { pass($0, &task) }
    return task
  }

  /// With translation there is none, and it costs all the same.
  private mutating func pass(_ reason: ExitReason, _ task: inout Task) {
    if case .bare = backEnd { return }
    if costs.execution == .emulation {
      task.guest += costs.exit(reason)
    } else {
      exits.count(reason)
      task.exits += costs.exit(reason)
    }
  }

  // MARK: Done

  /// A virtual cpu has done its task. `steal`: for how long the machine's network has waited for a cpu in all. `trace`: of the frame that is received next.
  public mutating func finish(
    _ index: Int, steal: Nanoseconds, now: Instant, _ ledger: inout StageLedger, trace: (_ card: Int) -> UInt32
  ) -> Done {
    guard let task = tasks[index] else { return .nothing }
    tasks[index] = nil
    lastWait = .zero
    switch task.kind {
    case .drive:
      guard let job = jobs.pop() else { return .nothing }
      return .driven(job.order, took: Nanoseconds(task.guest))
    case .send(let card, let count):
      for _ in 0..<count { leave(card, task, steal, now: now, &ledger) }
      return .nothing
    case .receive(let card):
      guard let landing = cards[card].received.pop() else { return .nothing }
      if cards[card].received.isEmpty { cards[card].isPolled = false }
      lastWait = steal - landing.steal
      book(trace(card), task, landing, steal, now: now, &ledger)
      return .receive(card: card)
    case .sentInterrupt: return .nothing
    case .timer:
      isTimerDue = false
      return .timer
    case .burn(let tag):
      burns.removeAll { $0.tag == tag }
      return .burn(tag: tag)
    }
  }

  private mutating func leave(_ card: Int, _ task: Task, _ steal: Nanoseconds, now: Instant, _ ledger: inout StageLedger) {
    guard let frame = cards[card].posted.pop(), let landing = cards[card].postings.pop() else { return }
    let stored = frame.store()
    book(stored.trace, task, landing, steal, now: now, &ledger)
    var entry = StageQueue.Entry(number: 0, entered: now, due: .never)
    entry.waited = landing.waited + (steal - landing.steal)
    schedule(&entry, card, inbound: false, now: now)
    cards[card].leaving.push(Frame(stored: stored), entry)
  }

  private func book(
    _ trace: UInt32, _ task: Task, _ landing: Landing, _ steal: Nanoseconds, now: Instant, _ ledger: inout StageLedger
  ) {
    guard trace != 0 else { return }
    let (time, wait) = (now - landing.at, steal - landing.steal)
    ledger.add(trace) { stages in
      let (guest, exits) = (Nanoseconds(task.guest), Nanoseconds(task.exits))
      stages.guest = stages.guest + guest
      stages.exits = stages.exits + exits
      stages.wait = stages.wait + wait
      stages.queue = stages.queue + (time - guest - exits - wait)
    }
  }

  // MARK: What its guest and its life ask for

  public mutating func noticeTimer(_ isDue: Bool) { if isDue { isTimerDue = true } }
  public var waitsForTimer: Bool { isTimerDue }

  public mutating func burn(_ tag: UInt64, for time: UInt64) { burns.append(Burn(tag: tag, left: max(1, time))) }

  /// Its programs are no more.
  public mutating func stopBurning() {
    burns = []
    for index in tasks.indices {
      if case .burn? = tasks[index]?.kind { tasks[index] = nil }
    }
  }

  /// Its machine goes on: what was begun is gone on with, what has come is looked at.
  public mutating func goOn(_ host: inout HostProcessors, now: Instant) {
    for index in 0..<count {
      let id = place.first + index
      host.scheduler.resume(id, now: now)
      if tasks[index] != nil { host.scheduler.run(id, for: max(1, host.scheduler.left(id, now: now)), now: now) }
    }
    attend(&host, now: now)
  }

  /// Whether it is to boot now; it is told once.
  public mutating func takeBoot(now: Instant) -> Bool {
    guard bootsAt <= now else { return false }
    bootsAt = .never
    return true
  }

  public mutating func standStill(_ host: inout HostProcessors, now: Instant) {
    for index in 0..<count { host.scheduler.pause(place.first + index, now: now) }
  }

  /// Its power goes: all that was begun is nobody's. Frames are the caller's, who has emptied the cards.
  public mutating func reset() {
    tasks = Array(repeating: nil, count: count)
    (burns, isTimerDue, lastWait) = ([], false, .zero)
    jobs.removeAll()
    orders = []
    for card in cards.indices {
      (cards[card].isPolled, cards[card].polled, cards[card].hasSent) = (false, 0, false)
      cards[card].received.removeAll()
    }
  }

  /// What of it is in the machine's memory goes back, from the beginning of what was being done. What waits is as new.
  public mutating func takeBack(to past: GuestWork, now: Instant, steal: Nanoseconds) {
    reset()
    (burns, isTimerDue) = (past.burns, past.isTimerDue)
    for card in cards.indices {
      for _ in 0..<past.cards[card].received.count { cards[card].received.push(Landing(at: now, steal: steal)) }
      cards[card].posted = past.cards[card].posted
      cards[card].postings.removeAll()
      for _ in 0..<cards[card].posted.count { cards[card].postings.push(Landing(at: now, steal: steal)) }
    }
  }

  /// Its receive ring was emptied.
  public mutating func forgetReceived(on card: Int) {
    cards[card].received.removeAll()
    cards[card].isPolled = false
    for index in tasks.indices where tasks[index]?.kind == .receive(card: card) { tasks[index] = nil }
  }

  /// Its receive ring is again as it was when there were so many.
  public mutating func forgetReceived(on card: Int, beyond count: Int) {
    if count == 0 { return forgetReceived(on: card) }
    cards[card].received.keep(first: count)
  }

  /// All that waits in it, on a card: from the cable, for the cable.
  public mutating func emptyCard(_ card: Int) -> [(frame: StoredFrame, cameIn: Bool)] {
    var frames = cards[card].arriving.empty().map { (frame: $0, cameIn: true) }
    while let frame = cards[card].posted.pop() { frames.append((frame.store(), false)) }
    cards[card].postings.removeAll()
    for index in tasks.indices {
      if case .send(card, _)? = tasks[index]?.kind { tasks[index] = nil }
    }
    frames += cards[card].leaving.empty().map { ($0, false) }
    return frames
  }

  /// What lies between a card and its cable, and isn't the machine's.
  public mutating func emptyStages(of card: Int) -> [(frame: StoredFrame, cameIn: Bool)] {
    orders.removeAll { $0.card == card }
    return cards[card].arriving.empty().map { ($0, true) } + cards[card].leaving.empty().map { ($0, false) }
  }

  /// What its guest has sent and its card hasn't been told of: memory of the machine.
  public var postedRings: [FrameQueue] { cards.map(\.posted) }

  /// Frames in it, from the cable before the card, and from the guest.
  public var waiting: (coming: Int, going: Int) {
    cards.reduce((0, 0)) { ($0.0 + $1.arriving.count, $0.1 + $1.posted.count + $1.leaving.count) }
  }

  /// The traces of what waits in it, and whether that came in.
  public func forEachTrace(_ body: (UInt32) -> Void) {
    for card in cards {
      card.arriving.forEachTrace(body)
      card.posted.forEachTrace(body)
      card.leaving.forEachTrace(body)
    }
  }

  /// Of a decoded one, beside its machine's rings.
  public func isConsistent(rings: [Int]) -> Bool {
    cards.count == rings.count && (1...64).contains(count) && tasks.count == count && exits.isConsistent && costs.isConsistent
      && place.first >= 0
      && place.host >= 0 && burns.allSatisfy { $0.left > 0 }
      && zip(cards, rings).allSatisfy { card, ring in
        card.received.count == ring && card.posted.count == card.postings.count && card.posted.capacity == 1024
          && card.arriving.isConsistent && card.leaving.isConsistent && card.polled >= 0
      }
      && tasks.compactMap { $0 }.allSatisfy { task in
        switch task.kind {
        case .drive: !jobs.isEmpty
        case .send(let card, let count):
          cards.indices.contains(card) && (1...1024).contains(count) && count <= cards[card].posted.count
            && count <= cards[card].leaving.room
        case .receive(let card): cards.indices.contains(card) && !cards[card].received.isEmpty
        case .sentInterrupt(let card): cards.indices.contains(card)
        case .timer: true
        case .burn(let tag): burns.contains { $0.tag == tag }
        }
      }
  }
}
