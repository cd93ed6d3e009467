import WeftCore

/// Where the time of a packet and its answer went beside the wire. All of it is modelled.
public struct Stages: Codable, Sendable, Hashable {
  /// Instructions of its guests.
  public var guest = Nanoseconds.zero
  public var exits = Nanoseconds.zero
  /// For a cpu.
  public var wait = Nanoseconds.zero
  /// Behind other work of its guest.
  public var queue = Nanoseconds.zero
  public var hypervisor = Nanoseconds.zero
  /// For the driver domain: its cpu, and its other work.
  public var driverWait = Nanoseconds.zero
  public var driver = Nanoseconds.zero
  public var wakeUp = Nanoseconds.zero
  public var process = Nanoseconds.zero
  /// Which machine the driver domain is.
  public var driverName: String?

  public init() {}

  public var sum: Nanoseconds { named.reduce(.zero) { $0 + $1.time } }

  var named: [(name: String, time: Nanoseconds)] {
    let domain = driverName ?? "driver domain"
    return [
      ("guest", guest), ("exits", exits), ("cpu wait", wait), ("guest busy", queue), ("hypervisor", hypervisor),
      ("\(domain) wait", driverWait), (domain, driver), ("host wake-up", wakeUp), ("host process", process),
    ]
  }

  /// `wire 2.000 + guest 0.041 + exits 0.012 (modelled)`: milliseconds, to the nanosecond where there are any.
  public func text(of roundTrip: Nanoseconds) -> String {
    let parts = [("wire", roundTrip - sum)] + named.filter { $0.time > .zero }
    return parts.map { "\($0.0) \(Self.milliseconds($0.1))" }.joined(separator: " + ") + " (modelled)"
  }

  private static func milliseconds(_ time: Nanoseconds) -> String {
    var digits = String(time.rawValue % 1_000_000)
    digits = String(repeating: "0", count: 6 - digits.count) + digits
    if digits.hasSuffix("000") { digits.removeLast(3) }
    return "\(time.rawValue / 1_000_000).\(digits)"
  }
}

/// The same of each packet that is followed, by its trace.
public struct StageLedger: Codable, Sendable {
  private var stages: [UInt32: Stages] = [:]

  public init() {}

  public subscript(trace: UInt32) -> Stages? { stages[trace] }

  public mutating func add(_ trace: UInt32, _ change: (inout Stages) -> Void) {
    guard trace != 0 else { return }
    change(&stages[trace, default: Stages()])
  }

  /// It begins now: what was before isn't part of it.
  public mutating func forget(_ trace: UInt32) { stages[trace] = nil }

  private struct Row: Codable {
    var trace: UInt32
    var stages: Stages
  }

  public init(from decoder: any Decoder) throws {
    let rows = try [Row](from: decoder)
    stages = Dictionary(rows.map { ($0.trace, $0.stages) }) { first, _ in first }
  }

  public func encode(to encoder: any Encoder) throws {
    try stages.sorted { $0.key < $1.key }.map { Row(trace: $0.key, stages: $0.value) }.encode(to: encoder)
  }
}
