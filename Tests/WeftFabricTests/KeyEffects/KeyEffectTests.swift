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
    let rows = Set(KeyEffect.all.map(\.key)).union(["timeouts.generic"])
    #expect(keys.subtracting(rows).sorted() == [])
    #expect(rows.subtracting(keys).sorted() == [])
  }

  /// GRE, given to the gateway by hand.
  @Test func theTimeoutOfOtherProtocolsHoldsForThem() throws {
    func left(_ time: String) throws -> [String] {
      let row = KeyEffect("", in: "network", "", "")
      var simulation = try Simulation(
        topology(row.lab("nat: {profile: linux, timeouts: {generic: \(time)}}")), until: .start + .seconds(3))
      simulation.run(until: .start + .milliseconds(900))
      let node = try #require(simulation.world.gatewayNodes.first?.node)
      let mac = simulation.world.elements.gateways[ID(0)].configuration.networks[0].mac
      var bytes = [UInt8](repeating: 0, count: 14 + 20 + 8)
      var mutable = bytes.mutableSpan
      var span = mutable.mutableBytes
      EthernetHeader(destination: mac, source: .local(7), type: .ipv4).write(to: &span)
      var ip = span.slice(14..<42)
      IPv4Header(
        protocol: IPProtocol(rawValue: 47), source: IPv4Address(10, 0, 0, 7), destination: IPv4Address(203, 0, 113, 9)
      ).write(to: &ip, payloadLength: 8)
      simulation.world.inject(bytes, to: node, on: 2)
      return simulation.connections(at: simulation.now).map(\.line).filter { $0.contains(" 47 ") }
    }
    let (long, short) = (try left("9 min"), try left("4 min"))
    #expect(long.count == 1 && short.count == 1 && long != short, "\(long) \(short)")
  }
}
