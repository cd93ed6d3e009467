import WeftCore
import WeftWire

/// What became of the frames of one probe: the evidence that an expectation's verdict rests on.
struct TraceRecord: Codable, Hashable {
  enum Event: Codable, Hashable {
    case sent
    case dropped(DropReason, DropDetail)
    case delivered(source: IPv4Address, port: UInt16)
  }

  var event: Event
  var at: Instant
  var packetID: UInt64
  var node: Int
  /// Into the world's ports.
  var port: Int
  /// In that port's capture, from 1; 0 where it isn't captured.
  var frameNumber: UInt64
}

/// Follows the frames of the probes that are under way. Bounded: the first records tell what happened.
struct TraceLog: Codable {
  private static let limit = 64

  private struct Trace: Codable {
    var origin: Int
    var records: [TraceRecord]

    var isDelivered: Bool { records.contains { if case .delivered = $0.event { true } else { false } } }
  }

  /// By trace; `Int`, so that a checkpoint has them in order.
  private var open: [Int: Trace] = [:]

  mutating func start(_ trace: UInt32, origin: Int) { open[Int(trace)] = Trace(origin: origin, records: []) }

  mutating func add(_ record: TraceRecord, to trace: UInt32) {
    guard let entry = open[Int(trace)], entry.records.count < Self.limit else { return }
    switch record.event {
    // Only the prober's own frames count as sent; the way on shows in captures.
    case .sent: if record.node != entry.origin { return }
    // The answer comes back to the prober: that isn't where the probe went, unless it went nowhere else (a hairpin).
    case .delivered: if record.node == entry.origin, entry.isDelivered { return }
    // A switch floods what it has no entry for. That bystanders leave their copies alone stops nothing.
    case .dropped(.notForUs, .none), .dropped(.hairpinPort, _), .dropped(.noOtherPort, _): return
    case .dropped: break
    }
    open[Int(trace)]?.records.append(record)
  }

  func allSatisfy(_ predicate: (TraceRecord) -> Bool) -> Bool {
    open.values.allSatisfy { $0.records.allSatisfy(predicate) }
  }

  mutating func finish(_ trace: UInt32) -> [TraceRecord] { open.removeValue(forKey: Int(trace))?.records ?? [] }
}
