import WeftCore
import WeftTopology

/// How an expectation came out, and why one may believe it.
public struct Verdict: Codable, Hashable, Sendable {
  public var name: String
  public var passed: Bool
  /// What was seen in the try that decided: `open in 4.1 ms`, `dropped by home: no-port-forward (tcp/80)`.
  public var observed: String
  /// What was asked for, where it didn't hold.
  public var expected: String
  public var decidedAt: Instant
  public var tries: Int
  /// What the tries came to, and how often; those still under way when it was decided are in none.
  public var outcomes: [Count] = []
  /// What happened to the deciding try's frames, in order.
  public var evidence: [Evidence]
  /// Where it didn't hold: what stands behind it in this lab, and what would change it.
  public var advice: Advice?
  /// Where it stands in the file.
  public var line: Int

  /// How many tries came to an outcome: `refused`, `undecided`.
  public struct Count: Codable, Hashable, Sendable {
    public var outcome: String
    public var tries: Int
  }

  /// `26 tries: 25 refused, 1 undecided`
  public var triesText: String {
    let count = "\(tries) \(tries == 1 ? "try" : "tries")"
    guard tries > 1, !outcomes.isEmpty else { return count }
    let open = tries - outcomes.reduce(0) { $0 + $1.tries }
    let parts = outcomes.map { "\($0.tries) \($0.outcome)" } + (open > 0 ? ["\(open) under way"] : [])
    return "\(count): \(parts.joined(separator: ", "))"
  }
}

/// One thing that happened to a probe's frame, and where to look at it.
public struct Evidence: Codable, Hashable, Sendable {
  public enum Event: String, Codable, Sendable { case sent, delivered, dropped }

  public var event: Event
  public var at: Instant
  /// `home/wan`
  public var port: String
  /// Of a drop: `no-port-forward`; of a delivery: whom the receiver saw, `134.115.153.10:40000`.
  public var detail: String
  /// The capture that has the frame, and its number there; nil where it wasn't captured.
  public var capture: String?
  public var frame: UInt64?
}
