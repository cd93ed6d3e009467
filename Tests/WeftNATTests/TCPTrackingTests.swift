import Testing
import WeftCore
import WeftWire

@testable import WeftNAT

@Suite struct TCPTrackingTests {
  /// Sends a segment of the connection vm:4000 ↔ server:80 and says whether it passed.
  static func send(_ net: Harness, _ flags: TCPFlags, fromServer: Bool, _ port: UInt16 = 4000) -> DropReason? {
    net.clear()
    if fromServer {
      net.give(Packets.tcp(server, 80, external, port, flags), on: 0)
    } else {
      net.give(Packets.tcp(vm, port, server, 80, flags), on: 2)
    }
    return net.drops.first?.reason
  }

  static func state(_ net: Harness) -> TCPState? { net.gateway.connections(now: net.now).first?.state }
  static func timeLeft(_ net: Harness) -> Nanoseconds? { net.gateway.connections(now: net.now).first?.timeLeft }

  struct Step {
    var flags: TCPFlags
    var fromServer: Bool
    var state: TCPState
    var seconds: UInt64
    init(_ flags: TCPFlags, _ fromServer: Bool, _ state: TCPState, _ seconds: UInt64) {
      self.flags = flags
      self.fromServer = fromServer
      self.state = state
      self.seconds = seconds
    }
  }

  static let opening = [
    Step(.syn, false, .synSent, 240), Step([.syn, .ack], true, .synReceived, 240),
    Step(.ack, false, .established, 7440),
  ]

  static let sequences: [[Step]] = [
    opening + [
      Step([.fin, .ack], false, .finWait, 7440), Step(.ack, true, .finWait, 7440),
      Step([.psh, .ack], true, .finWait, 7440),
      Step([.fin, .ack], true, .lastAck, 240), Step(.ack, false, .timeWait, 240),
    ],
    opening + [
      Step([.fin, .ack], true, .closeWait, 7440), Step([.psh, .ack], false, .closeWait, 7440),
      Step([.fin, .ack], false, .lastAck, 240), Step(.ack, true, .timeWait, 240), Step(.syn, false, .synSent, 240),
    ],
    // RFC 5382 REQ-2: a simultaneous open.
    [
      Step(.syn, false, .synSent, 240), Step(.syn, true, .synReceived, 240),
      Step([.syn, .ack], false, .established, 7440),
      Step([.syn, .ack], true, .established, 7440),
    ],
    // RFC 7857, 2.2 and RFC 6146, TRANS: a RST leaves four minutes, in which traffic takes the connection up again.
    opening + [Step(.rst, true, .closed, 240), Step(.ack, false, .established, 7440)],
    opening + [
      Step([.rst, .ack], false, .closed, 240), Step(.rst, true, .closed, 240), Step(.syn, false, .synSent, 240),
    ],
    [Step(.syn, false, .synSent, 240), Step([.rst, .ack], true, .closed, 240), Step(.syn, false, .synSent, 240)],
  ]

  @Test(
    "RFC 5382 REQ-2, REQ-5; RFC 6146 3.5.2: every valid sequence passes and sets its timeout",
    arguments: 0..<sequences.count)
  func everyValidSequencePasses(index: Int) {
    // Of states alone: these segments' numbers are all the same.
    let net = Harness(configuration { $0.windowTracking = .off })
    for (number, step) in Self.sequences[index].enumerated() {
      #expect(Self.send(net, step.flags, fromServer: step.fromServer) == nil, "step \(number)")
      #expect(Self.state(net) == step.state, "step \(number)")
      #expect(Self.timeLeft(net) == .seconds(step.seconds), "step \(number)")
    }
  }

  @Test("RFC 5382 REQ-5: established lives 2 h 4 min idle, transitory 4 min")
  func timeoutsAreKeptToTheSecond() {
    for (steps, seconds) in [(1, 240), (2, 240), (3, 7440)] as [(Int, UInt64)] {
      let net = Harness(configuration())
      for step in Self.opening.prefix(steps) { _ = Self.send(net, step.flags, fromServer: step.fromServer) }
      net.advance(by: .seconds(seconds - 1))
      #expect(net.gateway.connections(now: net.now).count == 1)
      net.advance(by: .seconds(1))
      #expect(net.gateway.connections(now: net.now).isEmpty)
      #expect(Self.send(net, .ack, fromServer: true) == .noPortForward)
    }
  }

