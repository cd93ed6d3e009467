import WeftCore

// A frame's way: a link's arrival is delivered to a node, whose effects are settled into links again.
extension World {
  /// Handles what the scheduler says is due. The director's deadlines and the probes' are the caller's business.
  @inline(__always)
  mutating func step(_ source: Scheduler.Source) {
    switch source {
    case .director, .probes: break
    case .processors: wakeProcessors()
    case .link(let link): arrive(link)
    case .node(let node): wake(node)
    }
  }

  private mutating func arrive(_ link: LinkID) {
    eventCount &+= 1
    if floods.underWay > 0, let lane = floods.busyLane(of: link) { return arriveFlooded(link, lane: lane) }
    let end = graph.end(of: link)
    let cable = links.place(of: link)
    repeat {
      guard let frame = cable.pointee.takeArrived(now: now) else { break }
      deliver(frame, to: end.toNode, on: end.toPort, at: end.to, handsOver: cable.pointee.deadline > now)
    } while cable.pointee.deadline <= now
    let next = cable.pointee.deadline
    if next != .never { scheduler.schedule(link, at: next) }
    if handedOver != nil { goOn() }
  }

  /// A frame whose capture record is open until what becomes of it is known.
  struct Arrival {
    var port: PortID
    var packetID: UInt64
  }

  mutating func deliver(_ frame: consuming Frame, to node: NodeID, on index: PortIndex) {
    deliver(frame.store(), to: node, on: index, at: graph.port(index, of: node), handsOver: false)
  }

  /// The frame is the node's from here on. `handsOver`: what comes of it may go on at once, `goOn` is called then.
  @inline(__always)
  mutating func deliver(
    _ frame: StoredFrame, to node: NodeID, on index: PortIndex, at port: PortID, handsOver: Bool
  ) {
    delivered &+= 1
    graph.ports.place(of: port).pointee.countReceived(frame.count)
    guard recorder.watch == .none else {
      return deliverWatched(Frame(stored: frame), to: node, on: index, at: port, handsOver: handsOver)
    }
    effects.keepsNotes = false
    var receive = Receive(frame: frame, port: index, now: now)
    let deadline = elements.visit(graph.nodes.place(of: node).pointee.element, &receive, &effects)
    settle(node, deadline, handsOver: handsOver, isWatched: false, arrived: true)
  }

  @inline(never)
  private mutating func deliverWatched(
    _ frame: consuming Frame, to node: NodeID, on index: PortIndex, at port: PortID, handsOver: Bool
  ) {
    effects.keepsNotes = true
    let isClose = recorder.watch == .closely
    if isClose { recorder.addToFingerprint(.arrived, frame, at: port, graph.ports[port].name, now: now) }
    var arrival: Arrival?
    if recorder.captures != nil,
      recorder.stageArrival(&frame, in: graph.ports[port].capture, of: node, now: now)
    {
      arrival = Arrival(port: port, packetID: frame.packetID)
    }
    // Asked first, as the recorder would be copied for the other question.
    if isClose, recorder.isExplained(frame) { explainArrival(frame, node, index, port) }
    var receive = Receive(frame: frame.store(), port: index, now: now)
    let deadline = elements.visit(graph.nodes[node].element, &receive, &effects)
    if let arrival { closeRecord(of: node, arrival) }
    settle(node, deadline, arrival, handsOver: handsOver, arrived: true)
  }

  private mutating func wake(_ node: NodeID) {
    let place = graph.nodes.place(of: node)
    place.pointee.due = .never
    let isWatched = recorder.watch != .none
    effects.keepsNotes = isWatched
    if hasProcessors { passThrough(node) }
    var wake = Wake(now: now)
    var (deadline, retries) = elements.visit(place.pointee.element, &wake, &effects)
    if retries {
      sendWaiting(node)
      deadline = self.deadline(of: node)
    }
    if effects.count > 0 { eventCount &+= 1 }
    if isWatched { settleWatched(node, deadline) } else { settle(node, deadline, handsOver: true, isWatched: false) }
    if handedOver != nil { goOn() }
    if hasShutdowns { goOffIfDone(node) }
  }

