/// A physical machine and what runs on it: with VMs a hypervisor, without any a plain machine.
public struct Host: Codable, Sendable {
  public let name: String
  /// Names of the VMs placed here, in order of placement.
  public private(set) var virtualMachines: [String] = []

  public init(name: String) { self.name = name }

  public mutating func place(_ machine: String) { virtualMachines.append(machine) }
}
