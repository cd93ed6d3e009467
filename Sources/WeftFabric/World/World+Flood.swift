import WeftCore
import WeftGuest
import WeftPrograms
import WeftStack
import WeftSwitch
import WeftWire

// Floods by lanes: see `FloodTable`. That a frame went with many others or by itself is never to be seen from outside;
// FloodTests runs labs both ways and compares all of their state.
extension World {
  // MARK: Sending

  /// Whether a frame may go by lanes: there are some, and nobody follows it.
  private mutating func canFlood(_ frame: borrowing Frame, from bridge: ID<VirtualSwitch>) -> Bool {
    guard floodsTogether, frame.trace == 0, recorder.explain == nil else { return false }
    if !floods.isBuilt { buildLanes() }
    guard frame.count <= floods.largestFrame else { return false }
    return floods.plans[bridge].map { !$0.lanes.isEmpty } ?? false
  }

  /// Sends a frame out of every port of a node but the one that it came in on.
  @inline(never)
  mutating func flood(
    _ frame: borrowing Frame, from node: NodeID, except port: PortIndex, _ deadline: inout Instant
  ) {
    guard let bridge = graph.nodes[node].element.virtualSwitch, canFlood(frame, from: bridge),
      let plan = floods.plans[bridge]
    else {
      for index in 0..<graph.nodes[node].portCount where index != port.index {
        let egress = graph.port(PortIndex(index), of: node)
        if !graph.ports[egress].isRemoved { transmitSingly(frame, from: node, at: egress, &deadline) }
      }
      return
    }
    number(frame.stored, of: node)
    for single in plan.singles where single != port {
      transmitSingly(frame, from: node, at: graph.port(single, of: node), &deadline)
    }
    let summary = BroadcastSummary(frame)
    let ingress = graph.ports[graph.port(port, of: node)].link
    for lane in plan.lanes { send(frame, summary, into: lane, ingress: ingress) }
  }

  /// The filters of a machine's NICs are to be asked for again.
  @inline(never)
  mutating func touched(_ node: NodeID) {
    graph.nodes[node].isFiltered = false
    // The lanes may be gone since.
    guard floods.isBuilt else { return }
    for index in 0..<graph.nodes[node].portCount {
      if let link = graph.ports[graph.port(PortIndex(index), of: node)].link {
        floods.touched(linkTo: graph.ends[link].reverse)
      }
    }
  }

  private mutating func transmitSingly(
    _ frame: borrowing Frame, from node: NodeID, at port: PortID, _ deadline: inout Instant
  ) {
    let entry = Effects.Entry(transmit: frame.share().store(), on: graph.ports[port].index)
    transmit(entry, from: node, at: port, &deadline)
  }

  private mutating func send(
    _ frame: borrowing Frame, _ summary: BroadcastSummary, into lane: Int, ingress: LinkID?
  ) {
    let place = floods.lanes + lane
    let arrival = now.rawValue.addingReportingOverflow(place.pointee.delay)
    var leftOut = FloodTable.LeftOut()
    var isSingle = arrival.overflow || place.pointee.end - place.pointee.head >= 1 << 16
    if place.pointee.hasSingles { isSingle = !findSingles(place, arrival.partialValue, &leftOut) || isSingle }
    let queued = leftOut
    if let ingress, floods.lane(of: ingress) == lane { isSingle = !leftOut.insert(floods.target(of: ingress)) || isSingle }
    if isSingle {
      for target in 0..<place.pointee.count where place.pointee.targets[target].link != ingress {
        transmitSingly(to: place.pointee.targets[target].link, frame)
      }
      return
    }
    queued.forEach { target in
      let link = place.pointee.targets[target].link
      if link != ingress { transmitSingly(to: link, frame) }
    }
    let count = UInt64(frame.count)
    place.pointee.sentFrames &+= 1
    place.pointee.sentBytes &+= count
    place.pointee.isCounting = true
    leftOut.forEach { target in
      place.pointee.leftOutFrames[target] &+= 1
      place.pointee.leftOutBytes[target] &+= count
    }
    var group = FloodTable.Group(
      frame: frame.share().store(), summary: summary, departure: now.rawValue, arrival: arrival.partialValue,
      cursor: -1, leftOut: leftOut)
    group.cursor = place.following(-1, group)
    floods.append(group, to: lane)
    if !place.pointee.isRunning { enqueue(lane) }
  }

