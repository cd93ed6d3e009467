import WeftCore
import WeftGuest
import WeftWire

/// A guest that serves all it can, on one interface with an address and one that asks for it. Before its frames, a
/// script says whether it is a client too.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGuest(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var script = Script(start, count)
  let clients = script.u8()
  let prefix = IPv4Prefix(IPv4Address(10, 0, 0, 0), length: 24)
  let friend = GuestTarget.address(IPv4Address(10, 0, 0, 2))
  let silent = GuestTarget.address(IPv4Address(10, 0, 0, 3))
  let far = GuestTarget.address(IPv4Address(198, 51, 100, 7))
  var programs = [
    GuestProgram(.httpServer(port: 80, status: 200, body: nil, size: 5000)), GuestProgram(.tcpEcho(port: 7)),
    GuestProgram(.udpEcho(port: 7)), GuestProgram(.sink(port: 9)),
  ]
  let more: [GuestProgram.Kind] = [
    .bulk(to: friend, port: 5001, size: 100_000),
    .httpGet(to: far, port: 80, path: "/", host: nil, count: 3, interval: .milliseconds(200)),
    .ping(to: friend, count: 3, interval: .milliseconds(100), size: 3000, ttl: 64),
    .udpRate(to: silent, port: 99, size: 2000, interval: .milliseconds(50), count: 20),
    // To itself, and to a name that never has an address.
    .bulk(to: .address(IPv4Address(10, 0, 0, 1)), port: 9, size: 3000),
    .ping(to: .named("nobody"), count: 1, interval: .seconds(1), size: 56, ttl: 1),
  ]
  for (index, kind) in more.enumerated() where clients >> index & 1 != 0 { programs.append(GuestProgram(kind)) }
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
    if clients & 0x80 != 0 {
      let probe = GuestProbe(trace: 1, kind: .http(to: friend, port: 80, path: "/", host: nil), timeout: .seconds(20))
      guest.startProbe(probe, now: now, &out)
    }
  }
  return 0
}
