import WeftCore
import WeftSettings
import WeftStack

/// Keeps a cpu busy for a part of each period of its machine's clock, and sleeps to the next. Where it doesn't get that much it
/// goes on into the next period, and what it missed is missed.
public struct Spin: GuestProgram {
  public struct Settings: Codable, Sendable {
    /// Nanoseconds of a cpu in each period.
    public var busy: UInt64
    public var period: UInt64

    public init(busy: UInt64, period: UInt64) { (self.busy, self.period) = (busy, period) }
  }

  public static let name = "spin"

  let settings: Settings
  let tag: UInt64
  public private(set) var report: ProgramReport
  public private(set) var deadline: Instant
  private var isBusy = false

  public init(_ settings: Settings, _ place: Placement) {
    self.settings = settings
    tag = place.tag
    deadline = place.start
    report = ProgramReport(index: place.index, title: "spin", state: .waiting)
  }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    deadline = .never
    guard !isBusy else { return }
    isBusy = true
    if report.state == .waiting { (report.state, report.startedAt) = (.running, now) }
    // Without a pause it has no end.
    stack.burn(settings.busy >= settings.period ? .max : settings.busy, tag: tag)
  }

  public mutating func burnt(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    isBusy = false
    deadline = Instant((now.rawValue / settings.period + 1) * settings.period)
  }

  public var isConsistent: Bool { settings.period > 0 && settings.busy > 0 }
}

extension SpinSettings: RunnableSettings {
  public typealias Machine = Spin

  public func settings(_ target: (Destination) -> Target) -> Spin.Settings {
    Spin.Settings(busy: UInt64((duty * Double(period.rawValue)).rounded()), period: period.rawValue)
  }
}
