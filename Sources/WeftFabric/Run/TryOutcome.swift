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

  static func rate(_ bits: UInt64) -> String {
    for (unit, scale) in [("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)] where Double(bits) >= scale {
      let tenths = (Double(bits) / scale * 10).rounded() / 10
      return "\(tenths) \(unit)"
    }
    return "\(bits) bit/s"
  }

  static func size(_ bytes: UInt64) -> String {
    for (unit, scale) in [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] where Double(bytes) >= scale {
      let tenths = (Double(bytes) / scale * 10).rounded() / 10
      return "\(tenths == tenths.rounded() ? "\(Int(tenths))" : "\(tenths)") \(unit)"
    }
    return "\(bytes) B"
  }
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

extension Expectation.Probe {
  /// Whether it speaks by datagrams: a refusal of them is an ICMP error.
  var isDatagram: Bool {
    switch self {
    case .connect(_, _, .udp), .idle(_, _, .udp, _), .punch(_, _, _, .udp), .nat, .ping: true
    case .connect, .idle, .punch, .http, .throughput, .lease: false
    }
  }

  /// Whether it is over with one packet and its answer, so that several tries at once don't disturb each other.
  var isQuick: Bool {
    switch self {
    case .connect, .ping, .lease: true
    case .http, .throughput, .nat, .punch, .idle: false
    }
  }
}
