import Testing
import WeftCore
import WeftIP
import WeftProbes
import WeftWire

@testable import WeftGuest
@testable import WeftPrograms
@testable import WeftStack

@Suite struct DatagramTests {
  private struct Record {
    var taps: [Tapped]
    var drops: [Dropped]
    var observations: [Observation]
  }

  private func probe(
    _ kind: ProbeKind, server: [ProgramConfiguration] = [], seconds: Double = 10
  ) -> (ProbeResult?, Record) {
    var net = Net([Net.guest(0), Net.guest(1, server)])
    net.bootAll()
    net.probe(0, ProbeConfiguration(trace: 4, kind: kind, timeout: .seconds(6)))
    net.run(seconds: seconds)
    return (
      net.takeProbeResults(0).first,
      Record(taps: net.taps, drops: net.drops, observations: net.observations)
    )
  }

  @Test func udpToAnEchoServerIsOpenAndTraced() {
    let (result, net) = probe(.udp(to: .guest(1), port: 7), server: [ProgramConfiguration.udpEcho(port: 7)])
    #expect(result?.outcome == .open)
    #expect(result?.remoteAddress == Net.address(1))
    #expect(
      net.observations == [
        Observation(.delivered, trace: 4, source: Net.address(0), sourcePort: result?.localPort ?? 0)
      ])
    #expect(net.taps.filter { $0.trace == 4 }.count == 2)
  }

  @Test func udpToAClosedPortIsRefused() {
    let (result, net) = probe(.udp(to: .guest(1), port: 7))
    #expect(result?.outcome == .refused)
    #expect(net.drops.map(\.reason) == [.portClosed])
    #expect(net.taps.last?.trace == 4)
  }

  @Test func udpToASilentServerTimesOut() {
    let (result, _) = probe(.udp(to: .guest(1), port: 7), server: [ProgramConfiguration.sink(port: 7)])
    #expect(result?.outcome == .timedOut)
  }

  @Test(arguments: [
    ProbeKind.udp(to: .address(IPv4Address(10, 0, 0, 77)), port: 7),
    .tcpConnect(to: .address(IPv4Address(10, 0, 0, 77)), port: 7),
    .ping(to: .address(IPv4Address(10, 0, 0, 77)), size: 8, ttl: 64),
  ]) func aNeighbourThatIsNotThereIsUnreachableAfterThreeRequests(kind: ProbeKind) {
    let (result, net) = probe(kind)
    #expect(result?.outcome == .unreachable(code: 1))
    #expect(result?.icmpFrom == nil)
    #expect(result?.finishedAt == Instant(3_000_000_000))
    #expect(net.drops.map(\.reason).contains(.neighbourUnresolved))
  }

  @Test func noRouteIsUnreachableAtOnceAndNoNameNotSent() {
    let (result, record) = probe(.tcpConnect(to: .address(IPv4Address(192, 0, 2, 1)), port: 7))
    #expect(result?.outcome == .unreachable(code: 0) && result?.finishedAt == .start)
    #expect(record.taps.allSatisfy { $0.trace == 0 })
    #expect(record.drops.map(\.reason) == [.noRoute])
    #expect(probe(.tcpConnect(to: Target(unresolved: "nobody"), port: 7)).0?.outcome == .notSent)
  }

  @Test(arguments: [0, 1, 56, 1472, 1473, 4000, 65_507]) func pingsOfAnySizeAreAnswered(size: Int) {
    let (result, _) = probe(.ping(to: .guest(1), size: size, ttl: 1))
    #expect(result?.outcome == .open)
    #expect(result?.bytes == UInt64(size))
    #expect(result?.rtt.map { $0 >= .milliseconds(10) && $0 <= .milliseconds(20) } == true)
  }

  @Test func longDatagramsAreFragmentedAndPutTogether() {
    var net = Net([
      Net.guest(
        0, [ProgramConfiguration.udpRate(to: .guest(1), port: 9, size: 9000, interval: .milliseconds(10), count: 5)], mtu: 576
      ),
      Net.guest(1, [ProgramConfiguration.sink(port: 9)]),
    ])
    var random = RandomStream(seed: 1, owner: "net", purpose: "reorder")
    net.reorders = { _ in random.next(below: 100) < 30 }
    net.bootAll()
    net.run(seconds: 60)
    #expect(net.guests[1].programReports[0].bytesIn == 45_000 || net.guests[1].programReports[0].bytesIn == 36_000)
    #expect(net.outstandingAtEnd() == 0)
  }

  @Test func fragmentsWithoutTheRestAreDroppedInTimeAndTheSenderIsTold() {
    var net = Net([Net.guest(0), Net.guest(1, [ProgramConfiguration.sink(port: 9)])])
    net.bootAll()
    net.run(seconds: 1)
    net.taps = []
    net.loses = { $0.from == 0 && $0.bytes[13] == 0 && $0.bytes[20] & 0x20 == 0 }
    net.with(0) { guest, now, out in
      let payload = [UInt8](repeating: 1, count: 3000)
      guest.stack.sendDatagram(from: 40_000, to: Net.address(1), 9, payload.span.bytes, now: now, &out)
    }
    net.run(seconds: 29)
    #expect(net.drops.isEmpty)
    net.run(seconds: 2)
    #expect(net.drops.filter { $0.guest == 1 }.map(\.reason) == [.fragmentTimeout, .fragmentTimeout])
    let error = net.taps.last { $0.from == 1 && $0.bytes[12] == 8 && $0.bytes[23] == 1 }
    #expect(error?.bytes[34] == 11 && error?.bytes[35] == 1)
  }

  @Test func icmpErrorsAreLimited() {
    var net = Net([Net.guest(0), Net.guest(1)], LinkParameters(delay: .milliseconds(1)))
    net.bootAll()
    net.probe(0, ProbeConfiguration(trace: 9, kind: .ping(to: .guest(1), size: 8, ttl: 64), timeout: .seconds(1)))
    net.run(seconds: 1)
    net.taps = []
    for _ in 0..<200 {
      net.with(0) { guest, now, out in
        guest.stack.sendDatagram(from: 40_000, to: Net.address(1), 9, ([1] as [UInt8]).span.bytes, now: now, &out)
      }
    }
    net.run(seconds: 1)
    #expect(net.taps.filter { $0.from == 1 }.count == 50)
    #expect(net.drops.filter { $0.reason == .portClosed }.count == 200)
  }

  private static func error(_ type: UInt8, _ code: UInt8, about sent: [UInt8], _ pool: FramePool) -> [UInt8] {
    var effects = Effects(pool: pool)
    let packet = IPv4View(sent.span.bytes.extracting(14..<sent.count))!
    var frame = ICMPError.make(
      ICMPv4Type(rawValue: type), code: code, about: packet, from: Net.address(1), identification: 1, trace: 4, &effects
    )
    var span = frame.mutableBytes
    EthernetHeader(destination: .local(1), source: .local(2), type: .ipv4).write(to: &span)
    return frame.bytes.array
  }

  /// A router's word about an echo request, a datagram and a SYN.
  @Test func icmpErrorsReachTheirSockets() {
    let far = Target.address(IPv4Address(192, 0, 2, 9))
    for (type, code, expected) in [
      (UInt8(11), UInt8(0), ProbeResult.Outcome.ttlExceeded), (3, 0, .unreachable(code: 0)), (3, 3, .refused),
      (3, 13, .unreachable(code: 13)),
    ] {
      for kind in [
        ProbeKind.ping(to: far, size: 8, ttl: 1), .udp(to: far, port: 9), .tcpConnect(to: far, port: 9),
      ] {
        var configuration = Net.guest(0)
        configuration.stack.interfaces[0].addressing = .static(Net.address(0), Net.prefix, gateway: Net.address(1))
        var net = Net([configuration, Net.guest(1)])
        net.bootAll()
        net.run(seconds: 0.1)
        // The other guest isn't a router: the test answers in its place.
        net.probe(0, ProbeConfiguration(trace: 4, kind: kind, timeout: .seconds(6)))
        net.loses = { $0.bytes[13] == 0 }
        net.run(seconds: 0.1)
        let sent = net.taps.last { $0.from == 0 && $0.bytes[13] == 0 }!.bytes
        let bytes = Self.error(type, code, about: sent, net.pool)
        net.inject(0, bytes)
        let result = net.takeProbeResults(0).first
        #expect(result?.outcome == expected)
        if expected != .refused { #expect(result?.icmpFrom == Net.address(1)) }
      }
    }
  }

  @Test func strayFramesAreDroppedWithTheirReason() {
    var net = Net([Net.guest(0), Net.guest(1)])
    net.bootAll()
    net.run(seconds: 1)
    func reason(_ change: (inout [UInt8]) -> Void) -> DropReason? {
      net.taps = []
      net.with(0) { guest, now, out in
        guest.stack.sendDatagram(
          from: 40_000, to: Net.address(1), 9, ([1, 2, 3, 4] as [UInt8]).span.bytes, now: now, &out)
      }
      net.run(seconds: 1)
      var bytes = net.taps[0].bytes
      change(&bytes)
      net.drops = []
      net.inject(1, bytes)
      return net.drops.first?.reason
    }
    func withChecksum(_ bytes: inout [UInt8]) {
      bytes[24] = 0
      bytes[25] = 0
      let sum = InternetChecksum.checksum(bytes.span.bytes.extracting(14..<34))
      bytes[24] = UInt8(sum >> 8)
      bytes[25] = UInt8(sum & 255)
    }
    #expect(reason { $0[5] = 99 } == .notForUs)
    #expect(reason { $0 = Array($0.prefix(10)) } == .malformedEthernet)
    #expect(reason { $0[12] = 0x86 } == .unknownEtherType)
    #expect(reason { $0[14] = 0x65 } == .malformedIPv4)
    #expect(reason { $0[24] ^= 1 } == .badIPv4Checksum)
    #expect(
      reason {
        $0[33] = 77
        withChecksum(&$0)
      } == .notForUs)
    #expect(
      reason {
        $0[26] = 127
        withChecksum(&$0)
      } == .martianSource)
    #expect(
      reason {
        $0[23] = 99
        withChecksum(&$0)
      } == .unknownProtocol)
    #expect(reason { $0[43] ^= 1 } == .badUDPChecksum)
    #expect(reason { $0[39] = 200 } == .malformedUDP)
    #expect(reason { $0[6] = 1 } == .sourceIsGroup)
    #expect(reason { _ in } == .portClosed)
  }
}
