import Testing
import WeftCore
import WeftProbes
import WeftWire

@testable import WeftGuest
@testable import WeftPrograms
@testable import WeftStack

/// Programs and probes that show what a NAT does, here without one.
@Suite struct NATProbeTests {
  private static let stun = [
    Net.guest(0), Net.guest(1, [ProgramConfiguration.stunServer(port: 3478, other: .guest(2))]),
    Net.guest(2, [ProgramConfiguration.stunServer(port: 3478, other: .guest(1))]),
  ]
  private static let meeting = [
    Net.guest(0), Net.guest(1), Net.guest(2, [ProgramConfiguration.rendezvous(port: 3480)]),
  ]
  private static let echo = [
    Net.guest(0), Net.guest(1, [ProgramConfiguration.udpEcho(port: 7), ProgramConfiguration.tcpEcho(port: 7)]),
  ]

  private static func result(
    _ guests: [GuestConfiguration], _ probes: [ProbeConfiguration], seconds: Double = 20,
    recodingEvery step: Nanoseconds? = nil,
    losing lost: Set<Int> = []
  ) throws -> ProbeResult? {
    var net = Net(guests)
    net.keepsTaps = false
    var count = 0
    if !lost.isEmpty {
      net.loses = { tapped in
        guard tapped.trace != 0 else { return false }
        count += 1
        return lost.contains(count)
      }
    }
    net.bootAll()
    net.run(seconds: 0.1)
    for (guest, probe) in probes.enumerated() { net.probe(guest, probe) }
    guard let step else {
      net.run(seconds: seconds)
      return net.takeProbeResults(0).first
    }
    let end = net.now + Nanoseconds(UInt64(seconds * 1e9))
    while net.now < end {
      net.run(until: net.now + step)
      try net.recode()
    }
    return net.takeProbeResults(0).first
  }

  private static let nat = ProbeConfiguration(trace: 9, kind: .nat(via: .guest(1), port: 3478), timeout: .seconds(10))

  private static func punch(_ type: IPProtocol) -> [ProbeConfiguration] {
    [false, true].map {
      ProbeConfiguration(
        trace: 9, kind: .punch(via: .guest(2), port: 3480, protocol: type, isPartner: $0), timeout: .seconds(10))
    }
  }

  private static func idle(_ type: IPProtocol) -> ProbeConfiguration {
    ProbeConfiguration(
      trace: 9, kind: .idle(to: .guest(1), port: 7, protocol: type, delay: .seconds(119)), timeout: .seconds(123))
  }

  // MARK: Classification

  @Test func withoutANATNothingIsTranslatedAndAllIsLetIn() throws {
    let result = try #require(try Self.result(Self.stun, [Self.nat]))
    let findings = try #require(result.nat)
    #expect(result.outcome == .open)
    #expect(!findings.isTranslated && findings.keepsPort && findings.external.address == Net.address(0))
    #expect(findings.mapping == .endpointIndependent && findings.filtering == .endpointIndependent)
    #expect(findings.hairpin == true)
    #expect(findings.text.hasSuffix("(not translated)"))
  }

  @Test(arguments: [[1], [2, 3], [5, 6, 9]] as [Set<Int>]) func aLostRequestGoesAgain(lost: Set<Int>) throws {
    let result = try #require(try Self.result(Self.stun, [Self.nat], losing: lost))
    #expect(result.nat?.mapping == .endpointIndependent && result.nat?.filtering == .endpointIndependent)
  }

  @Test func aServerWithoutAPartnerCantTellTheMapping() throws {
    let lonely = [Net.guest(0), Net.guest(1, [ProgramConfiguration.stunServer(port: 3478, other: nil)])]
    let result = try #require(try Self.result(lonely, [Self.nat]))
    #expect(result.outcome == .open && result.nat?.mapping == nil && result.nat?.filtering == nil)
  }

  @Test func noServerIsRefusedAndASilentOneTimesOut() throws {
    #expect(try Self.result([Net.guest(0), Net.guest(1)], [Self.nat])?.outcome == .refused)
    let silent = [Net.guest(0), Net.guest(1, [ProgramConfiguration.sink(port: 3478)])]
    #expect(try Self.result(silent, [Self.nat])?.outcome == .timedOut)
  }

  @Test func theProgramReportsWhatItFound() throws {
    var net = Net([Net.guest(0, [ProgramConfiguration.natProbe(to: .guest(1), port: 3478)])] + Self.stun.dropFirst())
    net.bootAll()
    net.run(seconds: 10)
    let report = net.guests[0].programReports[0]
    #expect(report.state == .done && report.findings?.mapping == .endpointIndependent)
    #expect(net.guests[0].isIdle)
  }

