import WeftCore
import WeftServices
import WeftWire

/// A pool of four addresses, so that it runs out.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDHCPServer(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  let server = IPv4Address(192, 168, 122, 2)
  let configuration = DHCPServer.Configuration(
    mac: .local(0xff00), address: server, prefix: IPv4Prefix(server, length: 24), router: IPv4Address(192, 168, 122, 1),
    first: IPv4Address(192, 168, 122, 10), last: IPv4Address(192, 168, 122, 13), leaseTime: .hours(1),
    excluded: [IPv4Address(192, 168, 122, 11)], reservations: [.local(7): IPv4Address(192, 168, 122, 50)])
  Drive.run(DHCPServer(configuration), macs: [.local(0xff00)], Script(start, count))
  return 0
}
