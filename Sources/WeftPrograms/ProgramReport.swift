import WeftCore
import WeftWire

/// What a program did, for the run's summary.
public struct ProgramReport: Codable, Sendable, Hashable {
  public enum State: Codable, Sendable, Hashable {
    /// Its start has not come, or what it needs (an address, a name) isn't there yet.
    case waiting
    case running
    /// Finite programs only.
    case done
    case failed(String)
    /// With its machine, which is off.
    case ended
  }

  /// Its place in the configuration.
  public var index: Int
  /// `http-server :80`
  public var title: String
  public var state: State
  /// Sent by a client, or received by a server.
  public var requests: UInt64 = 0
  /// Received by a client, or sent by a server.
  public var replies: UInt64 = 0
  public var failures: UInt64 = 0
  /// Of payload.
  public var bytesIn: UInt64 = 0
  public var bytesOut: UInt64 = 0
  /// A sink's: of the bytes in, those that came by TCP exactly as `bulk` sends them.
  public var patternBytes: UInt64 = 0
  public var rtt: RoundTrips?
  /// Payload bits per second over the time it ran.
  public var throughput: UInt64?
  /// Of the latest HTTP response.
  public var httpStatus: Int?
  /// The first 4 KiB of the latest HTTP response's body.
  public var httpBody: [UInt8]?
  /// A NAT probe's.
  public var findings: NATFindings?
  /// What else it has to say.
  public var note: String?
  public var startedAt: Instant?
  public var finishedAt: Instant?

  public init(index: Int, title: String, state: State) {
    self.index = index
    self.title = title
    self.state = state
  }
}

/// Round-trip times seen so far.
public struct RoundTrips: Codable, Sendable, Hashable {
  public private(set) var count: UInt64 = 0
  public private(set) var minimum = Nanoseconds(.max)
  public private(set) var maximum = Nanoseconds.zero
  private var sum = Nanoseconds.zero

  public init() {}

  public var average: Nanoseconds { count == 0 ? .zero : sum / count }

  public mutating func add(_ time: Nanoseconds) {
    count &+= 1
    minimum = min(minimum, time)
    maximum = max(maximum, time)
    sum = sum + time
  }
}

/// Of payload; as much as there are numbers for, where the time was next to nothing.
public func bitsPerSecond(_ bytes: UInt64, in time: Nanoseconds) -> UInt64 {
  guard time > .zero else { return 0 }
  return UInt64(min(Double(bytes) * 8 / time.seconds, 0x1p63))
}
