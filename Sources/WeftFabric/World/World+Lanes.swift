import WeftCore
import WeftGuest

// The making and unmaking of lanes, and what was counted in them.
extension World {
  /// One for each switch and delay: cables without rate and chance, to machines, with nobody capturing at either end.
  mutating func buildLanes() {
    var plans: [FloodTable.Plan] = []
    var lanes: [(delay: UInt64, targets: [FloodTable.Target])] = []
    for node in nodes.indices where nodes[node].kind == .virtualSwitch {
      var byDelay: [UInt64: [FloodTable.Target]] = [:]
      var singles: [Int] = []
      for port in 0..<nodes[node].portCount {
        let place = nodes[node].firstPort + port
        let link = ports[place].linkOut
        guard link >= 0, links[link].onlyDelays, ports[place].capture < 0, ports[ends[link].to].capture < 0,
          nodes[ends[link].toNode].kind == .machine
        else {
          singles.append(port)
          continue
        }
        let end = ends[link]
        let interfaces = machines[nodes[end.toNode].index].interfaces
        byDelay[links[link].parameters.delay.rawValue, default: []].append(
          FloodTable.Target(
            link: UInt32(link), place: UInt32(end.to), mac: interfaces[end.toPort.index].mac.rawValue))
      }
      let first = lanes.count
      for (delay, targets) in byDelay.sorted(by: { $0.key < $1.key }) {
        lanes.append((delay, targets.sorted { $0.link < $1.link }))
      }
      plans.append(FloodTable.Plan(lanes: first..<lanes.count, singles: singles))
    }
    floods = FloodTable(plans: plans, lanes: lanes, links: links.count)
    for (_, targets) in lanes {
      for target in targets {
        floods.largestFrame = min(floods.largestFrame, links[Int(target.link)].parameters.largestFrame)
      }
    }
    for link in links.indices where floods.laneOfLink[link] >= 0 {
      // What is in the cable already counts as sent at one moment: the first floods leave it well alone.
      for _ in 0..<links[link].inFlight { floods.sentSingly(link, arrival: links[link].lastArrival.rawValue) }
    }
  }

  /// A cable changes, or a capture begins: what is under way goes on in the cables themselves, and the lanes are made
  /// anew when the next flood needs them.
  mutating func dissolveLanes() {
    guard floods.isBuilt else { return }
    bookFloods()
    for (link, flight) in floodedFlights.reversed() { links[link].insert(flight.frame.share(), flight.departure, flight.arrival) }
    floods = FloodTable()
    for link in links.indices { queue.schedule(Source.link(link), at: max(links[link].deadline, now)) }
  }

  /// All cables as they would be had every frame gone by itself.
  var linksWithFloods: [Link] {
    var all = links.array
    for (link, flight) in floodedFlights.reversed() { all[link].insert(flight.frame.copy(), flight.departure, flight.arrival) }
    return all
  }

  private var floodedFlights: [(link: Int, flight: (frame: StoredFrame, departure: UInt64, arrival: UInt64))] {
    var flights: [(link: Int, flight: (frame: StoredFrame, departure: UInt64, arrival: UInt64))] = []
    for lane in 0..<floods.laneCount {
      let place = floods.lanes + lane
      for index in place.pointee.head..<place.pointee.end {
        let group = place.pointee.groups[index]
        guard group.cursor < place.pointee.count else { continue }
        for target in group.cursor..<place.pointee.count where !group.leftOut.contains(target) {
          flights.append(
            (Int(place.pointee.targets[target].link), (group.frame, group.departure, group.arrival)))
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
    let link = Int(target.pointee.link)
    let frames = lane.pointee.sentFrames &- lane.pointee.leftOutFrames[index]
    let bytes = lane.pointee.sentBytes &- lane.pointee.leftOutBytes[index]
    lane.pointee.leftOutFrames[index] = 0
    lane.pointee.leftOutBytes[index] = 0
    if frames > 0 {
      links[link].countFlooded(frames, bytes)
      ports[ends[link].from].counters.transmitted &+= frames
      ports[ends[link].from].counters.transmittedBytes &+= bytes
    }
    guard target.pointee.frames > 0 || target.pointee.stopped > 0 else { return }
    let port = Int(target.pointee.place)
    ports[port].counters.received &+= UInt64(target.pointee.frames) &+ UInt64(target.pointee.stopped)
    ports[port].counters.receivedBytes &+= target.pointee.bytes &+ target.pointee.stoppedBytes
    let machine = nodes[ends[link].toNode].index
    machines[machine].interfaces[ends[link].toPort.index].countFlooded(
      received: UInt64(target.pointee.frames), target.pointee.bytes, dropped: UInt64(target.pointee.stopped))
    drops.count(.portClosed, port: port, times: target.pointee.closed, isHarmless: true)
    drops.count(.notForUs, port: port, times: target.pointee.foreign, isHarmless: true)
    drops.count(.dhcpNotForUs, port: port, times: target.pointee.foreignDHCP, isHarmless: true)
    drops.count(.machineStopped, port: port, times: target.pointee.stopped, isHarmless: true)
    target.pointee.stopped = 0
    target.pointee.stoppedBytes = 0
    target.pointee.frames = 0
    target.pointee.bytes = 0
    target.pointee.closed = 0
    target.pointee.foreign = 0
    target.pointee.foreignDHCP = 0
  }
}
