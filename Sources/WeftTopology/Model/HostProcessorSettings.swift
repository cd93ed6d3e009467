import WeftSettings

/// A host's cpus, and what gives them to its VMs.
public struct HostProcessorSettings: Sendable, Codable, Hashable {
  public var count: Int
  /// Instructions a second of each.
  public var speed: UInt64 = 1_000_000_000
  public var hypervisor = HypervisorSettings.type1(driverDomain: nil)
  public var scheduler = SchedulerSettings()

  public init(count: Int) { self.count = count }
}
