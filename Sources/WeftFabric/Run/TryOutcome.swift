import WeftCore
import WeftProbes
import WeftPrograms
import WeftTopology
import WeftWire

/// What one try came to, seen with all the fabric knows.
struct TryOutcome {
  /// The first six are decided: they say something about the way.
  enum Kind: Int, CaseIterable {
    case open
    case refused
    case unreachable
    case dropped
    /// Answered, or data moved, but not finished in time.
    case slow
    /// A datagram that arrived at a socket which said nothing.
    case unanswered
    /// It came to something else: a connection that was reset, an answer that isn't HTTP.
    case failed
    /// Ended by chance, load, a machine that stood still or the end of the time: says nothing.
    case undecided

    var name: String {
      switch self {
      case .open: "open"
      case .refused: "refused"
      case .unreachable: "unreachable"
      case .dropped: "dropped"
      case .slow: "slow"
      case .unanswered: "delivered, unanswered"
      case .failed: "failed"
      case .undecided: "undecided"
      }
    }
  }

  var kind: Kind
  var text: String
  var records: [TraceRecord] = []
  var result: ProbeResult?
  /// From the departure of the first packet that wasn't lost, so without ARP; nil where an accident makes it doubtful
  /// (Karn's rule).
  var roundTrip: Nanoseconds?
  /// What is on its way is no more than a refusal.
  var isRefusalPending = false
  /// Findings about a NAT that may rest on a lost packet.
  var doubtful: Set<SilentTest.Axis> = []
  /// Why ARP found nobody, and where that was.
  var absence: (why: Absence, record: TraceRecord)?
  /// What stands behind it, where it isn't open.
  var cause: Cause?
}

extension TryOutcome {
  /// A try that couldn't begin.
  static func undecided(_ why: String) -> TryOutcome { TryOutcome(kind: .undecided, text: why) }
}

extension World {
  /// `home: no-port-forward (tcp/80)`
  func describe(drop record: TraceRecord) -> String {
    guard case .dropped(let reason, let detail) = record.event else { return "" }
    return "\(name(record.node)): \(reason.text(detail))"
  }

  /// Its capture is the port's name for now: where the files go is known at the end.
  func evidence(_ record: TraceRecord) -> Evidence {
    let port = graph.ports[record.port]
    let event: Evidence.Event
    let detail: String
    switch record.event {
    case .sent: (event, detail) = (.sent, "")
    case .delivered(let source, let sourcePort):
      (event, detail) = (.delivered, sourcePort == 0 ? "from \(source)" : "from \(source):\(sourcePort)")
    case .dropped(let reason, let what):
      (event, detail) = (.dropped, reason.text(what))
    }
    let filed = port.capture != nil ? port : graph.neighbour(of: record.port).map { graph.ports[$0] } ?? port
    let captured = record.frameNumber > 0 && filed.capture != nil
    return Evidence(
      event: event, at: record.at, port: event == .delivered ? name(record.node) : port.name, detail: detail,
      capture: captured ? filed.name : nil, frame: captured ? record.frameNumber : nil)
  }

  /// Of many records as many as a reader wants: the beginning, a drop of each reason at each port, the end.
  func evidence(of outcome: TryOutcome) -> [Evidence] {
    let limit = 8
    let records = outcome.records
    guard records.count > limit else { return records.map { evidence($0) } }
    var chosen: Set<Int> = [0, 1]
    var seen: Set<Int> = []
    for (index, record) in records.enumerated() {
      guard let reason = record.drop, chosen.count < limit - 1 else { continue }
      if seen.insert(record.port.index << 8 | Int(reason.rawValue)).inserted { chosen.insert(index) }
    }
    for index in records.indices.reversed() where chosen.count < limit { chosen.insert(index) }
    return chosen.sorted().map { evidence(records[$0]) }
  }
}
