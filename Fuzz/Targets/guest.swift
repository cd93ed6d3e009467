import WeftCore
import WeftGuest
import WeftPrograms
import WeftStack
import WeftWire

/// A guest that serves all it can, on one interface with an address and one that asks for it. Before its frames, a
/// script says whether it is a client too.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGuest(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var script = Script(start, count)
  let clients = script.u8()
  let prefix = IPv4Prefix(IPv4Address(10, 0, 0, 0), length: 24)
  let friend = Target(IPv4Address(10, 0, 0, 2))
  let silent = Target(IPv4Address(10, 0, 0, 3))
  let far = Target(IPv4Address(198, 51, 100, 7))
  var programs: [ProgramConfiguration] = [
    .init(HTTPServer.self, .init(port: 80, size: 5000)), .init(TCPEcho.self, .init(port: 7)),
    .init(UDPEcho.self, .init(port: 7)), .init(Sink.self, .init(port: 9)),
  ]
  let more: [ProgramConfiguration] = [
    .init(Bulk.self, .init(to: friend, port: 5001, size: 100_000)),
    .init(HTTPGet.self, .init(to: far, port: 80, count: 3, interval: .milliseconds(200))),
    .init(Ping.self, .init(to: friend, count: 3, interval: .milliseconds(100), size: 3000, timeToLive: 64)),
    .init(UDPRate.self, .init(to: silent, port: 99, size: 2000, interval: .milliseconds(50), count: 20)),
    // To itself, and to a machine that never has an address.
    .init(Bulk.self, .init(to: Target(IPv4Address(10, 0, 0, 1)), port: 9, size: 3000)),
    .init(Ping.self, .init(to: Target(unresolved: "nobody"), count: 1, interval: .seconds(1), size: 56, timeToLive: 1)),
  ]
  for (index, kind) in more.enumerated() where clients >> index & 1 != 0 { programs.append(kind) }
  if clients & 0x80 != 0 { programs.append(.init(HTTPGet.self, .init(to: friend, port: 80, interval: .seconds(1)))) }
  let configuration = GuestConfiguration(
    name: "guest", seed: 1,
    interfaces: [
      .init(
        mac: .local(1), addressing: .static(IPv4Address(10, 0, 0, 1), prefix, gateway: IPv4Address(10, 0, 0, 254)),
        mtu: clients & 0x40 == 0 ? 1500 : 576),
      .init(mac: .local(2), addressing: .dhcp),
    ], programs: programs)
  Drive.run(Guest(configuration), macs: [.local(1), .local(2)], script) { guest, now, out in
    guest.boot(now: now, &out)
  }
  return 0
}
