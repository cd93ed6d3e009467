import WeftCore
import WeftPrograms
import WeftSwitch

// The making and unmaking of lanes, and what was counted in them.
extension World {
  /// One for each switch and delay: cables without rate and chance, to machines, with nobody capturing at either end.
  mutating func buildLanes() {
    var plans: [ID<VirtualSwitch>: FloodTable.Plan] = [:]
    var lanes: [(delay: UInt64, targets: [FloodTable.Target])] = []
    for node in graph.nodes.ids {
      guard let bridge = graph.nodes[node].element.virtualSwitch else { continue }
      var byDelay: [UInt64: [FloodTable.Target]] = [:]
      var singles: [PortIndex] = []
      for port in graph.nodes[node].ports where !graph.ports[port].isRemoved {
        guard let link = graph.ports[port].link, let target = floodTarget(of: link) else {
          singles.append(graph.ports[port].index)
          continue
        }
        byDelay[links[link].parameters.delay.rawValue, default: []].append(target)
      }
      let first = lanes.count
      for (delay, targets) in byDelay.sorted(by: { $0.key < $1.key }) {
        lanes.append((delay, targets.sorted { $0.link < $1.link }))
      }
      plans[bridge] = FloodTable.Plan(lanes: first..<lanes.count, singles: singles)
    }
    floods = FloodTable(plans: plans, lanes: lanes, links: links.count)
    for (_, targets) in lanes {
      for target in targets {
        floods.largestFrame = min(floods.largestFrame, links[target.link].parameters.largestFrame)
      }
    }
    // What is in the cables already was sent by itself.
    for link in links.ids where links[link].inFlight > 0 { floods.sentSingly(link) }
  }

  /// Nil of a cable that does more than delay, is captured, or doesn't lead to a machine.
  private func floodTarget(of link: LinkID) -> FloodTable.Target? {
    let end = graph.ends[link]
    guard links[link].onlyDelays, graph.ports[end.from].capture == nil, graph.ports[end.to].capture == nil,
      let machine = machine(end.toNode), elements.machines[machine].work == nil
    else { return nil }
    let mac = elements.machines[machine].interfaces[end.toPort.index].mac
    return FloodTable.Target(link: link, port: end.to, mac: mac.rawValue)
  }

  /// A cable changes, or a capture begins: what is under way goes on in the cables themselves, and the lanes are made
  /// anew when the next flood needs them.
  mutating func dissolveLanes() {
    guard floods.isBuilt else { return }
    bookFloods()
    for (link, flight) in floodedFlights.reversed() { links[link].insert(flight.frame.share(), flight.departure, flight.arrival) }
    floods = FloodTable()
    for link in links.ids { scheduler.schedule(link, at: max(links[link].deadline, now)) }
  }

  /// All cables as they would be had every frame gone by itself.
  var linksWithFloods: [Link] {
    var all = links.array
    for (link, flight) in floodedFlights.reversed() {
      all[link.index].insert(flight.frame.copy(), flight.departure, flight.arrival)
    }
    return all
  }

  private var floodedFlights: [(link: LinkID, flight: (frame: StoredFrame, departure: UInt64, arrival: UInt64))] {
    var flights: [(link: LinkID, flight: (frame: StoredFrame, departure: UInt64, arrival: UInt64))] = []
    for lane in 0..<floods.laneCount {
      let place = floods.lanes + lane
      for index in place.pointee.head..<place.pointee.end {
        let group = place.pointee.groups[index]
        guard group.cursor < place.pointee.count else { continue }
        for target in group.cursor..<place.pointee.count where !group.leftOut.contains(target) {
          flights.append(
            (place.pointee.targets[target].link, (group.frame, group.departure, group.arrival)))
        }
      }
    }
    return flights
  }

  /// Brings what was counted in the lanes to the counters of ports, NICs and cables. Before anybody reads those.
  mutating func bookFloods() {
    for lane in 0..<floods.laneCount where floods.lanes[lane].isCounting {
      let place = floods.lanes + lane
      for index in 0..<place.pointee.count { book(place, index) }
      place.pointee.sentFrames = 0
      place.pointee.sentBytes = 0
      // What is still under way will be counted as it arrives.
      place.pointee.isCounting = place.pointee.head < place.pointee.end
    }
  }

  private mutating func book(_ lane: UnsafeMutablePointer<FloodTable.Lane>, _ index: Int) {
    let target = lane.pointee.targets + index
    let link = target.pointee.link
    let frames = lane.pointee.sentFrames &- lane.pointee.leftOutFrames[index]
    let bytes = lane.pointee.sentBytes &- lane.pointee.leftOutBytes[index]
    lane.pointee.leftOutFrames[index] = 0
    lane.pointee.leftOutBytes[index] = 0
    if frames > 0 {
      links[link].countFlooded(frames, bytes)
      graph.ports[graph.ends[link].from].counters.transmitted &+= frames
      graph.ports[graph.ends[link].from].counters.transmittedBytes &+= bytes
    }
    guard target.pointee.frames > 0 || target.pointee.stopped > 0 else { return }
    let port = target.pointee.port
    graph.ports[port].counters.received &+= UInt64(target.pointee.frames) &+ UInt64(target.pointee.stopped)
    graph.ports[port].counters.receivedBytes &+= target.pointee.bytes &+ target.pointee.stoppedBytes
    if let machine = machine(graph.ends[link].toNode) {
      elements.machines[machine].interfaces[graph.ends[link].toPort.index].countFlooded(
        received: UInt64(target.pointee.frames), target.pointee.bytes, dropped: UInt64(target.pointee.stopped))
    }
    recorder.drops.count(.portClosed, port: port, times: target.pointee.closed, isHarmless: true)
    recorder.drops.count(.notForUs, port: port, times: target.pointee.foreign, isHarmless: true)
    recorder.drops.count(.dhcpNotForUs, port: port, times: target.pointee.foreignDHCP, isHarmless: true)
    recorder.drops.count(.machineStopped, port: port, times: target.pointee.stopped, isHarmless: true)
    target.pointee.stopped = 0
    target.pointee.stoppedBytes = 0
    target.pointee.frames = 0
    target.pointee.bytes = 0
    target.pointee.closed = 0
    target.pointee.foreign = 0
    target.pointee.foreignDHCP = 0
  }
}