  /// Carries out what a node wants done that something was asked of from outside.
  mutating func settle(_ node: NodeID) { settle(node, deadline(of: node)) }

  @inline(never)
  private mutating func settleWatched(_ node: NodeID, _ deadline: Instant) { settle(node, deadline, handsOver: true) }

  /// `arrival`: of a frame that was captured as it came. `isWatched`: false where that is known when this is compiled.
  @inline(__always)
  mutating func settle(
    _ node: NodeID, _ deadline: Instant, _ arrival: Arrival? = nil, handsOver: Bool = false, isWatched: Bool = true,
    arrived: Bool = false
  ) {
    var deadline = deadline
    if hasProbed, tellProbes(node) { deadline = self.deadline(of: node) }
    if hasProcessors { post(node, &deadline) }
    // What it received comes before what it does about it.
    if !effects.observations.isEmpty { takeObservations(node) }
    if effects.count == 1, effects[0].verdict == .transmit, effects[0].frame.trace == 0,
      !isWatched || recorder.watch != .closely && effects[0].noteCount == 0
    {
      // What nearly always happens, with nobody looking but captures.
      let (frame, port) = (effects[0].frame, effects[0].port)
      if isWatched { effects.removeAll() } else { effects.removeEntries() }
      if !isWatched || recorder.watch == .none {
        transmit(frame, from: node, on: port, &deadline, handsOver: handsOver)
      } else {
        transmitCaptured(frame, from: node, on: port, &deadline, handsOver: handsOver)
      }
    } else if effects.count > 0 {
      carryOut(node, &deadline, arrival)
    } else if isWatched, effects.keepsNotes {
      effects.removeAll()
    }
    if graph.nodes.place(of: node).pointee.isFiltered { touched(node) }
    reschedule(node, at: deadline)
    if hasProcessors { attend(node, arrived: arrived) }
  }

  @inline(never)
  private mutating func carryOut(_ node: NodeID, _ deadline: inout Instant, _ arrival: Arrival?) {
    var index = 0
    while index < effects.count {
      let entry = effects[index]
      index &+= 1
      let port = graph.port(entry.port, of: node)
      switch entry.verdict {
      case .transmit: transmit(entry, from: node, at: port, &deadline)
      case .flood: flood(Frame(stored: entry.frame), from: node, except: entry.port, &deadline)
      case .drop:
        let frame = Frame(stored: entry.frame)
        // The arrival's own drop is in its record already.
        let recorded = arrival.map { $0.port == port && $0.packetID == frame.packetID } ?? false
        // What a node made itself never came in.
        let cameIn = frame.packetID != 0
        drop(frame, at: port, entry.reason, entry.detail, recorded: recorded, inbound: cameIn)
      }
    }
    effects.removeAll()
  }

  /// The same number on every hop of one packet.
  @inline(__always)
  mutating func number(_ frame: StoredFrame, of node: NodeID) {
    guard frame.packetID == 0 else { return }
    let count = packetCounts.place(of: node)
    count.pointee &+= 1
    frame.setPacketID(UInt64(graph.nodes.place(of: node).pointee.packetNumber) << 32 | count.pointee & 0xffff_ffff)
  }

  /// Out of a port, and written down. `deadline`: the node's, which changes where it keeps frames for its cables.
  mutating func transmit(_ entry: Effects.Entry, from node: NodeID, at port: PortID, _ deadline: inout Instant) {
    guard recorder.watch != .none || entry.frame.trace != 0 else {
      return transmit(entry.frame, from: node, on: entry.port, &deadline)
    }
    number(entry.frame, of: node)
    let frame = Frame(stored: entry.frame)
    recorder.addToFingerprint(.left, frame, at: port, recorder.watch == .closely ? graph.ports[port].name : "", now: now)
    let staged =
      recorder.captures != nil && !isHeldBack(node, entry.port)
      && recorder.stageDeparture(frame, in: graph.ports[port].capture, of: node, now: now)
    if staged, entry.noteCount > 0 { writeNotes(entry, node, port) }
    if frame.trace != 0 {
      if hasProcessors, recorder.traces.origin(of: frame.trace) == node { processors.ledger.forget(frame.trace) }
      trace(
        frame.trace, .sent, packetID: frame.packetID, at: port,
        number: staged ? recorder.frameNumber(graph.ports[port].file) : 0)
      if recorder.isExplained(frame) { explainTransmission(frame, node, port, entry) }
    }
    let (stored, reason) = (frame.store(), send(entry.frame, from: node, at: port, entry.port, &deadline))
    if let reason { return lose(Frame(stored: stored), at: port, reason, staged: staged) }
    if staged { recorder.commit(graph.ports[port].file, dropped: false) }
  }

