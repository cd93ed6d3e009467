import WeftCore
import WeftPrograms
import WeftStack

/// What a guest is before it boots: passive data, made from the topology file.
public struct GuestConfiguration: Codable, Sendable {
  public var stack: StackConfiguration
  public var programs: [ProgramConfiguration]

  public init(
    name: String, seed: UInt64, interfaces: [InterfaceConfiguration], programs: [ProgramConfiguration] = [],
    scalesWindows: Bool = true
  ) {
    stack = StackConfiguration(name: name, seed: seed, interfaces: interfaces)
    stack.scalesWindows = scalesWindows
    self.programs = programs
  }
}
