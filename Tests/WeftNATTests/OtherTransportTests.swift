import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

/// SCTP and UDP-Lite by their ports (profile `linux`); the kernel is asked in NATvsLinuxTests.
@Suite struct OtherTransportTests {
  private static let initiation: [UInt8] = [0, 0, 0, 1, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1]
  private static let acknowledgment: [UInt8] = [0, 0, 0, 2, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0, 1]

  private func net() -> Harness { Harness(configuration { $0.settings = NATSettings(.linux) }) }
  private func state(_ net: Harness) -> [SCTPState] { net.gateway.connections(now: net.now).map(\.association) }

  /// Opens an association of vm:port; tag 1 is read by it, tag 2 by the server.
  private func open(_ net: Harness, _ source: IP, _ port: UInt16) -> UInt16? {
    let seen = net.pass(Packets.sctp(source, port, server, 3868, 1, tag: 0, value: Self.initiation), on: 2)
    guard let outer = seen?.sourcePort else { return nil }
    #expect(state(net).last == .closed)
    let answer = Packets.sctp(server, 3868, external, outer, 2, tag: 1, value: Self.acknowledgment)
    #expect(net.pass(answer, on: 0)?.destination == source)
    #expect(net.pass(Packets.sctp(source, port, server, 3868, 10, tag: 2), on: 2) != nil)
    #expect(net.pass(Packets.sctp(server, 3868, external, outer, 11, tag: 1), on: 0)?.destinationPort == port)
    return outer
  }

