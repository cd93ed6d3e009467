import WeftPrograms
import WeftSettings

/// Settings of a probe that say what runs for it, and what a verdict says of what it came to.
public protocol RunnableProbe: ProbeSettings {
  associatedtype Machine: Probe where Machine.Settings == Self
  /// Said of an answer that is none of what was asked for.
  static var badAnswer: String { get }
  /// Said of one that can't begin since its machine stands still, where that decides it.
  static var atStandstill: String? { get }
  /// Whether what is dropped on its way is what it wants to know: then a drop stops nothing.
  var countsDrops: Bool { get }
  /// How far one came that wasn't done in time.
  func progress(_ result: ProbeResult) -> String
  /// What an open one found, in place of how long that took.
  func found(_ result: ProbeResult, doubting doubtful: Set<SilentTest.Axis>) -> String?
  /// What was measured, for the end of the text.
  func measured(_ result: ProbeResult, isOpen: Bool) -> String
  /// What an open one isn't that was asked for.
  func mismatch(_ result: ProbeResult, doubting doubtful: Set<SilentTest.Axis>) -> Mismatch?
}

/// What was asked for, in words.
public enum Mismatch: Sendable {
  /// Otherwise for sure.
  case differs(String)
  /// It can't be told.
  case undecided(String)
}

extension RunnableProbe {
  public static var badAnswer: String { "answered, but otherwise" }
  public static var atStandstill: String? { nil }
  public var countsDrops: Bool { false }
  public func progress(_ result: ProbeResult) -> String { "something came" }
  public func found(_ result: ProbeResult, doubting doubtful: Set<SilentTest.Axis>) -> String? { nil }
  public func measured(_ result: ProbeResult, isOpen: Bool) -> String { "" }
  public func mismatch(_ result: ProbeResult, doubting doubtful: Set<SilentTest.Axis>) -> Mismatch? { nil }
}

extension ProbeSettings {
  /// What runs for it.
  public var runnable: any RunnableProbe {
    guard let runnable = self as? any RunnableProbe else { preconditionFailure("nothing runs a \(Self.word)") }
    return runnable
  }
}

/// How many bytes, and how fast, in a text.
package enum Figures {
  /// `3,004`
  package static func count(_ number: UInt64) -> String {
    let digits = Array(String(number))
    return digits.indices.reduce(into: "") { text, index in
      if index > 0, (digits.count - index) % 3 == 0 { text.append(",") }
      text.append(digits[index])
    }
  }

  package static func rate(_ bits: UInt64) -> String {
    for (unit, scale) in [("Gbit/s", 1e9), ("Mbit/s", 1e6), ("kbit/s", 1e3)] where Double(bits) >= scale {
      let tenths = (Double(bits) / scale * 10).rounded() / 10
      return "\(tenths) \(unit)"
    }
    return "\(bits) bit/s"
  }

  package static func size(_ bytes: UInt64) -> String {
    for (unit, scale) in [("GB", 1e9), ("MB", 1e6), ("kB", 1e3)] where Double(bytes) >= scale {
      let tenths = (Double(bytes) / scale * 10).rounded() / 10
      return "\(tenths == tenths.rounded() ? "\(Int(tenths))" : "\(tenths)") \(unit)"
    }
    return "\(bytes) B"
  }
}
