import WeftCore

// A frame that is put into a cable without delay and rate arrives at the same moment. Where nothing else is due then, the event
// queue could but give back what it was just given: the frame goes on at once, past the cable's ring and the queue. Nothing of
// it shows: it is an event like others to the run that counts them, and to the watchdog.
extension World {
  /// Hands a frame on to the far end of a link that takes no time. False where its turn isn't sure to be next.
  @inline(__always)
  mutating func handOver(_ frame: StoredFrame, from node: NodeID, _ index: PortIndex, _ link: LinkID) -> Bool {
    guard scheduler.isQuiet(at: now), handsOver, eventsLeft > 0, now != watched,
      // Between two events the director looks at what befell its probes, and the watchdog at the frames.
      !hasProbeNews, recorder.losses.isEmpty, pool.outstanding <= Watchdog.frames,
      floods.underWay == 0 || floods.busyLane(of: link) == nil
    else { return false }
    let place = graph.nodes.place(of: node)
    if place.pointee.queuesFrames {
      guard let id = place.pointee.element.machine, !elements.machines[id].hasTransmitRing(index) else { return false }
      elements.machines[id].countTransmitted(frame.count, on: index)
    }
    links.place(of: link).pointee.countPassing(frame.count)
    handedOver = (link, frame)
    return true
  }

  /// Takes what was handed over on its way, and what comes of that.
  @inline(never)
  mutating func goOn() {
    // A circle that takes no time has an end where the watchdog can see it.
    var hops = 0
    while let (link, frame) = handedOver {
      handedOver = nil
      hops &+= 1
      eventsLeft &-= 1
      eventCount &+= 1
      // For the event; `deliver` counts the frame.
      delivered &+= 1
      let end = graph.end(of: link)
      deliver(frame, to: end.toNode, on: end.toPort, at: end.to, handsOver: hops < Watchdog.unseen)
    }
  }
}