  @Test func twoMachinesHaveAssociationsFromOnePort() throws {
    let net = net()
    let first = try #require(open(net, vm, 5000))
    let second = try #require(open(net, vm2, 5000))
    #expect(first == 5000 && second != first)
    #expect(state(net) == [.established, .established])
    let lines = net.gateway.connections(now: net.now).map(\.conntrackLine)
    #expect(
      lines.first
        == "sctp     132 210 ESTABLISHED src=192.168.122.10 dst=198.51.100.7 sport=5000 dport=3868 "
        + "src=198.51.100.7 dst=134.115.153.223 sport=3868 dport=5000 [ASSURED] mark=0 use=1")
  }

  @Test func anAssociationGoesOnAfterACheckpoint() throws {
    let net = net()
    let port = try #require(open(net, vm, 5000))
    net.gateway = try CheckpointTests.copy(net.gateway, into: net.pool)
    #expect(net.pass(Packets.sctp(vm, 5000, server, 3868, 7, tag: 2), on: 2) != nil)
    #expect(state(net) == [.shutdownSent])
    #expect(net.pass(Packets.sctp(server, 3868, external, port, 8, tag: 1), on: 0) != nil)
    #expect(net.pass(Packets.sctp(vm, 5000, server, 3868, 14, tag: 2), on: 2) != nil)
    #expect(state(net) == [.closed])
    net.advance(by: .seconds(11))
    #expect(state(net).isEmpty)
  }

  @Test("RFC 9260 8.5: without its tag a packet isn't of its association")
  func tags() throws {
    let net = net()
    _ = try #require(open(net, vm, 5000))
    #expect(net.refuse(Packets.sctp(vm, 5000, server, 3868, 0, tag: 3), on: 2) == .sctpInvalid)
    #expect(net.refuse(Packets.sctp(vm, 6000, server, 3868, 0, tag: 3), on: 2) == .sctpInvalid)
    var broken = Packets.sctp(vm, 5000, server, 3868, 0, tag: 2)
    broken[broken.count - 1] ^= 1
    #expect(net.refuse(broken, on: 2) == .badSCTPChecksum)
    #expect(net.pass(Packets.sctp(vm, 5000, server, 3868, 0, tag: 2), on: 2) != nil)
  }

  @Test("RFC 3828: a checksum over the header is as good as one over all; none isn't", arguments: [8, 12, 20])
  func coverage(bytes: Int) {
    let net = net()
    let seen = net.pass(Packets.udpLite(vm, 5000, server, 53, coverage: bytes), on: 2)
    #expect(seen?.sourcePort == 5000 && seen?.checksumsAreRight == true)
    #expect(net.pass(Packets.udpLite(server, 53, external, 5000, coverage: bytes), on: 0)?.destination == vm)
    #expect(net.gateway.connections(now: net.now).map(\.isAssured) == [false])
    #expect(net.pass(Packets.udpLite(vm, 5000, server, 53, coverage: bytes), on: 2) != nil)
    #expect(net.gateway.connections(now: net.now).map(\.isAssured) == [true])
  }

  @Test func aCoverageThatCannotBeIsMalformed() {
    let net = net()
    for coverage in [1, 7, 21] {
      var packet = Packets.udpLite(vm, 5000, server, 53)
      packet[25] = UInt8(coverage)
      #expect(net.refuse(packet, on: 2) == .malformedUDPLite)
    }
    #expect(
      net.refuse(Packets.ip(IPv4Header(protocol: .sctp, source: vm, destination: server), [1, 2, 3]), on: 2) == .malformedSCTP)
  }

  @Test func otherProfilesKnowNeither() {
    let net = Harness(configuration())
    #expect(net.refuse(Packets.udpLite(vm, 5000, server, 53), on: 2) == .protocolUnsupported)
    let initiation = Packets.sctp(vm, 5000, server, 3868, 1, tag: 0, value: Self.initiation)
    #expect(net.refuse(initiation, on: 2) == .protocolUnsupported)
  }

  @Test func aReplyCannotBeginAnAssociation() {
    for chunk in [SCTPChunk.initiation, .initiationAck, .heartbeat, .cookieAck, .abort] {
      #expect(SCTPState.none.after(chunk, .reply) == nil)
      #expect(SCTPState.none.after(chunk, .original) != nil)
    }
  }

  /// Chunks from inside (true) and outside, and the timer that is left to run.
  private static var ways: [(steps: [(isOut: Bool, type: UInt8)], timer: KeyPath<NATSettings.Timeouts, Nanoseconds>)] {
    [
      ([(true, 1)], \.sctpClosed),
      ([(true, 1), (false, 2)], \.sctpCookieWait),
      ([(true, 1), (false, 2), (true, 10)], \.sctpCookieEchoed),
      ([(true, 1), (false, 2), (true, 10), (false, 11)], \.sctpEstablished),
      ([(true, 1), (false, 2), (true, 10), (false, 11), (true, 7)], \.sctpShutdownSent),
      ([(true, 1), (false, 2), (true, 10), (false, 11), (false, 7)], \.sctpShutdownRecd),
      ([(true, 1), (false, 2), (true, 10), (false, 11), (false, 7), (true, 8)], \.sctpShutdownAckSent),
      ([(true, 4)], \.sctpHeartbeatSent),
    ]
  }

  @Test(arguments: ways.indices) func everyStateHasItsTimeout(index: Int) {
    let way = Self.ways[index]
    var settings = NATSettings(.linux)
    settings.timeouts.sctpClosed = .seconds(11)
    settings.timeouts.sctpCookieWait = .seconds(12)
    settings.timeouts.sctpCookieEchoed = .seconds(13)
    settings.timeouts.sctpEstablished = .seconds(14)
    settings.timeouts.sctpShutdownSent = .seconds(15)
    settings.timeouts.sctpShutdownRecd = .seconds(16)
    settings.timeouts.sctpShutdownAckSent = .seconds(17)
    settings.timeouts.sctpHeartbeatSent = .seconds(18)
    let net = Harness(configuration { $0.settings = settings })
    for step in way.steps {
      let value = step.type == 1 ? Self.initiation : step.type == 2 ? Self.acknowledgment : []
      let tag: UInt32 = step.type == 1 ? 0 : step.isOut ? 2 : 1
      let packet =
        step.isOut
        ? Packets.sctp(vm, 5000, server, 3868, step.type, tag: tag, value: value)
        : Packets.sctp(server, 3868, external, 5000, step.type, tag: tag, value: value)
      #expect(net.pass(packet, on: step.isOut ? 2 : 0) != nil)
    }
    #expect(net.gateway.connections(now: net.now).map(\.timeLeft) == [settings.timeouts[keyPath: way.timer]])
  }

  /// What is broken stays so, wherever it goes.
  @Test func aWrongSumIsNotMadeRight() throws {
    let net = Harness(
      configuration {
        $0.settings = NATSettings(.linux)
        $0.hasHostPort = true
      })
    _ = try #require(open(net, vm, 5000))
    var broken = Packets.sctp(server, 3868, external, 5000, 0, tag: 1)
    broken[broken.count - 1] ^= 1
    net.clear()
    net.give(broken, on: 0)
    #expect(net.sent.first?.port == 1 && net.sent.first?.checksumsAreRight == false)
  }

  @Test func aClosingAssociationGivesWay() throws {
    let net = Harness(
      configuration {
        $0.settings = NATSettings(.linux)
        $0.limits.table = 2
      })
    _ = try #require(open(net, vm, 5000))
    _ = try #require(open(net, vm2, 5001))
    #expect(net.refuse(Packets.udp(vm, 1, server, 53), on: 2) == .tableFull)
    #expect(net.pass(Packets.sctp(vm, 5000, server, 3868, 7, tag: 2), on: 2) != nil)
    #expect(net.pass(Packets.udp(vm, 1, server, 53), on: 2) != nil)
    #expect(state(net) == [.established, .none])
  }
}