  /// Out of a port and into its capture, of a frame that nobody follows and nothing is to be said of.
  @inline(never)
  private mutating func transmitCaptured(
    _ frame: StoredFrame, from node: NodeID, on index: PortIndex, _ deadline: inout Instant, handsOver: Bool = false
  ) {
    number(frame, of: node)
    let port = graph.port(index, of: node)
    let file = graph.ports[port].capture
    let looked = Frame(stored: frame)
    let staged = !isHeldBack(node, index) && recorder.stageDeparture(looked, in: file, of: node, now: now)
    let (stored, reason) = (looked.store(), send(frame, from: node, at: port, index, &deadline, handsOver: handsOver))
    if let reason { return lose(Frame(stored: stored), at: port, reason, staged: staged) }
    if staged { recorder.commit(file, dropped: false) }
  }

  /// Out of a port, with nobody looking.
  @inline(__always)
  private mutating func transmit(
    _ frame: StoredFrame, from node: NodeID, on index: PortIndex, _ deadline: inout Instant, handsOver: Bool = false
  ) {
    number(frame, of: node)
    let port = graph.port(index, of: node)
    if let reason = send(frame, from: node, at: port, index, &deadline, handsOver: handsOver) {
      lose(Frame(stored: frame), at: port, reason, staged: false)
    }
  }

  /// Into the port's cable. Nil: the frame is the cable's or, where its element keeps it, the element's.
  @inline(__always)
  private mutating func send(
    _ frame: StoredFrame, from node: NodeID, at port: PortID, _ index: PortIndex, _ deadline: inout Instant,
    handsOver: Bool = false
  ) -> DropReason? {
    let place = graph.ports.place(of: port)
    place.pointee.countTransmitted(frame.count)
    guard let link = place.pointee.link else { return .noLink }
    let cable = links.place(of: link)
    if handsOver, cable.pointee.takesNoTime(frame.count), handOver(frame, from: node, index, link) { return nil }
    // What is behind others in a cable changes nothing about when the first arrives.
    let wasIdle = cable.pointee.deadline == .never
    if graph.nodes.place(of: node).pointee.queuesFrames {
      if !sendPlainly(frame, from: node, index, cable) {
        let departure: Departure
        (departure, deadline) = sendQueued(frame, from: node, index, cable)
        switch departure {
        case .sent: break
        case .kept: return nil
        case .dropped(let reason): return reason
        }
      }
    } else if case .dropped(let reason) = cable.pointee.take(frame, now: now) {
      return reason
    }
    if floods.isBuilt { floods.sentSingly(link) }
    guard wasIdle else { return nil }
    if floods.underWay > 0 { scheduleLink(link) } else { scheduler.schedule(link, at: cable.pointee.deadline) }
    return nil
  }

  /// Of a machine without a ring into a cable that only delays: nothing of it waits, nor is its deadline another. False where
  /// it is not so simple.
  @inline(__always)
  private mutating func sendPlainly(
    _ frame: StoredFrame, from node: NodeID, _ index: PortIndex, _ cable: UnsafeMutablePointer<Link>
  ) -> Bool {
    guard let id = graph.nodes.place(of: node).pointee.element.machine,
      !elements.machines[id].hasTransmitRing(index), cable.pointee.takePlainly(frame, now: now)
    else { return false }
    elements.machines[id].countTransmitted(frame.count, on: index)
    return true
  }

