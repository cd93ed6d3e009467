/// A physical machine and what runs on it: with VMs a hypervisor, without any a plain machine.
public struct Host: Codable, Hashable, Sendable {
  public let name: String
  /// Names of the VMs placed here, in order of placement.
  public var virtualMachines: [String]

  public init(name: String, virtualMachines: [String] = []) {
    self.name = name
    self.virtualMachines = virtualMachines
  }
}
