import Testing
import WeftCore
import WeftTestSupport
import WeftWire

@testable import WeftFabric
@testable import WeftTopology

/// No key of the file is accepted and ignored.
@Suite struct KeyEffectTests {
  @Test(arguments: KeyEffect.all) func aKeyChangesWhatIsSeen(row: KeyEffect) throws {
    let (before, after) = (row.lab(row.before), row.lab(row.after))
    try #require(before != after)
    let seen = try KeyEffect.seen(before)
    #expect(!seen.contains { $0.hasPrefix("error:") }, "\(seen.filter { $0.hasPrefix("error:") })\n\(before)")
    #expect(try seen != KeyEffect.seen(after), "\(after)")
  }

  @Test func everyKeyHasARow() {
    let keys = Set(TopologySchema.tables().flatMap { table in table.keys.map { "\(table.name).\($0.name)" } })
    // No guest sends anything but TCP, UDP and ICMP: its own test is below.
    let others = ["generic", "gre", "gre-stream"] + Self.ofSCTP.map { "sctp-\($0)" }
    let rows = Set(KeyEffect.all.map(\.key)).union(others.map { "timeouts.\($0)" })
    #expect(keys.subtracting(rows).sorted() == [])
    #expect(rows.subtracting(keys).sorted() == [])
  }

  /// `OtherTransportTests` has what each does.
  private static let ofSCTP = [
    "closed", "cookie-wait", "cookie-echoed", "established", "shutdown-sent", "shutdown-recd", "shutdown-ack-sent",
    "heartbeat-sent",
  ]

  /// GRE and another, given to the gateway by hand; `isAnswered`: and one back and one more.
  @Test(arguments: [("generic", UInt8(50), false), ("gre", 47, false), ("gre-stream", 47, true)])
  func theTimeoutOfOtherProtocolsHoldsForThem(key: String, proto: UInt8, isAnswered: Bool) throws {
    func left(_ time: String) throws -> [String] {
      let row = KeyEffect("", in: "network", "", "")
      var simulation = try Simulation(
        topology(row.lab("nat: {profile: linux, timeouts: {\(key): \(time)}}")), until: .start + .seconds(3))
      simulation.run(until: .start + .milliseconds(900))
      let node = try #require(simulation.world.gatewayNodes.first?.node)
      let gateway = simulation.world.elements.gateways[ID(0)].configuration
      let (inside, server) = (IPv4Address(10, 0, 0, 7), IPv4Address(203, 0, 113, 9))
      func give(_ mac: MACAddress, _ source: IPv4Address, _ destination: IPv4Address, on port: Int) {
        var bytes = [UInt8](repeating: 0, count: 14 + 20 + 8)
        var mutable = bytes.mutableSpan
        var span = mutable.mutableBytes
        EthernetHeader(destination: mac, source: .local(7), type: .ipv4).write(to: &span)
        var ip = span.slice(14..<42)
        IPv4Header(protocol: IPProtocol(rawValue: proto), source: source, destination: destination)
          .write(to: &ip, payloadLength: 8)
        simulation.world.inject(bytes, to: node, on: port)
      }
      give(gateway.networks[0].mac, inside, server, on: 2)
      if isAnswered {
        give(gateway.outside.mac, server, gateway.outside.address, on: 0)
        give(gateway.networks[0].mac, inside, server, on: 2)
      }
      return simulation.connections(at: simulation.now).map(\.line).filter { $0.contains(" \(proto) ") }
    }
    let (long, short) = (try left("9 min"), try left("4 min"))
    #expect(long.count == 1 && short.count == 1 && long != short, "\(long) \(short)")
  }
}
