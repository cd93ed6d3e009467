import WeftCore
import WeftSettings
import WeftWire

/// A line of the file that must hold.
public struct Expectation: Sendable, Codable {
  /// How a probe can end; `blocked` is refused, dropped or unreachable.
  public enum Outcome: String, Sendable, Codable, CaseIterable {
    case open, refused, dropped, unreachable, blocked
    /// Answered, or data moved, but not finished in time.
    case slow
    /// A datagram that arrived at a socket, answered or not.
    case delivered
  }

  /// What is tried, from `from`.
  public enum Probe: Sendable, Codable {
    /// `to: "visitor:80/tcp"`
    case connect(to: Destination, port: UInt16, protocol: TransportProtocol)
    /// `ping: visitor`; open = a reply came.
    case ping(to: Destination, size: Int, ttl: UInt8)
    /// `http: "http://visitor:80/path"`; open = a response came whose status and body are as asked.
    case http(to: Destination, port: UInt16, path: String, status: Int?, bodyContains: String?)
    /// `throughput: {to: "server:5001", size: 10 MB, at-least: 5 Mbit/s, at-most: …}`: a TCP transfer to a sink; bits/s of payload.
    case throughput(to: Destination, port: UInt16, size: UInt64, atLeast: UInt64?, atMost: UInt64?)
    /// `nat: {via: server, mapping: endpoint-independent, …}`: open = the NAT on the way to that STUN server was
    /// classified; what is given must be what was found.
    case nat(
      via: Destination, port: UInt16, mapping: NATSettings.Dependence?, filtering: NATSettings.Dependence?,
      hairpin: Bool?)
    /// `punch: {peer: bob, via: server, protocol: udp}`: open = the two met, data went both ways.
    case punch(peer: String, via: Destination, port: UInt16, protocol: TransportProtocol)
    /// `idle: {to: "server:7/udp", for: 119 s}`: open = an echo server's answer still came through after that time.
    case idle(to: Destination, port: UInt16, protocol: TransportProtocol, time: Nanoseconds)
    /// `lease: true`: every NIC of `from` that asks by DHCP has an address.
    case lease
  }

  /// When it must hold.
  public enum Timing: Sendable, Codable {
    /// Tried from `at`, again after a mismatch, until it holds or `within` is over.
    case within(at: Nanoseconds, within: Nanoseconds)
    /// Tried every `every` in the window; once is a failure.
    case neverDuring(from: Nanoseconds, to: Nanoseconds, every: Nanoseconds)
    /// Tried every `every` from then to `to`; every try must hold.
    case alwaysAfter(from: Nanoseconds, to: Nanoseconds, every: Nanoseconds)
  }

  /// Given or made from the rest: "web → visitor:80/tcp is open".
  public var name: String
  public var from: String
  public var probe: Probe
  public var outcome: Outcome = .open
  public var timing: Timing
  /// How long one try waits for an answer before it counts as dropped: long enough for ARP to give up (3 s).
  public var timeout: Nanoseconds = .seconds(4)
  /// The address the other side sees as the source.
  public var seenAs: IPv4Address?
  /// The machine whose socket answers.
  public var reaches: String?
  /// For dropped/blocked: the network or node that must have dropped it.
  public var by: String?
  /// For dropped/blocked: the reason it must have given (`no-port-forward`).
  public var reason: String?
  /// Bounds on the round trip (connect: SYN to SYN-ACK; ping: echo to reply).
  public var rttAtMost: Nanoseconds?
  public var rttAtLeast: Nanoseconds?
  public var mark: Mark

  public init(name: String, from: String, probe: Probe, timing: Timing, mark: Mark = .inCode) {
    self.name = name
    self.from = from
    self.probe = probe
    self.timing = timing
    self.mark = mark
  }
}

extension Expectation.Timing {
  /// When it is tried first.
  package var start: Nanoseconds {
    switch self {
    case .within(let at, _): at
    case .neverDuring(let from, _, _), .alwaysAfter(let from, _, _): from
    }
  }
}
