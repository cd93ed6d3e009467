import WeftCore
import WeftSettings

/// A host's cpus: how fast they are, who gets them, and what lies between its VMs and its hardware.
public struct HostProcessors: Codable, Sendable {
  /// Whose a virtual cpu is.
  public struct Owner: Codable, Sendable, Hashable {
    public var node: Int
    /// Of the machine's.
    public var index: Int
  }

  public let name: String
  /// Instructions a second of each.
  public let speed: UInt64
  public let hypervisor: HypervisorSettings
  public let costs: CostSettings
  public var scheduler: CreditScheduler
  /// Of each virtual cpu, by its id.
  public private(set) var owners: [Owner] = []
  /// The machine with the drivers.
  public var driver: Int?

  public init(
    name: String, cpus: Int, speed: UInt64, hypervisor: HypervisorSettings, costs: CostSettings, scheduler: SchedulerSettings,
    now: Instant = .start
  ) {
    (self.name, self.speed, self.hypervisor, self.costs) = (name, speed, hypervisor, costs)
    self.scheduler = CreditScheduler(processors: cpus, scheduler, now: now)
  }

  /// A machine comes; it is paused until it runs.
  public mutating func add(_ settings: ProcessorSettings, node: Int, now: Instant) -> Int {
    let first = scheduler.add(settings.count, weight: settings.weight, cap: settings.cap, now: now)
    for index in 0..<settings.count { owners.append(Owner(node: node, index: index)) }
    return first
  }

  /// Of all virtual cpus of a machine, on hosts where it was before too.
  public func times(of work: GuestWork, now: Instant) -> CreditScheduler.Times {
    (0..<work.count).reduce(work.before) { $0 + scheduler.times(of: work.place.first + $1, now: now) }
  }

  /// Of a decoded one.
  public var isConsistent: Bool {
    scheduler.isConsistent && owners.count == scheduler.count && (1_000_000...100_000_000_000).contains(speed)
  }
}
