import WeftSettings

// Cpus, of hosts and of VMs.

/// Among the keys of a host.
struct HostProcessorsEntry: Sendable {
  var count: Int?
  var speed: UInt64 = 1_000_000_000
  var hypervisor: HypervisorSettings?
  var scheduler = SchedulerSettings()
}

extension HostEntry {
  static let processorFields: [Field<HostEntry>] = [
    Field(
      "cpus", \.processors.count, .integer(1...1024),
      "Its cpus: with them what its VMs do takes time, and they wait for each other.", default: "none: it takes no time",
      example: "2"),
    Field("speed", \.processors.speed, .speed, "Of each cpu, an instruction a cycle.", example: "2.4 GHz"),
    Field(
      "hypervisor", \.processors.hypervisor, HypervisorSettings.form,
      "What is between its VMs and its hardware: type1, on the hardware itself; type2, a program of an operating system; none, "
        + "where its VMs are systems of which one runs at a time.", default: "type1", example: "{type1: {driver-domain: dom0}}"),
    Field(
      "scheduler", \.processors.scheduler, .table(SchedulerSettings.keys), "How its cpus are given to its VMs.",
      default: "slices of 30 ms, boost", example: "{slice: 5 ms, boost: false}"),
  ]
}

extension VMEntry {
  static let processorFields: [Field<VMEntry>] = [
    Field(
      "vcpus", \.processor.count, .integer(1...64),
      "Its processors, on a host with `cpus`: its network runs on the first, its programs' own work from the last on.",
      example: "2"),
    Field(
      "weight", \.processor.weight, .integer(1...65535), "Its share of the host's cpus, beside the other VMs' weights.",
      example: "512"),
    Field(
      "cap", \.processor.cap, .cap, "The most that it gets of one cpu, be the others idle; over 100 % with several vcpus.",
      default: "none", example: "50 %"),
    Field(
      "execution", \.processor.execution, .choice,
      "emulation: each instruction is translated; classical: what its kernel may not do exits; paravirtual: its kernel calls "
        + "the hypervisor.", example: "emulation"),
    Field(
      "nic-model", \.processor.model, .choice, "The card that it finds: virtio's rings, or the registers of an e1000.",
      example: "e1000"),
  ]
}
