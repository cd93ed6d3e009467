import WeftCore
import WeftSwitch
import WeftWire

/// A small database, so that it fills up. Before its frames, a script says how many ports there are.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzSwitch(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var script = Script(start, count)
  let ports = Int(script.u8() & 3) + 1
  Drive.run(
    VirtualSwitch(ports: ports, fdbLimit: 4), macs: (0..<ports).map { .local(UInt64($0)) }, script, floods: true,
    keepsNothing: true)
  return 0
}
