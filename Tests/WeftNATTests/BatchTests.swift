import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

@Suite struct BatchTests {
  @Test("a batch does to each frame what receive does, in their order", arguments: NATSettings.Profile.allCases)
  func batchesAreReceives(profile: NATSettings.Profile) {
    var random = RandomStream(seed: 9, owner: "batch", purpose: profile.rawValue)
    let configuration = Traffic.configuration(profile, &random)
    var traffic = Traffic(Harness(configuration))
    let (single, batched) = (traffic.net, Harness(configuration))
    for _ in 0..<40 {
      var frames: [([UInt8], Int)] = []
      for _ in 0..<Int(1 + random.next(below: 70)) {
        guard case .give(let frame, let port) = traffic.next(&random) else { continue }
        frames.append((frame, port))
        single.gateway.receive(single.pool.frame(frame), on: PortIndex(port), now: single.now, &single.out)
      }
      let arrivals = frames.map { NATGateway.Arrival(batched.pool.frame($0.0).store(), on: PortIndex($0.1)) }
      batched.gateway.receive(arrivals.span, now: batched.now, &batched.out)
      for net in [single, batched] {
        net.clear()
        net.drain()
        net.advance(by: .milliseconds(500))
      }
      guard single.sent == batched.sent, single.drops == batched.drops else {
        Issue.record("sent \(single.sent)\nand \(batched.sent)")
        return
      }
    }
    #expect(single.gateway.counters == batched.gateway.counters)
    #expect(!configuration.ipForwarding || single.gateway.counters.created > 0)
  }

  @Test func aTablesCopyIsAValue() {
    var table = EntryTable<UInt64>()
    for value in 0..<1000 { table.append(UInt64(value)) }
    var copy = table
    copy[7] = 0
    copy.append(1)
    table[8] = 1
    #expect(table[7] == 7 && copy[7] == 0 && copy[8] == 8 && table.count == 1000 && copy.count == 1001)
    #expect(EntryTable<UInt64>(zeroed: 9).indices.allSatisfy { EntryTable<UInt64>(zeroed: 9)[$0] == 0 })
  }
}
