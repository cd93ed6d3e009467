import WeftCore
import WeftSettings

/// Under `boot-into`.
struct BootInto: Sendable {
  var vm = ""
  var boot = Nanoseconds.zero
  var timeout = Nanoseconds.seconds(10)

  static let keys: KeyTable<BootInto> = KeyTable(
    "boot-into", "Another system of a host without a hypervisor. Short form: the system alone", from: BootInto(),
    [
      Field("vm", \.vm, .vm, "Which system.", required: true, example: "windows"),
      Field("boot", \.boot, .duration, "How long it takes to boot.", example: "20 s"),
      Field(
        "timeout", \.timeout, .interval, "The other's plug is pulled if it hasn't ended by then.", example: "5 s"),
    ])
}
