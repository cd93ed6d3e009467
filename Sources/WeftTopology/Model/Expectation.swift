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
  private var tried: CodedProbe
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
  /// Of which future it must hold; nil: of each.
  public var future: String?
  public var mark: Mark

  /// What is tried, from `from`.
  public var probe: any ProbeSettings {
    get { tried.settings }
    set { tried = CodedProbe(newValue) }
  }

  public init(name: String, from: String, probe: some ProbeSettings, timing: Timing, mark: Mark = .inCode) {
    self.name = name
    self.from = from
    tried = CodedProbe(probe)
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
