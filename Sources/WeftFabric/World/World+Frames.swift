import WeftCapture
import WeftCore
import WeftHypervisor

// A frame's way: a link's arrival is delivered to a node, whose effects are settled into links again.
extension World {
  /// Handles what the queue says is due. The director's own deadlines are its caller's business.
  @inline(__always)
  mutating func step(_ source: EventQueue.Source) {
    let index = Int(source) &- 1
    if index < links.count { arrive(index) } else { wake(index &- links.count) }
  }

  private mutating func arrive(_ link: Int) {
    eventCount &+= 1
    let node = ends[link].toNode
    let port = ends[link].toPort
    if floods.isBuilt, floods.laneOfLink[link] >= 0 { return arriveFlooded(link, lane: Int(floods.laneOfLink[link])) }
    while let frame = links[link].arrive(now: now) { deliver(frame, to: node, on: port) }
    queue.schedule(Source.link(link), at: links[link].deadline)
  }

  mutating func deliver(_ frame: consuming Frame, to node: Int, on port: PortIndex) {
    delivered &+= 1
    let place = nodes[node].firstPort &+ port.index
    ports[place].counters.received &+= 1
    ports[place].counters.receivedBytes &+= UInt64(frame.count)
    if fingerprint != nil { fingerprint?.add(.arrived, of: frame.bytes, at: place, now: now) }
    let packetID = frame.packetID
    let staged = captures != nil && stageArrival(&frame, of: node, at: place)
    let index = nodes[node].index
    if explain != nil, isExplained(frame) { explainArrival(frame, node, port, place) }
    switch nodes[node].kind {
    case .virtualSwitch:
      let decision = switches[index].decide(frame, on: port, now: now)
      if case .flood = decision, canFlood(frame, from: node) {
        if staged { closeRecord(of: node, place, packetID) }
        return flood(frame, from: node, except: port)
      }
      switches[index].carryOut(decision, frame, on: port, &effects)
    case .gateway: gateways[index].receive(frame, on: port, now: now, &effects)
    case .dhcpServer: servers[index].receive(frame, on: port, now: now, &effects)
    case .machine: machines[index].receive(frame, on: port, now: now, &effects)
    }
    settle(node, arrival: staged ? (place, packetID) : nil)
  }

  private mutating func wake(_ node: Int) {
    let index = nodes[node].index
    switch nodes[node].kind {
    case .virtualSwitch: break
    case .gateway: gateways[index].wake(now: now, &effects)
    case .dhcpServer: servers[index].wake(now: now, &effects)
    case .machine:
      machines[index].wake(now: now, &effects)
      if machines[index].retryAt <= now { drainTransmitRings(node) }
    }
    if effects.count > 0 { eventCount &+= 1 }
    settle(node, arrival: nil)
  }

  /// Carries out what a node wants done. `arrival`: the port and packet of a frame whose capture record is still open.
  mutating func settle(_ node: Int, arrival: (place: Int, packetID: UInt64)?) {
    if let arrival { closeRecord(of: node, arrival.place, arrival.packetID) }
    // What it received comes before what it does about it.
    if !effects.observations.isEmpty { takeObservations(node) }
    let firstPort = nodes[node].firstPort
    var index = 0
    while index < effects.count {
      let entry = effects[index]
      index &+= 1
      let frame = Frame(stored: entry.frame)
      let place = firstPort &+ entry.port.index
      if entry.verdict == .transmit {
        transmit(frame, from: node, at: place, entry)
      } else {
        // The arrival's own drop is in its record already.
        let recorded = arrival.map { $0.place == place && $0.packetID == frame.packetID } ?? false
        // What a node made itself never came in.
        let cameIn = frame.packetID != 0
        drop(frame, at: place, entry.reason, entry.detail, recorded: recorded, inbound: cameIn)
      }
    }
    effects.removeAll()
    if floods.isBuilt { touched(node) }
    if !probing.isEmpty { lookForProbeResults(node) }
    reschedule(node)
  }

  mutating func transmit(_ frame: consuming Frame, from node: Int, at place: Int, _ entry: Effects.Entry) {
    if frame.packetID == 0 {
      packetCounts[node] &+= 1
      frame.packetID = UInt64(node &+ 1) << 32 | packetCounts[node]
    }
    ports[place].counters.transmitted &+= 1
    ports[place].counters.transmittedBytes &+= UInt64(frame.count)
    if fingerprint != nil { fingerprint?.add(.left, of: frame.bytes, at: place, now: now) }
    let staged = captures != nil && stageDeparture(frame, of: node, at: place)
    if staged, entry.noteCount > 0 { writeNotes(entry, node, place) }
    if frame.trace != 0 {
      trace(frame.trace, .sent, packetID: frame.packetID, node: node, place: place, staged: staged)
      if isExplained(frame) { explainTransmission(frame, node, place, entry) }
    }
    let link = ports[place].linkOut
    guard link >= 0 else { return lose(frame, at: place, .noLink, staged: staged) }
    if nodes[node].kind == .machine, hold(frame, node, link, entry.port.index) {
      tellWire(node, link, entry.port.index)
      if staged { commit(place, dropped: false) }
      return
    }
    let outcome = links[link].send(frame, now: now)
    if nodes[node].kind == .machine { tellWire(node, link, entry.port.index) }
    switch outcome {
    case .sent:
      if nodes[node].kind == .machine {
        machines[nodes[node].index].interfaces[entry.port.index].countTransmitted(frame.count)
      }
      if floods.isBuilt { floods.sentSingly(link, arrival: links[link].lastArrival.rawValue) }
      scheduleLink(link)
      if staged { commit(place, dropped: false) }
    case .dropped(let reason):
      var isRing = false
      if nodes[node].kind == .machine {
        let machine = nodes[node].index
        machines[machine].interfaces[entry.port.index].countDropped()
        isRing = reason == .queueFull && machines[machine].interfaces[entry.port.index].transmitCapacity > 0
      }
      lose(frame, at: place, isRing ? .txRingFull : reason, staged: staged)
    }
  }

