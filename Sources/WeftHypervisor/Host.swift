import WeftCore
import WeftSettings

/// A physical machine and what runs on it: with VMs a hypervisor, without any a plain machine.
public struct Host: Codable, Hashable, Sendable {
  public let name: String
  /// Names of the VMs placed here, in order of placement.
  public var virtualMachines: [String]
  /// Bytes for its VMs; nil: as much as they need.
  public var memory: UInt64?
  public var overcommit = Overcommit.refuse
  /// Nil: nobody asks what it takes.
  public var power: PowerSettings?
  /// Since when it does nothing any more.
  public var failedAt: Instant?

  /// It is to be switched off once it has no VM.
  public var goesOff = false
  /// Since when it is.
  public var offAt: Instant?

  public var hasFailed: Bool { failedAt != nil }

  public init(name: String, virtualMachines: [String] = [], memory: UInt64? = nil) {
    self.name = name
    self.memory = memory
    self.virtualMachines = virtualMachines
  }
}
