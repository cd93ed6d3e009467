import WeftCore
import WeftNAT
import WeftWire

/// Before its frames, a script says which of its many ways the gateway has; its table is small, so that it fills up.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzGateway(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  var script = Script(start, count)
  let ways = script.u16()
  let external = IPv4Address(134, 115, 153, 223)
  let web = IPv4Address(192, 168, 122, 10)
  var configuration = NATConfiguration(
    name: "home", seed: 1,
    outside: .init(
      mac: .local(0xff00), address: external, prefix: IPv4Prefix(external, length: 24),
      gateway: IPv4Address(134, 115, 153, 2)),
    insides: [
      .init(
        name: "home", mac: .local(0xff02), address: IPv4Address(192, 168, 122, 1), prefix: IPv4Prefix(web, length: 24)),
      .init(
        name: "work", mac: .local(0xff03), address: IPv4Address(10, 0, 0, 1),
        prefix: IPv4Prefix(IPv4Address(10, 0, 0, 0), length: 24)),
    ], hasHostPort: ways & 1 != 0)
  configuration.forwards = [
    PortForward(.tcp, externalPort: 8080, to: web, port: 80), PortForward(.udp, externalPort: 5353, to: web, port: 53),
  ]
  configuration.services = [ServicePort(.tcp, 22)]
  configuration.mapping = NATMapping.allCases[Int(ways >> 1 & 3) % 3]
  configuration.filtering = NATFiltering.allCases[Int(ways >> 3 & 3) % 3]
  configuration.hairpin = NATHairpin.allCases[Int(ways >> 5) % 3]
  configuration.unsolicited = ways & 0x40 == 0 ? .drop : .refuse
  configuration.timeouts.inboundRefresh = ways & 0x80 != 0
  configuration.ipForwarding = ways & 0x700 != 0x700
  configuration.tableLimit = ways & 0x800 == 0 ? 262_144 : 3
  let macs: [MACAddress] = [.local(0xff00), .local(0xff00), .local(0xff02), .local(0xff03)]
  Drive.run(NATGateway(configuration), macs: macs, script)
  return 0
}
