import WeftCore
import WeftSettings
import WeftStack
import WeftWire

/// Fills memory and writes pages of it in turn, for who wants to move it: it says nothing on the wire. How much it has written
/// is worked out when somebody looks, so that it costs no events.
public struct Dirty: GuestProgram {
  public struct Settings: Codable, Sendable {
    public var set: WorkingSet
    /// Pages a second; nil: as fast as its CPU allows.
    public var rate: UInt64?
    /// Of its CPU, a page.
    public var instructions: UInt64
  }

  public static let name = "dirty"
  /// Instructions a second of a CPU that nothing is said of.
  static let speed: UInt64 = 1_000_000_000

  let settings: Settings
  /// Of the machine's CPU, in thousandths, and since when.
  private var share: UInt64 = 1000
  private var since: Instant
  /// Until then, in thousandths of a page.
  private var written: UInt64 = 0
  public private(set) var deadline: Instant
  public private(set) var report: ProgramReport

  public init(_ settings: Settings, _ place: Placement) {
    self.settings = settings
    since = place.start
    deadline = place.start
    report = ProgramReport(index: place.index, title: "dirty \(settings.set.pages) pages", state: .waiting)
  }

  public mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    deadline = .never
    since = now
    report.state = .running
    report.startedAt = now
  }

  /// Pages a second, at this share of the CPU.
  private var pace: UInt64 {
    let most = settings.instructions > 0 ? Self.speed / 1000 * share / settings.instructions : .max
    return min(settings.rate ?? .max, most)
  }

  private func thousandths(_ now: Instant) -> UInt64 {
    guard report.state == .running, now > since else { return written }
    let (high, low) = pace.multipliedFullWidth(by: (now - since).rawValue)
    return written + UInt64(1_000_000).dividingFullWidth((high, low)).quotient
  }

  public func workingSet(at now: Instant) -> WorkingSet? {
    guard report.state == .running else { return nil }
    var set = settings.set
    set.writes = set.turn > 0 ? thousandths(now) / 1000 : 0
    return set
  }

  public mutating func throttle(to share: UInt64, now: Instant) {
    written = thousandths(now)
    since = max(since, now)
    self.share = share
  }

  public var isConsistent: Bool {
    share <= 1000 && settings.set.pages <= 1 << 34 && (settings.rate ?? 0) <= 1 << 40 && settings.set.turn <= settings.set.pages
      && (settings.rate != nil || settings.instructions > 0) && written <= 1 << 62
  }
}

extension DirtySettings: RunnableSettings {
  public typealias Machine = Dirty

  public func settings(_ target: (Destination) -> Target) -> Dirty.Settings {
    let page = UInt64(WorkingSet.pageSize)
    let turn = (set + page - 1) / page
    return Dirty.Settings(
      set: WorkingSet(seed: 0x6469_7274, pages: max((fill + page - 1) / page, turn), turn: turn), rate: rate.map { max(1, $0) },
      instructions: instructions)
  }
}