  @Test func strangersCantHaveAServerWriteToOthers() throws {
    var net = Net(Self.stun)
    net.bootAll()
    var message = STUNMessage(.indication, .init(high: 1, low: 2))
    message.mapped = TransportAddress(Net.address(2), 9)
    let bytes = message.bytes
    net.with(0) { guest, now, out in
      guest.stack.sendDatagram(from: 5, to: Net.address(1), 3478, bytes.span.bytes, now: now, &out)
    }
    net.run(seconds: 1)
    let report = net.guests[1].programReports[0]
    #expect(report.failures == 1 && report.replies == 0)
  }

  // MARK: Holes

  @Test(arguments: [IPProtocol.udp, .tcp]) func twoMachinesMeetThroughAThird(type: IPProtocol) throws {
    let result = try #require(try Self.result(Self.meeting, Self.punch(type)))
    #expect(result.outcome == .open && result.remoteAddress == Net.address(1) && result.rtt != nil)
  }

  @Test(arguments: [IPProtocol.udp, .tcp]) func whoComesAloneMeetsNobody(type: IPProtocol) throws {
    let result = try #require(try Self.result(Self.meeting, [Self.punch(type)[0]]))
    #expect(result.outcome == .timedOut)
  }

  @Test func theTwoConnectFromThePortsTheServerSaw() throws {
    var net = Net(Self.meeting)
    net.bootAll()
    for (guest, probe) in Self.punch(.tcp).enumerated() { net.probe(guest, probe) }
    net.run(seconds: 3)
    // Both sent a SYN before either saw one (RFC 9293, figure 7).
    let syns = net.taps.filter { $0.from < 2 }.compactMap { Seen($0) }.filter { $0.flags == .syn }
    #expect(syns.count == 4, "\(net.walk)")
    #expect(net.guests[1].stack.tcp.liveConnections == 0 && !net.probes.isOn(1))
    #expect(net.takeProbeResults(0).first?.outcome == .open)
    #expect(net.takeProbeResults(1).isEmpty)
    #expect(net.observations.contains { $0.source == Net.address(0) && $0.trace == 9 })
  }

  // MARK: Lifetimes

  @Test(arguments: [IPProtocol.udp, .tcp]) func anAnswerComesAfterTheTimeAskedFor(type: IPProtocol) throws {
    let result = try #require(try Self.result(Self.echo, [Self.idle(type)], seconds: 130))
    #expect(result.outcome == .open)
    #expect(try #require(result.rtt) >= .seconds(119) && #require(result.rtt) < .seconds(120))
  }

  // MARK: Floods

  @Test func aFloodComesFromEverOtherPortsAndLeavesNoState() throws {
    var net = Net([
      Net.guest(
        0,
        [
          // Knows its neighbour before the flood begins.
          ProgramConfiguration.ping(to: .guest(1), count: 1, interval: .seconds(1), size: 8, ttl: 64),
          ProgramConfiguration.synFlood(to: .guest(1), port: 80, interval: .microseconds(100), count: 500).starting(
            at: .seconds(1)),
        ]),
      Net.guest(1),
    ])
    net.bootAll()
    net.run(seconds: 2)
    let syns = net.taps.filter { $0.from == 0 }.filter { Seen($0)?.flags == .syn }
    #expect(syns.count == 500)
    #expect(Set(syns.map { $0.bytes.span.bytes.u16(34) }).count == 500)
    #expect(net.guests[0].programReports[1].state == .done && net.guests[0].stack.connections.isEmpty)
  }

  // MARK: Checkpoints

  @Test(arguments: [0, 1, 2, 3, 4]) func aProbeGoesOnWhereItWasInterrupted(kind: Int) throws {
    let (guests, probes, seconds): ([GuestConfiguration], [ProbeConfiguration], Double) =
      switch kind {
      case 0: (Self.stun, [Self.nat], 3)
      case 1: (Self.meeting, Self.punch(.udp), 1)
      case 2: (Self.meeting, Self.punch(.tcp), 1)
      case 3: (Self.echo, [Self.idle(.udp)], 120)
      default: (Self.echo, [Self.idle(.tcp)], 120)
      }
    let whole = try #require(try Self.result(guests, probes, seconds: seconds))
    let step = seconds > 10 ? Nanoseconds.seconds(1) : .milliseconds(7)
    #expect(try Self.result(guests, probes, seconds: seconds, recodingEvery: step) == whole)
    #expect(whole.outcome == .open)
  }
}