  @Test func anEstablishedConnectionIsKeptByTrafficOfEitherSide() {
    let net = Harness(configuration())
    for step in Self.opening { _ = Self.send(net, step.flags, fromServer: step.fromServer) }
    for fromServer in [true, true, false, true] {
      net.advance(by: .seconds(7400))
      #expect(Self.send(net, [.psh, .ack], fromServer: fromServer) == nil)
    }
  }

  @Test func segmentsThatFitNoStateAreInvalid() {
    let net = Harness(configuration())
    _ = Self.send(net, .syn, fromServer: false)
    #expect(Self.send(net, .ack, fromServer: false) == .tcpInvalid)
    #expect(Self.send(net, [.fin, .ack], fromServer: true) == .tcpInvalid)
    #expect(Self.state(net) == .synSent)
  }

  @Test func aResetWithABrokenChecksumChangesNothing() {
    let net = Harness(configuration())
    for step in Self.opening { _ = Self.send(net, step.flags, fromServer: step.fromServer) }
    var reset = Packets.tcp(server, 80, external, 4000, .rst)
    reset[37] ^= 1
    #expect(net.refuse(reset, on: 0) == .badTCPChecksum)
    #expect(Self.state(net) == .established)
  }

  @Test("RFC 4787 REQ-5, REQ-6; RFC 5508 REQ-2: alive a second before, gone at the timeout, refreshed from inside")
  func datagramTimeouts() {
    let net = Harness(configuration())
    for (seconds, out, back) in [
      (300, Packets.udp(vm, 5000, server, 53), Packets.udp(server, 53, external, 5000)),
      (60, Packets.ping(vm, server, id: 5000), Packets.ping(server, external, id: 5000, reply: true)),
    ] as [(UInt64, [UInt8], [UInt8])] {
      #expect(net.pass(out, on: 2) != nil)
      net.advance(by: .seconds(seconds - 1))
      #expect(net.pass(back, on: 0) != nil)
      net.advance(by: .seconds(1))
      let late = net.refuse(back, on: 0)
      #expect(late == .noPortForward || late == .noMapping)
      #expect(net.pass(out, on: 2) != nil)
      net.advance(by: .seconds(seconds - 20))
      #expect(net.pass(out, on: 2) != nil)
      net.advance(by: .seconds(seconds - 1))
      #expect(net.pass(back, on: 0) != nil)
    }
  }

  @Test func anExpiredEntryNeverTranslatesEvenBeforeAnybodyWokeTheGateway() {
    let net = Harness(configuration())
    _ = net.pass(Packets.udp(vm, 5000, server, 53), on: 2)
    net.now = net.now + .seconds(300)
    #expect(net.refuse(Packets.udp(server, 53, external, 5000), on: 0) == .noPortForward)
    #expect(net.gateway.connectionCount == 0 && net.gateway.counters.expired == 1)
  }

  @Test func anEmptyGatewayAsksForNoWakeUp() {
    let net = Harness(configuration())
    #expect(net.gateway.deadline == .never)
    _ = net.pass(Packets.udp(vm, 5000, server, 53), on: 2)
    #expect(net.gateway.deadline < .never)
    net.advance(by: .hours(1))
    #expect(net.gateway.deadline == .never && net.gateway.connectionCount == 0 && net.pool.outstanding == 0)
  }

  @Test func theTableShowsStateAndCounts() throws {
    let net = Harness(configuration())
    for step in Self.opening { _ = Self.send(net, step.flags, fromServer: step.fromServer) }
    _ = net.pass(Packets.ping(vm, server, id: 77), on: 2)
    let table = net.gateway.connections(now: net.now)
    #expect(table.count == 2 && table[0].isAssured && !table[1].isAssured)
    #expect(table[0].original.packets == 2 && table[0].reply.packets == 1 && table[0].original.bytes == 80)
    #expect(
      table[0].original.source == vm && table[0].reply.destination == external && table[0].reply.port == PortIndex(0))
    #expect(table[1].original.sourcePort == 77 && table[1].reply.destinationPort == 77)
  }
}