  /// Of an element with queues of its own. Machines, which nearly all are, without the visitor: it isn't inlined.
  @inline(never)
  private mutating func sendQueued(
    _ frame: StoredFrame, from node: NodeID, _ index: PortIndex, _ cable: UnsafeMutablePointer<Link>
  ) -> (Departure, deadline: Instant) {
    let element = graph.nodes.place(of: node).pointee.element
    var send = Send(frame: frame, port: index, link: cable, now: now)
    if let id = element.machine { return send.visit(&elements.machines[id], &effects) }
    return elements.visit(element, &send, &effects)
  }

  /// What an element keeps for its cables goes into them as far as they have room.
  private mutating func sendWaiting(_ node: NodeID) {
    if !standbys.all.isEmpty { sendReleased(node) }
    for (index, port) in graph.nodes[node].ports.enumerated() {
      guard let link = graph.ports[port].link else { continue }
      var send = SendWaiting(port: PortIndex(index), link: links.place(of: link), now: now)
      while let lost = elements.visit(graph.nodes[node].element, &send, &effects) {
        drop(Frame(stored: lost.frame), at: port, lost.reason, .none, recorded: false, inbound: false)
      }
      scheduleLink(link)
    }
  }

  /// A frame that left its port and got no further: its outbound record says why.
  @inline(never)
  mutating func lose(_ frame: consuming Frame, at port: PortID, _ reason: DropReason, staged: Bool) {
    recorder.drops.count(reason, port: port)
    recorder.addToFingerprint(
      .dropped(reason), frame, at: port, recorder.watch == .closely ? graph.ports[port].name : "", now: now)
    if recorder.explain != nil { explainLoss(frame, at: port, reason) }
    var staged = staged
    if recorder.captures != nil, !staged, let far = graph.neighbour(of: port) {
      staged = recorder.stageLoss(frame, in: graph.ports[port].farCapture, of: graph.ports[far].node)
    }
    if staged {
      recorder.commentDrop(
        graph.ports[port].file, by: name(graph.ports[port].node), reason, .none, isHarmless: false)
    }
    if frame.trace != 0, !isBystander(frame.bytes, at: port, reason) {
      trace(
        frame.trace, .dropped(reason, .none), packetID: frame.packetID, at: port,
        number: staged ? recorder.frameNumber(graph.ports[port].file) : 0)
    }
    if staged { recorder.commit(graph.ports[port].file, dropped: true) }
  }

  @inline(never)
  mutating func drop(
    _ frame: consuming Frame, at port: PortID, _ reason: DropReason, _ detail: DropDetail, recorded: Bool,
    inbound: Bool = true
  ) {
    let isHarmless = isHarmless(frame.bytes, at: port, reason, detail)
    recorder.drops.count(reason, port: port, isHarmless: isHarmless)
    recorder.addToFingerprint(
      .dropped(reason), frame, at: port, recorder.watch == .closely ? graph.ports[port].name : "", now: now)
    if recorder.explain != nil, reason.meaning == .accident { explainLoss(frame, at: port, reason) }
    guard !recorded else { return }
    // It was dropped later than it came (or nothing stands open): a record of its own shows it with the reason. What a
    // machine sent to itself was on no cable, and is in no capture.
    let isLoopback = frame.count >= 12 && frame.bytes.mac(0) == frame.bytes.mac(6)
    let staged =
      recorder.captures != nil && !isLoopback
      && recorder.stageDrop(
        frame, in: graph.ports[port].capture, of: graph.ports[port].node, now: now, inbound: inbound)
    if staged {
      recorder.commentDrop(
        graph.ports[port].file, by: name(graph.ports[port].node), reason, detail, isHarmless: isHarmless)
    }
    var number = staged ? recorder.frameNumber(graph.ports[port].file) : 0
    if recorder.captures != nil, inbound, graph.ports[port].farCapture != nil {
      number = recorder.commentFarDrop(
        frame, in: graph.ports[port].farCapture, by: name(graph.ports[port].node), reason, detail, isHarmless: isHarmless)
    }
    if frame.trace != 0, !isBystander(frame.bytes, at: port, reason) {
      trace(frame.trace, .dropped(reason, detail), packetID: frame.packetID, at: port, number: number)
    }
    if staged { recorder.commit(graph.ports[port].file, dropped: !isHarmless) }
  }
}
