import WeftCore
import WeftGuest
import WeftSwitch
import WeftWire

// Floods by lanes: see `FloodTable`. That a frame went with many others or by itself is never to be seen from outside;
// FloodTests runs labs both ways and compares all of their state.
extension World {
  // MARK: Sending

  /// Whether a frame may go by lanes: there are some, and nobody follows it.
  mutating func canFlood(_ frame: borrowing Frame, from node: Int) -> Bool {
    guard floodsTogether, frame.trace == 0, explain == nil else { return false }
    if !floods.isBuilt { buildLanes() }
    guard frame.count <= floods.largestFrame else { return false }
    return !floods.plans[nodes[node].index].lanes.isEmpty
  }

  /// Sends a frame out of every port of a switch but one.
  mutating func flood(_ frame: borrowing Frame, from node: Int, except port: PortIndex) {
    let plan = floods.plans[nodes[node].index]
    if frame.packetID == 0 {
      packetCounts[node] &+= 1
      frame.packetID = UInt64(node &+ 1) << 32 | packetCounts[node]
    }
    let firstPort = nodes[node].firstPort
    for single in plan.singles where single != port.index { transmitSingly(frame, from: node, at: firstPort + single) }
    let summary = BroadcastSummary(frame)
    let ingress = ports[firstPort + port.index].linkOut
    for lane in plan.lanes { send(frame, summary, into: lane, from: node, ingress: ingress) }
  }

  /// The filters of a machine's NICs are to be asked for again.
  @inline(__always)
  func touched(_ node: Int) {
    guard nodes[node].kind == .machine else { return }
    for place in nodes[node].firstPort..<nodes[node].firstPort &+ nodes[node].portCount {
      // A cable's two directions have neighbouring numbers.
      if ports[place].linkOut >= 0 { floods.touched(linkTo: ports[place].linkOut ^ 1) }
    }
  }

  private mutating func transmitSingly(_ frame: borrowing Frame, from node: Int, at place: Int) {
    effects.transmit(frame.share(), on: PortIndex(place - nodes[node].firstPort))
    let entry = effects[effects.count - 1]
    effects.removeAll()
    transmit(Frame(stored: entry.frame), from: node, at: place, entry)
  }

  private mutating func send(
    _ frame: borrowing Frame, _ summary: BroadcastSummary, into lane: Int, from node: Int, ingress: Int
  ) {
    let place = floods.lanes + lane
    let arrival = now.rawValue.addingReportingOverflow(place.pointee.delay)
    var leftOut = FloodTable.LeftOut()
    var isSingle = arrival.overflow || place.pointee.end - place.pointee.head >= 1 << 16
    if place.pointee.single > 0, place.pointee.lastSingle >= arrival.partialValue {
      isSingle = isSingle || place.pointee.lastSingle > arrival.partialValue || place.pointee.tooManySingles
      leftOut = place.pointee.lastSingles
    }
    let queued = leftOut
    if ingress >= 0, floods.laneOfLink[ingress] == lane { isSingle = isSingle || !leftOut.insert(own(ingress)) }
    if isSingle {
      for target in 0..<place.pointee.count where Int(place.pointee.targets[target].link) != ingress {
        transmitSingly(frame, from: node, at: ends[Int(place.pointee.targets[target].link)].from)
      }
      return
    }
    queued.forEach { target in
      let link = Int(place.pointee.targets[target].link)
      if link != ingress { transmitSingly(frame, from: node, at: ends[link].from) }
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
    place.append(group)
    if !place.pointee.isRunning { enqueue(lane) }
  }

  private func own(_ link: Int) -> Int { Int(floods.targetOfLink[link]) }

  // MARK: In the event queue

  /// When the link's next frame arrives; its lane's counts where the link is the lane's next.
  @inline(__always)
  func deadline(ofLink link: Int) -> Instant {
    guard floods.isBuilt else { return links[link].deadline }
    let lane = Int(floods.laneOfLink[link])
    guard lane >= 0, floods.lanes[lane].waiting == Int(floods.targetOfLink[link]) else { return links[link].deadline }
    return min(links[link].deadline, Instant(floods.lanes[lane].waitingUntil))
  }

  @inline(__always)
  mutating func scheduleLink(_ link: Int) { queue.schedule(Source.link(link), at: deadline(ofLink: link)) }

  /// Puts the lane's next link into the queue in place of the one that stands there for it.
  private mutating func enqueue(_ lane: Int) {
    let place = floods.lanes + lane
    let before = place.pointee.waiting
    let first = place.first
    place.pointee.waiting = first?.target ?? -1
    place.pointee.waitingUntil = first?.arrival ?? .max
    if before >= 0, before != place.pointee.waiting { scheduleLink(Int(place.pointee.targets[before].link)) }
    if let first { scheduleLink(Int(place.pointee.targets[first.target].link)) }
  }

  // MARK: Arriving

  /// A link of a lane is due: what comes over it by itself and by the lane, then what the lane has for the links after
  /// it, as long as nothing else is due before those.
  @inline(never)
  mutating func arriveFlooded(_ link: Int, lane: Int) {
    let place = floods.lanes + lane
    let target = own(link)
    let isOurs = place.pointee.waiting == target && place.pointee.waitingUntil <= now.rawValue
    place.pointee.isRunning = true
    if isOurs { place.pointee.waiting = -1 }
    takeAll(link, target, lane)
    // What has come for this link meanwhile is in the queue; what is due for others in the lane goes on below.
    scheduleLink(link)
    if isOurs { goOn(lane) }
    place.pointee.isRunning = false
    place.retire()
    enqueue(lane)
  }

  private mutating func takeAll(_ link: Int, _ target: Int, _ lane: Int) {
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
        place.pointee.single -= 1
        found = true
        deliver(frame, to: ends[link].toNode, on: ends[link].toPort)
      }
    }
  }

  /// The links after the one that was due.
  private mutating func goOn(_ lane: Int) {
    let place = floods.lanes + lane
    let targets = place.pointee.targets
    place.retire()
    while !hasProbeResults, let first = place.first, first.arrival <= now.rawValue {
      // Nothing is put into the queue by what is only counted, so that this holds until something is delivered.
      let limit = queue.firstDue(at: now) ?? .max
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
        let link = Int(targets[target].link)
        guard Source.link(link) < limit else { return }
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
      place.retire()
    }
  }

  private mutating func hear(
    _ frame: StoredFrame, _ target: UnsafeMutablePointer<FloodTable.Target>
  ) {
    let link = Int(target.pointee.link)
    deliver(frame.share(), to: ends[link].toNode, on: ends[link].toPort)
  }

  /// Does what the guest would do, if that is nothing but counting.
  @inline(__always)
  private func reject(
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
  private func refresh(_ target: UnsafeMutablePointer<FloodTable.Target>) {
    let end = ends[Int(target.pointee.link)]
    let machine = nodes[end.toNode].index
    target.pointee.state = .open
    switch machines[machine].state {
    case .stopped: target.pointee.state = .stopped
    case .paused: break
    case .running:
      guard let filter = machines[machine].guest.receiveFilter(of: end.toPort) else { return }
      target.pointee.filter = filter
      target.pointee.state = .filtered
    }
  }
}
