import WeftCore
import WeftGuest
import WeftTopology
import WeftWire

/// What one try came to, seen with all the fabric knows.
struct TryOutcome {
  enum Kind {
    case open
    case refused
    case unreachable
    case dropped
    /// No answer, yet nothing was dropped on the way: proves nothing.
    case silent
    case failed
    case notSent
  }

  var kind: Kind
  var text: String
  var records: [TraceRecord]
  var result: GuestProbeResult?
}

extension TryOutcome {
  init(_ result: GuestProbeResult, _ records: [TraceRecord], of probe: Expectation.Probe, in world: borrowing World) {
    let time = result.rtt.map { " in \($0)" } ?? ""
    let from = result.icmpFrom.map { " from \($0)" } ?? ""
    let firstDrop = records.first { if case .dropped = $0.event { true } else { false } }
    let delivered = records.contains { if case .delivered = $0.event { true } else { false } }
    let kind: Kind
    var text: String
    switch result.outcome {
    case .open:
      kind = .open
      text = "open\(time)"
    case .refused:
      kind = .refused
      text = probe.isDatagram || result.icmpFrom != nil ? "refused (ICMP port unreachable\(from))" : "refused (RST)"
    case .unreachable(let code):
      kind = .unreachable
      let what: [UInt8: String] = [
        0: "network", 1: "host", 2: "protocol", 4: "fragmentation needed", 13: "administratively prohibited",
      ]
      text = "unreachable (\(what[code] ?? "code \(code)")\(from))"
    case .ttlExceeded:
      kind = .unreachable
      text = "unreachable (time exceeded\(from))"
    case .timedOut where probe.isDatagram && delivered:
      // Nobody has to answer a datagram: it arrived at a socket.
      kind = .open
      text = "open (delivered)"
    case .timedOut where result.nat != nil:
      kind = .silent
      text = "not done in time: \(result.nat?.text ?? "")"
    case .timedOut:
      kind = firstDrop == nil ? .silent : .dropped
      let left = records.contains { $0.event == .sent }
      let silence = left ? "nothing was dropped on the way" : "nothing left its sender (no neighbour answered ARP yet)"
      text = firstDrop.map { "dropped by \(world.describe(drop: $0))" } ?? "no answer, and \(silence)"
    case .reset:
      kind = .failed
      text = "connected, then reset"
    case .badResponse:
      kind = .failed
      text = if case .idle = probe { "answered too early" } else { "answered, but not with HTTP" }
    case .notSent:
      kind = .notSent
      text = "nothing was sent: no address or no route yet"
    }
    var records = records
    if result.outcome == .open, let findings = result.nat {
      text = findings.text
      // Which answers arrived and which were filtered is what shows it; that there were many requests is not.
      records.removeAll { $0.event == .sent }
    }
    if let status = result.httpStatus { text += ", HTTP \(status)" }
    if let rate = result.throughput { text += ", \(Self.rate(rate))" }
    self.init(kind: kind, text: text, records: records, result: result)
  }

  static func rate(_ bits: UInt64) -> String {
    for (unit, scale) in [("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)] where Double(bits) >= scale {
      let tenths = (Double(bits) / scale * 10).rounded() / 10
      return "\(tenths) \(unit)"
    }
    return "\(bits) bit/s"
  }
}

extension World {
  /// `home: no-port-forward (tcp/80)`
  func describe(drop record: TraceRecord) -> String {
    guard case .dropped(let reason, let detail) = record.event else { return "" }
    return "\(nodes[record.node].name): \(reason.text(detail))"
  }

  /// Its capture is the port's name for now: where the files go is known at the end.
  func evidence(_ record: TraceRecord) -> Evidence {
    let port = ports[record.port]
    let event: Evidence.Event
    let detail: String
    switch record.event {
    case .sent: (event, detail) = (.sent, "")
    case .delivered(let source, let sourcePort):
      (event, detail) = (.delivered, sourcePort == 0 ? "from \(source)" : "from \(source):\(sourcePort)")
    case .dropped(let reason, let what):
      (event, detail) = (.dropped, reason.text(what))
    }
    let captured = record.frameNumber > 0 && port.capture >= 0
    return Evidence(
      event: event, at: record.at, port: event == .delivered ? nodes[record.node].name : port.name, detail: detail,
      capture: captured ? port.name : nil, frame: captured ? record.frameNumber : nil)
  }
}

extension Expectation.Probe {
  var isDatagram: Bool {
    if case .connect(_, _, .udp) = self { true } else { false }
  }
}