  private mutating func transmitSingly(to link: LinkID, _ frame: borrowing Frame) {
    let port = graph.ends[link].from
    // A switch has none.
    var deadline = Instant.never
    transmitSingly(frame, from: graph.ports[port].node, at: port, &deadline)
  }

  /// The cables with a frame, sent by itself, that arrives at this moment: the flood queues up there behind it. False
  /// where they are too many, or one arrives later: then floods of that moment go singly too.
  private func findSingles(
    _ lane: UnsafeMutablePointer<FloodTable.Lane>, _ arrival: UInt64, _ leftOut: inout FloodTable.LeftOut
  ) -> Bool {
    lane.pointee.hasSingles = false
    var isPossible = true
    for target in 0..<lane.pointee.count {
      let link = lane.pointee.targets[target].link
      guard links[link].deadline != .never else { continue }
      lane.pointee.hasSingles = true
      let last = links[link].lastArrival.rawValue
      guard last >= arrival else { continue }
      // One of the four places is the ingress port's.
      isPossible = isPossible && last == arrival && leftOut.insert(target) && !leftOut.isFull
    }
    return isPossible
  }

  // MARK: In the event queue

  /// When the link's next frame arrives; its lane's counts where the link is the lane's next.
  @inline(__always)
  func deadline(ofLink link: LinkID) -> Instant {
    guard floods.isBuilt, let lane = floods.lane(of: link), floods.lanes[lane].waiting == floods.target(of: link) else {
      return links[link].deadline
    }
    return min(links[link].deadline, Instant(floods.lanes[lane].waitingUntil))
  }

  @inline(__always)
  mutating func scheduleLink(_ link: LinkID) { scheduler.schedule(link, at: deadline(ofLink: link)) }

  /// Puts the lane's next link into the queue in place of the one that stands there for it.
  private mutating func enqueue(_ lane: Int) {
    let place = floods.lanes + lane
    let before = place.pointee.waiting
    let first = place.first
    place.pointee.waiting = first?.target ?? -1
    place.pointee.waitingUntil = first?.arrival ?? .max
    if before >= 0, before != place.pointee.waiting { scheduleLink(place.pointee.targets[before].link) }
    if let first { scheduleLink(place.pointee.targets[first.target].link) }
  }

  // MARK: Arriving

  /// A link of a lane is due: what comes over it by itself and by the lane, then what the lane has for the links after
  /// it, as long as nothing else is due before those.
  @inline(never)
  mutating func arriveFlooded(_ link: LinkID, lane: Int) {
    let place = floods.lanes + lane
    let target = floods.target(of: link)
    let isOurs = place.pointee.waiting == target && place.pointee.waitingUntil <= now.rawValue
    place.pointee.isRunning = true
    if isOurs { place.pointee.waiting = -1 }
    takeAll(link, target, lane)
    // What has come for this link meanwhile is in the queue; what is due for others in the lane goes on below.
    scheduleLink(link)
    if isOurs { goOn(lane) }
    place.pointee.isRunning = false
    floods.retire(lane)
    enqueue(lane)
  }

