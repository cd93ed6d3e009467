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
  var node: NodeID
  var port: PortID
  /// In that port's capture, from 1; 0 where it isn't captured.
  var frameNumber: UInt64

  var drop: DropReason? { if case .dropped(let reason, _) = event { reason } else { nil } }
  var isDelivery: Bool { if case .delivered = event { true } else { false } }
}

/// What one probe's frames met, whatever the traffic: the first and the last of each kind of record, and how many there
/// were. A transfer of a gigabyte loses nothing of what decided it.
struct Trace: Codable {
  /// Of each kind, so many from the beginning and so many from the end.
  private static let kept = 24

  private struct Kept: Codable {
    var first: [Numbered] = []
    var last: [Numbered] = []
    var count = 0

    mutating func add(_ record: Numbered) {
      count &+= 1
      if first.count < Trace.kept { return first.append(record) }
      if last.count == Trace.kept { last.removeFirst() }
      last.append(record)
    }

    var all: [Numbered] { first + last }
  }

  private struct Numbered: Codable {
    var number: Int
    var record: TraceRecord
  }

  let origin: NodeID
  private var sent = Kept()
  private var delivered = Kept()
  private var dropped = Kept()
  /// By reason: of each reason a drop is there, however many others there are.
  private var ofReason: [Int: Kept] = [:]
  private var number = 0

  init(origin: NodeID) { self.origin = origin }

  mutating func add(_ record: TraceRecord) {
    let entry = Numbered(number: number, record: record)
    switch record.event {
    // Only the prober's own frames count as sent; the way on shows in captures.
    case .sent:
      if record.node != origin { return }
      sent.add(entry)
    // The answer comes back to the prober: that isn't where the probe went, unless it went nowhere else (a hairpin).
    case .delivered:
      if record.node == origin, delivered.count > 0 { return }
      delivered.add(entry)
    // A switch floods what it has no entry for. That bystanders leave their copies alone stops nothing.
    case .dropped(.notForUs, .none), .dropped(.hairpinPort, _), .dropped(.noOtherPort, _): return
    case .dropped(let reason, _):
      dropped.add(entry)
      ofReason[Int(reason.rawValue), default: Kept()].add(entry)
    }
    number &+= 1
  }

  /// What was kept, in order.
  var records: [TraceRecord] {
    var byNumber: [Int: TraceRecord] = [:]
    for entry in sent.all + delivered.all + dropped.all + ofReason.values.flatMap(\.all) {
      byNumber[entry.number] = entry.record
    }
    return byNumber.sorted { $0.key < $1.key }.map(\.value)
  }

  /// How many frames were dropped for each reason, by reason.
  var drops: [(reason: DropReason, count: Int)] {
    ofReason.sorted { $0.key < $1.key }.compactMap { key, kept in
      DropReason(rawValue: UInt8(truncatingIfNeeded: key)).map { ($0, kept.count) }
    }
  }
}

/// Follows the frames of the probes that are under way.
struct TraceLog: Codable {
  /// By trace; `Int`, so that a checkpoint has them in order.
  private var open: [Int: Trace] = [:]

  mutating func start(_ trace: UInt32, origin: NodeID) { open[Int(trace)] = Trace(origin: origin) }

  /// Who sends it.
  func origin(of trace: UInt32) -> NodeID? { open[Int(trace)]?.origin }

  mutating func add(_ record: TraceRecord, to trace: UInt32) { open[Int(trace)]?.add(record) }

  func allSatisfy(_ predicate: (TraceRecord) -> Bool) -> Bool {
    open.values.allSatisfy { $0.records.allSatisfy(predicate) }
  }

  /// Nil where nobody follows it any more.
  mutating func finish(_ trace: UInt32) -> Trace? { open.removeValue(forKey: Int(trace)) }
}