  /// A frame that left its port and got no further: its outbound record says why.
  private mutating func lose(_ frame: borrowing Frame, at place: Int, _ reason: DropReason, staged: Bool) {
    drops.count(reason, port: place)
    if fingerprint != nil { fingerprint?.add(.dropped(reason), of: frame.bytes, at: place, now: now) }
    if explain != nil { explainLoss(frame, at: place, reason) }
    if staged { writeDrop(place, node: ports[place].node, reason, .none, isHarmless: false) }
    if frame.trace != 0, !isBystander(frame.bytes, at: place) {
      trace(
        frame.trace, .dropped(reason, .none), packetID: frame.packetID, node: ports[place].node, place: place,
        staged: staged)
    }
    if staged { commit(place, dropped: true) }
  }

  mutating func drop(
    _ frame: consuming Frame, at place: Int, _ reason: DropReason, _ detail: DropDetail, recorded: Bool,
    inbound: Bool = true
  ) {
    let isHarmless = isHarmless(frame.bytes, at: place, reason, detail)
    drops.count(reason, port: place, isHarmless: isHarmless)
    if fingerprint != nil { fingerprint?.add(.dropped(reason), of: frame.bytes, at: place, now: now) }
    if explain != nil, reason.meaning == .accident { explainLoss(frame, at: place, reason) }
    guard !recorded else { return }
    // It was dropped later than it came (or nothing stands open): a record of its own shows it with the reason. What a
    // machine sent to itself was on no cable, and is in no capture.
    let isLoopback = frame.count >= 12 && frame.bytes.mac(0) == frame.bytes.mac(6)
    let staged = captures != nil && !isLoopback && stageDrop(frame, at: place, inbound: inbound)
    if staged { writeDrop(place, node: ports[place].node, reason, detail, isHarmless: isHarmless) }
    if frame.trace != 0, !isBystander(frame.bytes, at: place) {
      trace(
        frame.trace, .dropped(reason, detail), packetID: frame.packetID, node: ports[place].node, place: place,
        staged: staged)
    }
    if staged { commit(place, dropped: !isHarmless) }
  }

  // MARK: Transmit rings

  /// Tells a machine's sockets when all that the machine has sent will have left: they needn't fill their own queue.
  @inline(__always)
  private mutating func tellWire(_ node: Int, _ link: Int, _ port: Int) {
    guard let rate = links[link].parameters.rate else { return }
    let machine = nodes[node].index
    var freeAt = links[link].wireFreeAt
    let waiting = machines[machine].interfaces[port].octetsToTransmit
    if waiting > 0 { freeAt = freeAt + Wire.time(octets: waiting, rate: rate) }
    machines[machine].guest.wire(of: port, rate: rate, freeAt: freeAt)
  }

  /// Puts a frame into the NIC's transmit ring when the wire has no room (or others wait already). False: not needed, or
  /// no room there either.
  private mutating func hold(_ frame: borrowing Frame, _ node: Int, _ link: Int, _ port: Int) -> Bool {
    let machine = nodes[node].index
    guard machines[machine].interfaces[port].transmitCapacity > 0 else { return false }
    let waiting = machines[machine].interfaces[port].waitingToTransmit > 0
    guard waiting || !links[link].hasRoom(for: frame.count, now: now) else { return false }
    guard machines[machine].interfaces[port].canHoldTransmission else { return false }
    machines[machine].interfaces[port].holdTransmission(frame.share())
    machines[machine].retryAt = min(machines[machine].retryAt, links[link].nextDeparture(now: now))
    return true
  }

  private mutating func drainTransmitRings(_ node: Int) {
    let machine = nodes[node].index
    machines[machine].retryAt = .never
    for port in machines[machine].interfaces.indices {
      let place = nodes[node].firstPort + port
      let link = ports[place].linkOut
      guard link >= 0 else { continue }
      while let count = machines[machine].interfaces[port].nextTransmission {
        guard links[link].hasRoom(for: count, now: now) else {
          machines[machine].retryAt = min(machines[machine].retryAt, links[link].nextDeparture(now: now))
          break
        }
        guard let frame = machines[machine].interfaces[port].takeTransmission() else { break }
        switch links[link].send(frame, now: now) {
        case .sent: machines[machine].interfaces[port].countTransmitted(frame.count)
        case .dropped(let reason): drop(frame, at: place, reason, .none, recorded: false, inbound: false)
        }
      }
      queue.schedule(Source.link(link), at: links[link].deadline)
    }
  }
}
