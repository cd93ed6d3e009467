import WeftCore
import WeftSettings

/// What a driver does with its card, as far as a hypervisor sees it: which accesses, in which order. Counted, not estimated.
///
/// An e1000's isolated packet: doorbell; interrupt, cause read, mask, unmask, end of interrupt, and a refill of what was received. It
/// interrupts for what was sent too. virtio's: a kick, unless the other side looks anyway; interrupt, end.
struct NICWalk {
  let model: NICModel
  let execution: ExecutionMode

  /// Packets that are handed over at once: a doorbell of an e1000 is for one.
  func batch(of waiting: Int) -> Int { model == .virtio ? waiting : min(waiting, 1) }

  /// `isBusy`: the other side still works at what it was given.
  func sends(isBusy: Bool, _ each: (ExitReason) -> Void) {
    switch model {
    case .virtio: if !isBusy { each(.kick) }
    case .e1000: each(.txDoorbell)
    }
  }

  func interrupts(_ each: (ExitReason) -> Void) {
    each(.interrupt)
    if model == .e1000 {
      each(.icrRead)
      each(.imcWrite)
      each(.imsWrite)
    }
    if execution == .classical {
      each(.privileged)
      each(.privileged)
    }
    each(.eoi)
  }

  /// Linux's driver gives places back sixteen at a time, and when nothing more is there.
  func refills(after polled: Int, isLast: Bool) -> Bool { model == .e1000 && (isLast || polled.isMultiple(of: 16)) }
}

/// How often, by reason.
public struct ExitCounts: Codable, Sendable, Hashable {
  private var counts = [UInt64](repeating: 0, count: ExitReason.allCases.count)

  public init() {}

  private static func place(_ reason: ExitReason) -> Int {
    switch reason {
    case .kick: 0
    case .interrupt: 1
    case .eoi: 2
    case .txDoorbell: 3
    case .icrRead: 4
    case .imcWrite: 5
    case .imsWrite: 6
    case .rxRefill: 7
    case .privileged: 8
    }
  }

  mutating func count(_ reason: ExitReason) { counts[Self.place(reason)] &+= 1 }
  public subscript(reason: ExitReason) -> UInt64 { counts[Self.place(reason)] }
  public var total: UInt64 { counts.reduce(0, &+) }
  var isConsistent: Bool { counts.count == ExitReason.allCases.count }
}

/// A machine's cost profile, in nanoseconds of its host's cpus.
struct WorkCosts: Codable, Sendable {
  let execution: ExecutionMode
  let model: NICModel
  let receive: UInt64
  let send: UInt64
  let timer: UInt64
  let drive: UInt64
  private let access: UInt64
  private let light: UInt64
  private let heavy: UInt64
  private let hypercall: UInt64

  init(_ costs: CostSettings, _ settings: ProcessorSettings, speed: UInt64) {
    let slowdown = settings.execution == .emulation ? costs.translation.value : 1
    /// A part of a nanosecond is one, and a fortnight is for ever.
    func time(_ instructions: UInt64, _ slowdown: UInt64) -> UInt64 {
      let (count, over) = instructions.multipliedReportingOverflow(by: slowdown)
      let product = (over ? UInt64(1) << 62 : count).multipliedFullWidth(by: 1_000_000_000)
      guard product.high < speed else { return Self.most }
      let (whole, rest) = speed.dividingFullWidth(product)
      return min(whole &+ (rest > 0 ? 1 : 0), Self.most)
    }
    (execution, model) = (settings.execution, settings.model)
    receive = time(costs.guestReceive.value, slowdown)
    send = time(costs.guestSend.value, slowdown)
    timer = time(costs.guestTimer.value, slowdown)
    drive = time(costs.driverDomain.value, slowdown)
    access = time(costs.emulatedAccess.value, slowdown)
    light = min(costs.exitLight.value.rawValue, Self.most)
    heavy = min(costs.exitHeavy.value.rawValue, Self.most)
    hypercall = min(costs.hypercall.value.rawValue, Self.most)
  }

  /// Sums of a thousand of them can be counted.
  private static let most: UInt64 = 1 << 50

  /// Of decoded ones.
  var isConsistent: Bool {
    [receive, send, timer, drive, access, light, heavy, hypercall].allSatisfy { $0 <= Self.most }
  }

  var walk: NICWalk { NICWalk(model: model, execution: execution) }

  /// With translation nothing exits: what a device does is done by the translator.
  func exit(_ reason: ExitReason) -> UInt64 {
    if execution == .emulation { return reason == .privileged ? 0 : access }
    switch reason {
    case .txDoorbell, .icrRead, .imcWrite, .imsWrite, .rxRefill: return heavy
    case .kick: return execution == .paravirtual ? hypercall : light
    case .eoi: return execution == .paravirtual ? hypercall : light
    case .interrupt, .privileged: return light
    }
  }
}
