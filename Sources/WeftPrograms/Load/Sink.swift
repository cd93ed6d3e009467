import WeftCore
import WeftSettings
import WeftStack
import WeftWire

/// Takes in all that comes by TCP and UDP, counts it, and checks whether streams are as `bulk` sends them.
public struct Sink: GuestProgram {
  public static let name = "sink"

  public struct Settings: Codable, Sendable {
    /// Where it listens.
    public var port: UInt16

    public init(port: UInt16) { self.port = port }
  }

  /// Of one connection: how much came, and whether it was the pattern so far.
  private struct Stream: Codable {
    var received: UInt64 = 0
    var isPattern = true
  }

  let port: UInt16
  let tag: UInt64
  private var counts: ProgramReport
  public private(set) var deadline: Instant
  private var streams: [Stream] = []
  private var free: [UInt32] = []
  private var firstByte = Instant.never
  private var lastByte = Instant.start

  public init(_ settings: Settings, _ place: Placement) {
    port = settings.port
    tag = place.tag
    deadline = place.start
    counts = ProgramReport(index: place.index, title: "sink :\(port)", state: .waiting)
  }

  public var report: ProgramReport {
    var report = counts
    report.throughput = throughput
    return report
  }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    deadline = .never
    let isBound = stack.listen(port, tag: tag) && stack.bindDatagrams(port, tag: tag, hearsGroups: true)
    counts.state = isBound ? .running : .failed("port \(port) in use")
    counts.startedAt = now
  }

  public mutating func datagram(
    _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    counts.requests &+= 1
    count(payload.byteCount, now: now)
  }

  @inline(__always)
  private mutating func count(_ length: Int, now: Instant) {
    counts.bytesIn &+= UInt64(length)
    if firstByte == .never { firstByte = now }
    lastByte = now
  }

  /// Bits per second between the first and the last byte.
  private var throughput: UInt64? {
    guard firstByte < lastByte else { return nil }
    return bitsPerSecond(counts.bytesIn, in: lastByte - firstByte)
  }

  public mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    if events.contains(.connected) {
      counts.requests &+= 1
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
        let start = streams[slot].received
        if stack.peek(id, length, { Pattern.matches($0, offset: start &+ UInt64($1)) }) {
          streams[slot].received &+= UInt64(length)
          counts.patternBytes &+= UInt64(length)
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
  public var isConsistent: Bool { Set(free).count == free.count && free.allSatisfy { $0 < streams.count } }
}

extension SinkSettings: RunnableSettings {
  public typealias Machine = Sink

  public func settings(_ target: (Destination) -> Target) -> Sink.Settings {
    .init(port: port)
  }
}
