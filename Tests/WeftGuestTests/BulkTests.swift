import Testing
import WeftCore
import WeftProbes
import WeftWire

@testable import WeftGuest
@testable import WeftPrograms
@testable import WeftStack

@Suite struct BulkTests {
  static let size: UInt64 = 1_500_000

  private func run(_ parameters: LinkParameters, seed: UInt64, reorder: UInt64 = 0) -> (
    sink: ProgramReport, bulk: ProgramReport, outstanding: Int
  ) {
    var net = Net(
      [
        Net.guest(0, [ProgramConfiguration.bulk(to: .guest(1), port: 5001, size: Self.size)], seed: seed),
        Net.guest(1, [ProgramConfiguration.sink(port: 5001)], seed: seed),
      ], parameters, seed: seed)
    net.keepsTaps = false
    if reorder > 0 {
      var random = RandomStream(seed: seed, owner: "net", purpose: "reorder")
      net.reorders = { _ in random.next(below: 100) < reorder }
    }
    net.bootAll()
    net.run(seconds: 3000)
    #expect(net.guests.allSatisfy { $0.isIdle })
    let reports = (net.guests[1].programReports[0], net.guests[0].programReports[0])
    return (reports.0, reports.1, net.outstandingAtEnd())
  }

  @Test(arguments: [0, 0.01, 0.03, 0.05], [1, 2, 3, 4, 5] as [UInt64])
  func everyByteArrivesInOrderThroughLoss(loss: Double, seed: UInt64) {
    let (sink, bulk, outstanding) = run(
      LinkParameters(delay: .milliseconds(2), rate: 100_000_000, loss: loss), seed: seed)
    #expect(bulk.state == .done)
    #expect(sink.bytesIn == Self.size)
    #expect(sink.patternBytes == Self.size)
    #expect(outstanding == 0)
  }

  @Test(arguments: [1, 2, 3] as [UInt64]) func everyByteArrivesThroughReorderingAndLoss(seed: UInt64) {
    let (sink, bulk, outstanding) = run(LinkParameters(delay: .milliseconds(2), loss: 0.01), seed: seed, reorder: 10)
    #expect(bulk.state == .done)
    #expect(sink.patternBytes == Self.size)
    #expect(outstanding == 0)
  }

  @Test func aCleanPathIsFilled() {
    let (_, bulk, _) = run(LinkParameters(delay: .milliseconds(5), rate: 50_000_000), seed: 1)
    #expect((bulk.throughput ?? 0) > 40_000_000)
  }

  @Test func theSameSeedGivesTheSameFramesAndEncodingInBetweenChangesNothing() throws {
    func frames(recodeEvery: Double?) throws -> ([[UInt8]], Int) {
      var net = Net(
        [
          Net.guest(
            0,
            [
              ProgramConfiguration.bulk(to: .guest(1), port: 5001, size: 150_000),
              ProgramConfiguration.httpGet(to: .guest(1), port: 80, path: "/", host: nil, count: 3, interval: .milliseconds(40)),
              ProgramConfiguration.ping(to: .guest(1), count: 5, interval: .milliseconds(30), size: 3000, ttl: 64),
              ProgramConfiguration.udpRate(to: .guest(1), port: 5001, size: 100, interval: .milliseconds(7), count: 20),
              ProgramConfiguration.ping(
                to: .address(IPv4Address(10, 0, 0, 99)), count: 1, interval: .seconds(1), size: 8, ttl: 64),
            ]),
          Net.guest(
            1,
            [
              ProgramConfiguration.sink(port: 5001),
              ProgramConfiguration.httpServer(port: 80, status: 200, body: nil, size: 20_000),
            ]),
        ], LinkParameters(delay: .milliseconds(3), rate: 20_000_000, loss: 0.03))
      net.bootAll()
      for _ in 0..<150 {
        net.run(seconds: recodeEvery ?? 0.011)
        if recodeEvery != nil { try net.recode() }
      }
      net.run(seconds: 200)
      #expect(net.guests[1].programReports[0].patternBytes == 150_000)
      #expect(net.guests[0].programReports[1].replies == 3)
      return (net.taps.map(\.bytes), net.outstandingAtEnd())
    }
    let plain = try frames(recodeEvery: nil)
    let coded = try frames(recodeEvery: 0.011)
    #expect(plain.0.count == coded.0.count)
    #expect(plain.0 == coded.0)
    #expect(plain.1 == 0 && coded.1 == 0)
  }
}
