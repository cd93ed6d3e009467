import WeftCore

/// What a stage of a packet's way costs, and who says so.
public struct Cost<Value: Codable & Hashable & Sendable>: Sendable, Codable, Hashable {
  public var value: Value
  public var source: String

  public init(_ value: Value, _ source: String) { (self.value, self.source) = (value, source) }
}

/// The cost profile: what is counted is real, what it costs is modelled, and each line says where it comes from.
public struct CostSettings: Sendable, Codable, Hashable {
  public typealias Time = Cost<Nanoseconds>
  public typealias Count = Cost<UInt64>

  public var exitLight = Time(Nanoseconds(680), "SplitX 2011: 2,000 cycles at 2.93 GHz")
  public var exitHeavy = Time(.microseconds(3), "weft: an exit with emulation of a device, of the indirect costs of SplitX 2011")
  public var hypercall = Time(Nanoseconds(680), "as a light exit: paravirtualisation wins by fewer exits, not by cheaper ones")
  public var translation = Count(7, "weft: of a translator; an interpreter has 70")
  public var emulatedAccess = Count(200, "weft: a register's access in a translator is a call of the device's code")
  public var guestReceive = Count(10_000, "weft: a packet's way up through a kernel's stack")
  public var guestSend = Count(10_000, "weft: a packet's way down through a kernel's stack")
  public var guestTimer = Count(2_000, "weft: a timer's interrupt and what it wakes")
  public var hypervisor = Time(.microseconds(1), "weft: a packet's copy and the switch's port")
  public var driverDomain = Count(15_000, "weft: a kernel's stack once more, bridge and driver")
  public var hostWakeUp = Time(.microseconds(20), "weft: a process that sleeps is woken by its kernel")
  public var hostProcess = Time(.microseconds(10), "weft: a packet's way through a process, with two system calls")

  public init() {}

  public static let keys: KeyTable<CostSettings> = KeyTable(
    "costs", "The cost profile of hosts with cpus. Short form of a line: its value", from: CostSettings(),
    [
      time("exit-light", \.exitLight, "An exit that the hypervisor answers itself: interrupts, their end."),
      time("exit-heavy", \.exitHeavy, "One for which a device is emulated: a register of an e1000."),
      time("hypercall", \.hypercall, "A call of a kernel that knows its hypervisor, virtio's kick among them."),
      count("translation", \.translation, "How many instructions one of a guest is, with execution: emulation."),
      count("emulated-access", \.emulatedAccess, "Instructions of an access to a device with execution: emulation."),
      count("guest-receive", \.guestReceive, "Instructions of a guest for a packet that it gets."),
      count("guest-send", \.guestSend, "Instructions of a guest for a packet that it sends."),
      count("guest-timer", \.guestTimer, "Instructions of a guest for a timer."),
      time("hypervisor", \.hypervisor, "What a type 1 hypervisor does for a packet, in each direction."),
      count("driver-domain", \.driverDomain, "Instructions of a driver domain for a packet, in each direction."),
      time("host-wakeup", \.hostWakeUp, "How long a type 2 hypervisor's process takes to wake."),
      time("host-process", \.hostProcess, "What it does for a packet, in each direction."),
    ])

  private static func time(
    _ name: String, _ path: any WritableKeyPath<Self, Time> & Sendable, _ doc: String
  ) -> Field<Self> {
    let standard = CostSettings()[keyPath: path]
    return Field(
      name, path, line(.duration, example: "0.68 us"), doc, default: "\(standard.value.fileText) (\(standard.source))",
      example: "{value: 0.68 us, source: \"SplitX 2011\"}")
  }

  private static func count(
    _ name: String, _ path: any WritableKeyPath<Self, Count> & Sendable, _ doc: String
  ) -> Field<Self> {
    let standard = CostSettings()[keyPath: path]
    return Field(
      name, path, line(.integer(0...1_000_000_000), example: "5000"), doc, default: "\(standard.value) (\(standard.source))",
      example: "{value: 5000, source: \"perf stat\"}")
  }

  /// A value alone, or with who says so.
  private static func line<Value: Codable & Hashable & Sendable>(_ form: Form<Value>, example: String) -> Form<Cost<Value>> {
    let keys = KeyTable(
      "cost-\(Value.self == Nanoseconds.self ? "time" : "count")", "A line of the cost profile", from: CostLine<Value>(),
      [
        Field("value", \.value, form, "What it costs.", required: true, example: example),
        Field("source", \.source, .text, "Who says so.", example: "SplitX 2011"),
      ])
    let short: Form<Cost<Value>> = form.map { Cost($0, CostLine<Value>.ownSource) }
    let long: Form<Cost<Value>> = Form(shape: .object(keys.keys)) { written, reading in
      keys.read(written, reading).flatMap { line in line.value.map { Cost($0, line.source) } }
    }
    return .either(short, long)
  }
}

/// As a file has it.
private struct CostLine<Value: Sendable>: Sendable {
  static var ownSource: String { "the file" }
  var value: Value?
  var source = CostLine.ownSource
}