  private mutating func takeAll(_ link: LinkID, _ target: Int, _ lane: Int) {
    let place = floods.lanes + lane
    var found = true
    while found {
      found = false
      var index = place.pointee.head
      while index < place.pointee.end, place.pointee.groups[index].arrival <= now.rawValue {
        if place.pointee.groups[index].cursor == target {
          place.pointee.groups[index].cursor = place.following(target, place.pointee.groups[index])
          if !reject(place.pointee.groups + index, place.pointee.targets + target) {
            hear(place.pointee.groups[index].frame, place.pointee.targets + target)
          }
          found = true
        }
        index += 1
      }
      while let frame = links[link].arrive(now: now) {
        found = true
        deliver(frame, to: graph.ends[link].toNode, on: graph.ends[link].toPort)
      }
    }
  }

  /// The links after the one that was due.
  private mutating func goOn(_ lane: Int) {
    let place = floods.lanes + lane
    let targets = place.pointee.targets
    floods.retire(lane)
    while !hasProbeNews, let first = place.first, first.arrival <= now.rawValue {
      // Nothing is put into the queue by what is only counted, so that this holds until something is delivered.
      let limit = scheduler.firstDue(at: now)
      // Those at the first target go together, as far as the next one stands.
      var until = place.pointee.count
      var index = place.pointee.head
      while index < place.pointee.end, place.pointee.groups[index].arrival <= now.rawValue {
        let cursor = place.pointee.groups[index].cursor
        if cursor > first.target { until = min(until, cursor) }
        index += 1
      }
      let end = index
      var target = first.target
      while target < until {
        let link = targets[target].link
        guard Scheduler.rank(link) < limit else { return }
        var heard = false
        var isRejected = true
        index = place.pointee.head
        while index < end, isRejected {
          if place.pointee.groups[index].cursor == target {
            heard = true
            isRejected = reject(place.pointee.groups + index, targets + target)
            if isRejected {
              place.pointee.groups[index].cursor = place.following(target, place.pointee.groups[index])
            }
          }
          index += 1
        }
        if heard { eventCount &+= 1 }
        if !isRejected {
          takeAll(link, target, lane)
          break
        }
        target += 1
      }
      floods.retire(lane)
    }
  }

  private mutating func hear(
    _ frame: StoredFrame, _ target: UnsafeMutablePointer<FloodTable.Target>
  ) {
    let link = target.pointee.link
    deliver(frame.share(), to: graph.ends[link].toNode, on: graph.ends[link].toPort)
  }

  /// Does what the guest would do, if that is nothing but counting.
  @inline(__always)
  private mutating func reject(
    _ group: UnsafeMutablePointer<FloodTable.Group>, _ target: UnsafeMutablePointer<FloodTable.Target>
  ) -> Bool {
    if target.pointee.state == .unknown { refresh(target) }
    switch target.pointee.state {
    case .filtered:
      switch target.pointee.filter.verdict(group.pointee.summary, mac: MACAddress(rawValue: target.pointee.mac)) {
      case .deliver: return false
      case .ignore: break
      case .drop(.portClosed): target.pointee.closed &+= 1
      case .drop(.dhcpNotForUs): target.pointee.foreignDHCP &+= 1
      case .drop: target.pointee.foreign &+= 1
      }
      target.pointee.frames &+= 1
      target.pointee.bytes &+= UInt64(group.pointee.frame.count)
    case .stopped:
      target.pointee.stopped &+= 1
      target.pointee.stoppedBytes &+= UInt64(group.pointee.frame.count)
    case .open, .unknown: return false
    }
    return true
  }

  @inline(never)
  private mutating func refresh(_ target: UnsafeMutablePointer<FloodTable.Target>) {
    let end = graph.ends[target.pointee.link]
    target.pointee.state = .open
    // Until something happens to it.
    graph.nodes[end.toNode].isFiltered = true
    guard let machine = machine(end.toNode) else { return }
    switch elements.machines[machine].state {
    case .stopped, .saved, .crashed: target.pointee.state = .stopped
    case .paused, .shuttingDown, .migrating: break
    case .running:
      guard let filter = elements.machines[machine].guest.stack.receiveFilter(of: end.toPort) else { return }
      target.pointee.filter = filter
      target.pointee.state = .filtered
    }
  }
}
