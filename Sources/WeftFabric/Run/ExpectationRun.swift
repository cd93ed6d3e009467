import WeftCore
import WeftGuest
import WeftTopology
import WeftWire

/// One expectation of the file while the world runs: waits for its time, tries, judges, tries again or decides.
struct ExpectationRun: Codable {
  enum Phase: Codable {
    case waiting(until: Instant)
    case trying(trace: UInt32)
    case decided
  }

  /// Between two tries of an expectation that may still come true.
  static let retryInterval = Nanoseconds.milliseconds(200)

  let index: Int
  var phase: Phase
  private(set) var tries = 0
  /// Tries that came to something, be it a refusal: a "never" that was never put to the test doesn't hold.
  private var tellingTries = 0
  /// What the latest of those came to. A last try that time cuts short says nothing that would help.
  private var telling: Verdict?
  private(set) var verdict: Verdict?

  /// Of a decoded one: far from where counting on would overflow.
  var isConsistent: Bool { (0..<1 << 32).contains(tries) && (0..<1 << 32).contains(tellingTries) }

  init(index: Int, timing: Expectation.Timing) {
    self.index = index
    phase = .waiting(until: .start + timing.start)
  }

  var deadline: Instant {
    if case .waiting(let until) = phase { until } else { .never }
  }

  /// How long the next try may wait for its answer.
  static func timeout(of expectation: Expectation, now: Instant) -> Nanoseconds {
    guard case .within(let at, let within) = expectation.timing else { return expectation.timeout }
    let left = (Instant.start + at + within) - now
    return max(min(expectation.timeout, left), .milliseconds(1))
  }

  mutating func began(trace: UInt32) {
    phase = .trying(trace: trace)
    tries += 1
  }

  /// Judges a finished try and decides what comes next.
  mutating func finished(_ outcome: TryOutcome, of expectation: Expectation, now: Instant, in world: borrowing World) {
    let isTelling = outcome.kind != .notSent && outcome.kind != .silent
    if isTelling { tellingTries += 1 }
    let mismatch = expectation.mismatch(outcome, in: world)
    func judged(_ passed: Bool, _ observed: String? = nil, expected: String? = nil) -> Verdict {
      Verdict(
        name: expectation.name, passed: passed, observed: observed ?? outcome.text,
        expected: passed ? "" : expected ?? mismatch ?? expectation.summary, decidedAt: now, tries: tries,
        evidence: outcome.records.prefix(8).map { world.evidence($0) }, line: expectation.mark.line)
    }
    if isTelling || telling == nil { telling = judged(false) }
    switch expectation.timing {
    case .within(let at, let within):
      let next = now + Self.retryInterval
      if mismatch == nil {
        decide(judged(true))
      } else if next <= .start + at + within {
        phase = .waiting(until: next)
      } else {
        decide(latestTelling(judged(false)))
      }
    case .neverDuring(let from, let to, let every):
      if mismatch == nil {
        decide(judged(false, "\(outcome.text), at \(now)", expected: "never \(expectation.summary)"))
      } else if tellingTries == 0 {
        // Silence proves nothing, however often.
        proceed(
          from, to, every, now: now,
          judged(false, expected: "never \(expectation.summary), shown by a try that was stopped"))
      } else {
        let last = telling?.observed ?? outcome.text
        var held = latestTelling(judged(true))
        (held.passed, held.expected, held.observed) = (true, "", "never in \(tries) tries; the last: \(last)")
        proceed(from, to, every, now: now, held)
      }
    case .alwaysAfter(let from, let to, let every):
      if mismatch != nil {
        decide(judged(false, "\(outcome.text), at \(now)"))
      } else {
        proceed(from, to, every, now: now, judged(true, "each of \(tries) tries; the last: \(outcome.text)"))
      }
    }
  }

  /// With the observation and the evidence of the latest try that told something.
  private func latestTelling(_ verdict: Verdict) -> Verdict {
    guard let telling else { return verdict }
    var verdict = verdict
    (verdict.observed, verdict.expected, verdict.evidence) = (telling.observed, telling.expected, telling.evidence)
    return verdict
  }

  /// On to the next moment of a window's raster, or to its verdict.
  private mutating func proceed(
    _ from: Nanoseconds, _ to: Nanoseconds, _ every: Nanoseconds, now: Instant, _ final: Verdict
  ) {
    let elapsed = (now - (.start + from)).rawValue
    let next = Instant.start + from + max(every, Nanoseconds(1)) * (elapsed / max(every.rawValue, 1) &+ 1)
    if next <= .start + to { phase = .waiting(until: next) } else { decide(final) }
  }

  private mutating func decide(_ verdict: Verdict) {
    phase = .decided
    self.verdict = verdict
  }

  /// The run ended before it could be decided.
  mutating func cutShort(_ expectation: Expectation, now: Instant) {
    guard verdict == nil else { return }
    let last = telling.map { "; the last: \($0.observed)" } ?? ""
    decide(
      Verdict(
        name: expectation.name, passed: false, observed: "the run ended after \(tries) tries\(last)",
        expected: expectation.summary, decidedAt: now, tries: tries, evidence: telling?.evidence ?? [],
        line: expectation.mark.line))
  }
}

extension Expectation.Timing {
  var start: Nanoseconds {
    switch self {
    case .within(let at, _): at
    case .neverDuring(let from, _, _), .alwaysAfter(let from, _, _): from
    }
  }

  /// When it is decided at the latest, but for the last try's timeout.
  var end: Nanoseconds {
    switch self {
    case .within(let at, let within): at + within
    case .neverDuring(_, let to, _), .alwaysAfter(_, let to, _): to
    }
  }
}
