import Foundation
import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

@Suite struct CheckpointTests {
  static func copy(_ gateway: NATGateway, into pool: FramePool) throws -> NATGateway {
    let decoder = JSONDecoder()
    decoder.userInfo[.framePool] = FramePoolReference(pool)
    return try decoder.decode(NATGateway.self, from: encode(gateway))
  }

  static func encode(_ gateway: NATGateway) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return try encoder.encode(gateway)
  }

  @Test(
    "a decoded gateway does the same as the one it was made from, to the last bit", arguments: NATSettings.Dependence.allCases)
  func aDecodedGatewayBehavesTheSame(filtering: NATSettings.Dependence) throws {
    for seed in 1...4 as ClosedRange<UInt64> {
      var random = RandomStream(seed: seed, owner: "checkpoint", purpose: "test")
      let a = Harness(
        configuration(host: true) {
          RandomTests.everything(&$0)
          $0.filtering = filtering
          $0.mapping = NATSettings.Dependence(rawValue: filtering.rawValue) ?? .endpointIndependent
        })
      let b = Harness(a.gateway.configuration)
      for round in 0..<3000 {
        if round % 500 == 250 {
          b.gateway = try Self.copy(a.gateway, into: b.pool)
          #expect(try Self.encode(b.gateway) == Self.encode(a.gateway))
        }
        let packet = RandomTests.packet(&random)
        let port = Int(random.next(below: 4))
        let step = random.next(below: 60) == 0 ? Nanoseconds.seconds(random.next(below: 200)) : .zero
        for net in [a, b] {
          net.clear()
          net.give(packet, on: port)
          net.advance(by: step)
        }
        guard a.sent == b.sent, a.drops == b.drops, a.macs == b.macs else {
          Issue.record("seed \(seed) round \(round): \(a.sent) \(a.drops) \(b.sent) \(b.drops)")
          return
        }
      }
      #expect(a.gateway.connections(now: a.now) == b.gateway.connections(now: b.now))
      #expect(a.gateway.counters == b.gateway.counters)
      #expect(try Self.encode(b.gateway) == Self.encode(a.gateway))
    }
  }

  @Test func packetsThatWaitForANeighbourTravelWithTheCheckpoint() throws {
    let a = Harness(configuration())
    a.silent = [router]
    a.give(Packets.udp(vm, 5000, server, 53), on: 2)
    #expect(a.sent.isEmpty)
    let b = Harness(configuration())
    b.gateway = try Self.copy(a.gateway, into: b.pool)
    b.now = a.now
    b.advance(by: .seconds(1))
    #expect(b.sent.first?.source == external && b.sent.first?.notes.first?.kind == .snat)
  }

  @Test func brokenCheckpointsAreErrorsAndNotTraps() throws {
    let net = Harness(configuration())
    _ = net.pass(Packets.udp(vm, 5000, server, 53), on: 2)
    var text = String(decoding: try Self.encode(net.gateway), as: UTF8.self)
    for key in ["\"sessions\":[", "\"mappings\":[", "\"sequences\":["] {
      let broken = text.replacingOccurrences(of: key, with: key + "18446744073709551615,")
      let decoder = JSONDecoder()
      decoder.userInfo[.framePool] = FramePoolReference(net.pool)
      #expect(throws: DecodingError.self) { try decoder.decode(NATGateway.self, from: Data(broken.utf8)) }
    }
    text = ""
  }
}
