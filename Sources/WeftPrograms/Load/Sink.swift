import WeftCore
import WeftWire

/// Takes in all that comes by TCP and UDP, counts it, and checks whether streams are as `bulk` sends them.
struct Sink: GuestBehaviour {
  /// Of one connection: how much came, and whether it was the pattern so far.
  private struct Stream: Codable {
    var received: UInt64 = 0
    var isPattern = true
  }

  let port: UInt16
  let owner: SocketOwner
  var report: ProgramReport
  private(set) var deadline: Instant
  private var streams: [Stream] = []
  private var free: [UInt32] = []
  private var firstByte = Instant.never
  private var lastByte = Instant.start

  init(port: UInt16, owner: SocketOwner, index: Int, start: Instant) {
    self.port = port
    self.owner = owner
    deadline = start
    report = ProgramReport(index: index, title: "sink :\(port)", state: .waiting)
  }

  mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    deadline = .never
    let isBound = stack.tcp.listen(port, owner) && stack.bindDatagrams(port, owner)
    report.state = isBound ? .running : .failed("port \(port) in use")
    report.startedAt = now
  }

  @inline(__always)
  mutating func datagram(_ length: Int, now: Instant) {
    report.requests &+= 1
    count(length, now: now)
  }

  @inline(__always)
  private mutating func count(_ length: Int, now: Instant) {
    report.bytesIn &+= UInt64(length)
    if firstByte == .never { firstByte = now }
    lastByte = now
  }

  /// Bits per second between the first and the last byte.
  var throughput: UInt64? {
    guard firstByte < lastByte else { return nil }
    return bitsPerSecond(report.bytesIn, in: lastByte - firstByte)
  }

  mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    if events.contains(.connected) {
      report.requests &+= 1
      let slot: UInt32
      if let free = free.popLast() {
        slot = free
        streams[Int(slot)] = Stream()
      } else {
        slot = UInt32(streams.count)
        streams.append(Stream())
      }
      // 0 stands for none.
      stack.setCookie(id, slot + 1)
    }
    let slot = Int(stack.cookie(id)) - 1
    let length = stack.readable(id)
    if length > 0 {
      if streams.indices.contains(slot), streams[slot].isPattern {
        if stack.matchesPattern(id, length, offset: streams[slot].received) {
          streams[slot].received &+= UInt64(length)
          report.patternBytes &+= UInt64(length)
        } else {
          streams[slot].isPattern = false
        }
      }
      stack.discard(id)
      count(length, now: now)
    }
    if events.contains(.peerClosed) { stack.shutdown(id) }
    if events.contains(.closed), streams.indices.contains(slot) {
      stack.setCookie(id, 0)
      free.append(UInt32(slot))
    }
  }
}

extension Sink {
  /// Of a decoded one: free places that are there. A socket's place is its cookie.
  var isConsistent: Bool { Set(free).count == free.count && free.allSatisfy { $0 < streams.count } }
}
