import WeftCore
import WeftTopology
import WeftWire

/// One expectation of the file while the world runs: starts tries when it is time for one, takes in what they came to, and
/// decides.
///
/// - `open` and `delivered` hold as soon as one try in the window shows it.
/// - The others say that something does *not* happen, so they are watched for all of their window: they hold if at least one
///   try was decided so and none was decided otherwise.
/// - `never-during` and `always-after` want each of their moments decided.
struct ExpectationRun: Codable {
  /// A try under way.
  struct Try: Codable {
    var trace: UInt32
    var startedAt: Instant
    /// Of a window: the moment that it is for.
    var moment: Instant
  }

  /// A moment of a window whose try told nothing, to be tried again.
  private struct Retry: Codable {
    var at: Instant
    var moment: Instant
  }

  /// What a try came to, and what stands behind it where that may be of use to whoever reads the report.
  struct Judged: Codable {
    var verdict: Verdict
    var cause: Cause?
  }

  /// Between two tries of an expectation that may still come true.
  static let retryInterval = Nanoseconds.milliseconds(200)
  /// Tries start so often whatever earlier ones wait for, where several at once don't disturb each other. One that has only to
  /// succeed once is tried more often.
  static let raster = Nanoseconds.seconds(1)
  static let hopefulRaster = Nanoseconds.milliseconds(500)

  let index: Int
  /// It is about another future: nothing is tried.
  var isElsewhere = false
  private(set) var open: [Try] = []
  private(set) var tries = 0
  /// The next try that nothing but the time asks for.
  private var nextStart: Instant
  private var retries: [Retry] = []
  /// By `TryOutcome.Kind`.
  private var tally = [Int](repeating: 0, count: TryOutcome.Kind.allCases.count)
  /// The first try that came to what is asked for, the last that was decided, the last that wasn't.
  private var held: Judged?
  private var decided: Judged?
  private var undecided: Judged?
  private var waitedUndecided = Nanoseconds.zero
  /// Of a window: moments that stayed undecided, and when tries began that were decided.
  private var gaps: [Instant] = []
  private var known: [Instant] = []
  private(set) var verdict: Verdict?
  /// What stands behind the verdict.
  private(set) var cause: Cause?

  /// Of a decoded one: far from where counting on would overflow.
  var isConsistent: Bool {
    let small = 0..<1 << 32
    return small.contains(tries) && tally.count == TryOutcome.Kind.allCases.count && tally.allSatisfy(small.contains)
  }

  init(index: Int, timing: Expectation.Timing) {
    self.index = index
    nextStart = .start + timing.start
  }

  var deadline: Instant {
    guard verdict == nil, !isElsewhere else { return .never }
    var earliest = nextStart
    for retry in retries { earliest = min(earliest, retry.at) }
    return earliest
  }

  // MARK: Starting

  /// The moment whose try is due, and how long it may wait for its answer; nil where none is.
  mutating func takeDue(_ expectation: Expectation, now: Instant) -> (moment: Instant, timeout: Nanoseconds)? {
    guard verdict == nil, !isElsewhere else { return nil }
    if let index = retries.firstIndex(where: { $0.at <= now }) {
      return (retries.remove(at: index).moment, expectation.timeout)
    }
    guard nextStart <= now else { return nil }
    let moment = nextStart
    switch expectation.timing {
    case .within(let at, let within):
      let end = Instant.start + at + within
      // The next one begins by the clock only where several at once are harmless.
      nextStart = .never
      let raster = expectation.outcome.isPositive ? Self.hopefulRaster : Self.raster
      if expectation.probe.isQuick, now + raster < end { nextStart = now + raster }
      return (moment, within == .zero ? expectation.timeout : max(min(expectation.timeout, end - now), Nanoseconds(1)))
    case .neverDuring(_, let to, let every), .alwaysAfter(_, let to, let every):
      let next = moment + max(every, Nanoseconds(1))
      nextStart = next <= .start + to ? next : .never
      return (moment, expectation.timeout)
    }
  }

  mutating func began(trace: UInt32, moment: Instant, now: Instant) {
    tries &+= 1
    open.append(Try(trace: trace, startedAt: now, moment: moment))
  }

  // MARK: Judging

  /// Takes in what a try came to.
  mutating func finished(
    _ trace: UInt32, _ outcome: TryOutcome, of expectation: Expectation, now: Instant, in world: borrowing World
  ) {
    guard verdict == nil, let place = open.firstIndex(where: { $0.trace == trace }) else { return }
    let attempt = open.remove(at: place)
    tally[outcome.kind.rawValue] &+= 1
    let match = expectation.match(outcome, in: world)
    var judged = Judged(
      verdict: Verdict(
        name: expectation.name, passed: false, observed: outcome.text, expected: match.expected ?? "", decidedAt: now,
        tries: tries, evidence: world.evidence(of: outcome), line: expectation.mark.line))
    switch match {
    case .holds:
      judged.verdict.passed = true
      if held == nil { held = judged }
      decided = judged
    case .differs:
      // How to open what was to be shut is nothing that anybody asks.
      if expectation.outcome.isPositive { judged.cause = outcome.cause }
      decided = judged
    case .undecided:
      judged.cause = outcome.cause
      // One that had its time tells more than one that the end of the window cut short.
      let waited = now - attempt.startedAt
      if waited >= waitedUndecided { (undecided, waitedUndecided) = (judged, waited) }
    }
    switch expectation.timing {
    case .within(let at, let within):
      let end = Instant.start + at + within
      switch match {
      case .holds where expectation.outcome.isPositive: return decide(judged)
      case .differs where !expectation.outcome.isPositive: return decide(judged)
      case .holds:
        // Watched on; those that can't overlap at their own pace.
        if !expectation.probe.isQuick { again(max(attempt.startedAt + Self.raster, now + Self.retryInterval), end) }
      case .differs, .undecided: again(now + Self.retryInterval, end)
      }
      if nextStart == .never, open.isEmpty { decide(conclusion(judged)) }
    case .neverDuring(_, let to, let every):
      if case .holds = match {
        judged.verdict.passed = false
        (judged.verdict.observed, judged.verdict.expected) =
          ("\(outcome.text), \(Self.time(of: outcome, attempt, now))", "never \(expectation.summary)")
        return decide(judged)
      }
      proceed(attempt, match, expectation, to, every, now)
    case .alwaysAfter(_, let to, let every):
      if case .differs = match {
        judged.verdict.observed = "\(outcome.text), \(Self.time(of: outcome, attempt, now))"
        return decide(judged)
      }
      proceed(attempt, match, expectation, to, every, now)
    }
  }

