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
  }

  private var open: [UInt32: Trace] = [:]

  mutating func start(_ trace: UInt32, origin: Int) { open[trace] = Trace(origin: origin, records: []) }

  mutating func add(_ record: TraceRecord, to trace: UInt32) {
    guard let entry = open[trace], entry.records.count < Self.limit else { return }
    // Only the prober's own frames count as sent; the way on shows in captures.
    if record.event == .sent, record.node != entry.origin { return }
    open[trace]?.records.append(record)
  }

  func allSatisfy(_ predicate: (TraceRecord) -> Bool) -> Bool {
    open.values.allSatisfy { $0.records.allSatisfy(predicate) }
  }

  mutating func finish(_ trace: UInt32) -> [TraceRecord] { open.removeValue(forKey: trace)?.records ?? [] }
}
