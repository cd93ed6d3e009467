import WeftCore

/// What a VM is, looked up without a packet. Such a check has `vm` instead of `from`, and needs no machine that runs.
public protocol StateSettings: ProbeSettings {}

extension StateSettings {
  public static var exchange: Exchange { Exchange.none }
  public var target: Destination? { nil }
}

/// `state: running`
public struct StateProbeSettings: StateSettings, Hashable {
  public var state = MachineState.running

  public init(_ state: MachineState = .running) { self.state = state }

  public static let word = "state"
  public static let keys = KeyTable(
    word, "What a VM is", from: StateProbeSettings(),
    [Field("is", \.state, .choice, "Which state.", required: true, example: "running")])
  public static let row = Case.probe(
    Form<MachineState>.choice.map { StateProbeSettings($0) }, "What the VM `vm` is: its place in a VM's life.", example: "paused")

  public func title(_ target: String) -> String { "state \(state.rawValue)" }
}

/// `memory-equal: before`: the VM's memory is that of a snapshot, to the byte.
public struct MemoryProbeSettings: StateSettings, Hashable {
  public var snapshot: String

  public init(_ snapshot: String = "") { self.snapshot = snapshot }

  public static let word = "memory-equal"
  public static let keys = KeyTable(
    word, "What its memory is equal to", from: MemoryProbeSettings(),
    [Field("to", \.snapshot, .text, "Which of its snapshots.", required: true, example: "before")])
  public static let row = Case.probe(
    .table(keys, short: .text) { MemoryProbeSettings($0) }, "The memory of the VM `vm` is that of a snapshot, to the byte.",
    example: "before")

  public func title(_ target: String) -> String { "memory of \(snapshot)" }
}