  /// When it opened, or which moment it was that something else was found of.
  private static func time(of outcome: TryOutcome, _ attempt: Try, _ now: Instant) -> String {
    outcome.kind == .open ? "at \(now)" : "tried at \(attempt.startedAt)"
  }

  private mutating func again(_ at: Instant, _ end: Instant) {
    if at < end { nextStart = min(nextStart, at) }
  }

  /// The window is over.
  private func conclusion(_ last: Judged) -> Judged {
    guard var shown = held ?? decided ?? undecided else { return last }
    shown.verdict.decidedAt = last.verdict.decidedAt
    return shown
  }

  /// On within a window: again at this moment, on to the next, or to the verdict.
  private mutating func proceed(
    _ attempt: Try, _ match: Expectation.Match, _ expectation: Expectation, _ to: Nanoseconds, _ every: Nanoseconds,
    _ now: Instant
  ) {
    if case .undecided = match {
      let next = now + Self.retryInterval
      if next <= min(attempt.moment + expectation.timeout, .start + to) {
        retries.append(Retry(at: next, moment: attempt.moment))
      } else {
        gaps.append(attempt.moment)
      }
    } else {
      known.append(attempt.startedAt)
    }
    guard nextStart == .never, retries.isEmpty, open.isEmpty else { return }
    let never = if case .neverDuring = expectation.timing { true } else { false }
    if let gap = firstGap(every), var shown = undecided {
      shown.verdict.decidedAt = now
      shown.verdict.observed += "; nothing is known of \(gap)"
      shown.verdict.expected =
        never ? "never \(expectation.summary), shown by a try that was stopped" : expectation.summary
      return decide(shown)
    }
    guard var shown = never ? decided : held else { return }
    (shown.verdict.passed, shown.verdict.expected, shown.verdict.decidedAt) = (true, "", now)
    let count = "\(tries) \(tries == 1 ? "try" : "tries")"
    shown.verdict.observed = (never ? "never in" : "each of") + " \(count); the last: \(decided?.verdict.observed ?? "")"
    decide(shown)
  }

  /// The first undecided moment without a decided try within one step of it.
  private func firstGap(_ every: Nanoseconds) -> Instant? {
    gaps.filter { gap in !known.contains { $0 + every >= gap && gap + every >= $0 } }.min()
  }

  private mutating func decide(_ judged: Judged) {
    var verdict = judged.verdict
    cause = verdict.passed ? nil : judged.cause
    verdict.tries = tries
    verdict.outcomes = TryOutcome.Kind.allCases.filter { tally[$0.rawValue] > 0 }.map {
      Verdict.Count(outcome: $0.name, tries: tally[$0.rawValue])
    }
    self.verdict = verdict
    (open, retries, nextStart) = ([], [], .never)
  }

  /// The run ended before it could be decided. A negative that held so far has held as long as there was anything to see.
  mutating func cutShort(_ expectation: Expectation, now: Instant) {
    guard verdict == nil else { return }
    if case .within = expectation.timing, !expectation.outcome.isPositive, var shown = held {
      shown.verdict.decidedAt = now
      return decide(shown)
    }
    let shown = decided ?? undecided
    let last = shown.map { "; the last: \($0.verdict.observed)" } ?? ""
    let never = if case .neverDuring = expectation.timing { "never " } else { "" }
    let verdict = Verdict(
      name: expectation.name, passed: false, observed: "the run ended after \(tries) \(tries == 1 ? "try" : "tries")\(last)",
      expected: never + expectation.summary, decidedAt: now, tries: tries, evidence: shown?.verdict.evidence ?? [],
      line: expectation.mark.line)
    decide(Judged(verdict: verdict, cause: shown?.cause))
  }
}

extension Expectation.Outcome {
  /// Whether one try is enough to show it; the others say that something doesn't happen.
  var isPositive: Bool {
    switch self {
    case .open, .delivered: true
    case .refused, .dropped, .unreachable, .blocked, .slow: false
    }
  }
}

extension Expectation.Timing {
  /// Each of its moments is judged by itself.
  var isWindow: Bool { if case .within = self { false } else { true } }

  /// When it is decided at the latest, but for the last try's timeout.
  var end: Nanoseconds {
    switch self {
    case .within(let at, let within): at + within
    case .neverDuring(_, let to, _), .alwaysAfter(_, let to, _): to
    }
  }
}
