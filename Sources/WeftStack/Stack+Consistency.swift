import WeftCore

// A decoded stack whose parts contradict each other would stop the program sooner or later: an index that names
// nothing, a sequence number outside the buffer. Each part says whether it could have come about.

extension Stack {
  /// Always true of a stack that was not decoded. `knows`: whether a tag is somebody's.
  public func isConsistent(_ knows: (UInt64) -> Bool) -> Bool {
    ip.isConsistent && tcp.isConsistent(knows) && ip.interfaces.count == configuration.interfaces.count
      && datagramBindings.allSatisfy { knows($0.tag) } && echoBindings.allSatisfy { knows($0.tag) } && polled == nil
  }
}

extension TCPLayer {
  /// That every number names a connection, every tag an owner.
  func isConsistent(_ knows: (UInt64) -> Bool) -> Bool {
    let slots = UInt32(truncatingIfNeeded: connections.count)
    let used = table.unordered.map(\.value)
    return (free + pending + timers.connections + used).allSatisfy { $0 < slots }
      && Set(used + free).count == connections.count && used.count + free.count == connections.count
      && free.allSatisfy { connections[Int($0)].generation == 0 && connections[Int($0)].state == .closed }
      && table.unordered.allSatisfy { connections[Int($0.value)].key == $0.key }
      && connections.allSatisfy { $0.isConsistent && ($0.isOrphan || knows($0.tag)) }
      && listeners.allSatisfy { (0...Self.backlog).contains($0.halfOpen) && knows($0.tag) }
      && (0...connections.count).contains(timeWaits)
  }
}

extension IPLayer {
  var isConsistent: Bool {
    errorBudget.isConsistent && reassembly.isConsistent
      && interfaces.enumerated().allSatisfy { index, interface in
        interface.port.index == index && interface.neighbours.port.index == index
          && interface.neighbours.mac == interface.mac && interface.neighbours.address == interface.address
          // Kept beside what it is worked out from: were it earlier, there would be no end of waking.
          && interface.dhcpDeadline == interface.dhcp?.deadline ?? .never && interface.dhcp?.isConsistent ?? true
          && (68...1900).contains(interface.mtu) && interface.narrower.isConsistent
      }
  }
}

extension TCPConnection {
  var isConsistent: Bool {
    // Lengths far below what would overflow when they are added up.
    let lengths = [
      sendWindow, largestWindow, congestionWindow, countedBytes, duplicates, fullSegment,
    ]
    guard lengths.allSatisfy({ (0...1 << 40).contains($0) }), (0...Int.max / 2).contains(threshold),
      (1...1860).contains(ownSegmentSize), (1...ownSegmentSize).contains(segmentSize),
      (1...ownSegmentSize).contains(pathSegmentSize), sendShift <= 14,
      receiveShift <= 14, sendBuffer.count <= Self.sendLimit, receiveBuffer.count <= Self.receiveLimit
    else { return false }
    guard (0...128).contains(attempts), generation != 0 || state == .closed else { return false }
    return (state == .closed || isConsistentSender) && (!state.canReceive || isConsistentReceiver)
  }

  /// What may be sent or sent again lies in the buffer, behind it at most a FIN's number and a probe.
  private var isConsistentSender: Bool {
    // What a connection no longer sends or doesn't yet is looked at by acknowledgments all the same.
    guard state.canSend else {
      // A SYN's number is the one before what is sent first, and nothing but it is acknowledged.
      let isOpening = state == .synSent || state == .synReceived
      return (-1...(1 << 30)).contains(unacknowledged.distance(from: sendBase))
        && (!isOpening || initialSend &+ 1 == sendBase && (-1...0).contains(highest.distance(from: sendBase)))
    }
    let end = sendBuffer.count + (finQueued ? 1 : 0)
    let first = unacknowledged.distance(from: sendBase)
    let following = next.distance(from: sendBase)
    let last = highest.distance(from: sendBase)
    return first >= 0 && first <= following && following <= last && last <= end + 1 && following <= end
  }

  /// What came out of order lies behind a hole, in order and within what was written of the buffer.
  private var isConsistentReceiver: Bool {
    var edge = expected
    for range in outOfOrder {
      guard range.start.isAfter(edge), range.end.isAfter(range.start),
        receiveBuffer.count + range.end.distance(from: expected) <= receiveBuffer.extent
      else { return false }
      edge = range.end
    }
    return outOfOrder.count <= Self.mostRanges
  }
}

extension DHCPClient {
  var isConsistent: Bool {
    guard (0...1 << 20).contains(attempts) else { return false }
    switch state {
    // They renew what they have.
    case .bound, .renewing, .rebinding: return lease != nil
    default: return true
    }
  }
}
