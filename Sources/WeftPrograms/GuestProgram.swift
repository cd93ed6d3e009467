import WeftCore
import WeftDisk
import WeftSettings
import WeftStack
import WeftWire

/// A kind of program that runs on a machine for its own sake. A kind is one file, with its settings, its state machine and
/// its report, and one line of `Catalogue.standard`.
public protocol GuestProgram: Activity {
  associatedtype Settings: Codable & Sendable
  /// Its key in a topology file.
  static var name: String { get }
  init(_ settings: Settings, _ place: Placement)
  var report: ProgramReport { get }
  /// Whether it comes to an end by itself and hasn't yet.
  var isUnfinished: Bool { get }
  /// The memory that it fills, for a machine's memory to be looked at; nil where it is no more than its state.
  func workingSet(at now: Instant) -> WorkingSet?
  /// Its machine gets so many thousandths of its CPU from now on.
  mutating func throttle(to share: UInt64, now: Instant)

  /// Whether it uses disks.
  static var usesDrives: Bool { get }
  /// Of one that uses disks: something may have happened to it, and now it can get at them.
  mutating func use(_ drives: inout Drives, now: Instant, _ stack: inout Stack, _ out: inout Effects)
  /// Of one that uses disks: what it has only in memory goes to them, before its machine ends or is backed up. When it will be there.
  mutating func flush(_ drives: inout Drives, now: Instant) -> Instant
  /// Whether it takes nothing on since a flush.
  var isFrozen: Bool { get }
  /// It takes things on again, after a flush.
  mutating func thaw(now: Instant, _ stack: inout Stack)
}

extension GuestProgram {
  public var isUnfinished: Bool { false }
  public func workingSet(at now: Instant) -> WorkingSet? { nil }
  public mutating func throttle(to share: UInt64, now: Instant) {}
  public static var usesDrives: Bool { false }
  public mutating func use(_ drives: inout Drives, now: Instant, _ stack: inout Stack, _ out: inout Effects) {}
  public mutating func flush(_ drives: inout Drives, now: Instant) -> Instant { now }
  public var isFrozen: Bool { false }
  public mutating func thaw(now: Instant, _ stack: inout Stack) {}
}

/// Settings of a program in a topology that say what runs for it.
public protocol RunnableSettings: ProgramSettings {
  /// What runs; its name is the word in the file.
  associatedtype Machine: GuestProgram
  /// `target`: where a machine of the file, or an address, is found.
  func settings(_ target: (Destination) -> Target) -> Machine.Settings
}

extension RunnableSettings {
  public func configuration(start: Nanoseconds, _ target: (Destination) -> Target) -> ProgramConfiguration {
    ProgramConfiguration(Machine.self, settings(target), start: start)
  }

  static var machine: any GuestProgram.Type { Machine.self }
}

extension Decoder {
  /// The kind of program of this name; an error where there is none.
  func programKind(_ name: String) throws -> any GuestProgram.Type {
    guard let kind = try kind(name, of: catalogue.programs, "kind of program") as? any RunnableSettings.Type else {
      throw DecodingError.dataCorrupted(.init(codingPath: codingPath, debugDescription: "nothing runs a \(name)"))
    }
    return kind.machine
  }
}

extension Destination {
  /// What a browser would put into the Host header.
  public var hostHeader: String {
    switch self {
    case .node(let name): name
    case .address(let address): address.description
    }
  }
}

/// Where a program runs.
public struct Placement: Sendable {
  /// Its machine's name.
  public var machine: String
  /// Its place among the machine's programs.
  public var index: Int
  /// When it starts.
  public var start: Instant
  /// What its sockets are to be tagged with.
  public var tag: UInt64 { UInt64(index) }

  public init(machine: String, index: Int, start: Instant) {
    self.machine = machine
    self.index = index
    self.start = start
  }
}

/// Whom a program or a probe talks to.
public struct Target: Codable, Sendable, Hashable {
  /// Nil while it has none.
  public var address: IPv4Address?
  /// How it is called in reports.
  public var text: String

  public init(_ address: IPv4Address) {
    self.address = address
    text = address.description
  }

  /// Of a machine without an address.
  public init(unresolved name: String) { text = name }
}
