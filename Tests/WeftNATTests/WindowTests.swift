import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

/// TCP window tracking: what is outside the windows that both sides announced doesn't pass (netfilter's tcp_in_window).
@Suite struct WindowTests {
  /// A connection whose ends keep their numbers: the client began at 1000, the server at 50000.
  static func established(_ change: (inout NATConfiguration) -> Void = { _ in }) -> Harness {
    let net = Harness(configuration(change))
    var options = TCPOptions()
    options.windowScale = 2
    net.give(
      Packets.tcp(vm, 4000, server, 80, .syn, sequence: 999, acknowledgment: 0, window: 8000, options: options), on: 2)
    net.give(
      Packets.tcp(
        server, 80, external, 4000, [.syn, .ack],
        sequence: 49999, acknowledgment: 1000, window: 6000, options: options),
      on: 0)
    net.give(Packets.tcp(vm, 4000, server, 80, .ack, sequence: 1000, acknowledgment: 50000, window: 2000), on: 2)
    #expect(net.sent.count == 3 && TCPTrackingTests.state(net) == .established)
    return net
  }

  static func client(
    _ net: Harness, _ flags: TCPFlags, _ sequence: UInt32, _ ack: UInt32, bytes: Int = 0, window: UInt16 = 2000
  )
    -> DropReason?
  {
    net.clear()
    net.give(
      Packets.tcp(
        vm, 4000, server, 80, flags, payload: [UInt8](repeating: 7, count: bytes), sequence: sequence,
        acknowledgment: ack, window: window), on: 2)
    return net.drops.first?.reason
  }

  static func remote(
    _ net: Harness, _ flags: TCPFlags, _ sequence: UInt32, _ ack: UInt32, bytes: Int = 0, window: UInt16 = 1500
  )
    -> DropReason?
  {
    net.clear()
    net.give(
      Packets.tcp(
        server, 80, external, 4000, flags, payload: [UInt8](repeating: 7, count: bytes), sequence: sequence,
        acknowledgment: ack, window: window), on: 0)
    return net.drops.first?.reason
  }

  @Test func dataInTheWindowPassesInAndOutOfOrderAndAgain() {
    let net = Self.established()
    #expect(Self.client(net, [.psh, .ack], 1000, 50000, bytes: 1000) == nil)
    #expect(Self.client(net, [.psh, .ack], 3000, 50000, bytes: 1000) == nil)
    #expect(Self.client(net, [.psh, .ack], 2000, 50000, bytes: 1000) == nil)
    #expect(Self.client(net, [.psh, .ack], 1000, 50000, bytes: 1000) == nil)
    #expect(Self.remote(net, .ack, 50000, 4000) == nil)
    // A keepalive and a window probe.
    #expect(Self.client(net, .ack, 3999, 50000) == nil)
    #expect(Self.remote(net, .ack, 50000, 4000, window: 0) == nil)
    #expect(Self.client(net, .ack, 4000, 50000, bytes: 1) == nil)
  }

  @Test func whatIsOutsideTheWindowsIsInvalid() {
    let net = Self.established()
    // The SYN+ACK's 6000 are not scaled; as much again is let through.
    #expect(Self.client(net, [.psh, .ack], 1000 + 12_000, 50000, bytes: 10) == .tcpInvalid)
    #expect(Self.client(net, [.psh, .ack], 900_000, 50000) == .tcpInvalid)
    // Acknowledges what was never sent.
    #expect(Self.client(net, .ack, 1000, 50001) == .tcpInvalid)
    #expect(net.gateway.counters.invalid == 3 && TCPTrackingTests.state(net) == .established)
    // The window grows with the server's next word: 1500 × 4 from what it acknowledges.
    #expect(Self.client(net, .ack, 1000, 50000, bytes: 1000) == nil)
    #expect(Self.remote(net, .ack, 50000, 2000) == nil)
    #expect(Self.client(net, .ack, 8000, 50000, bytes: 10) == nil)
    #expect(Self.client(net, .ack, 14_000, 50000, bytes: 10) == .tcpInvalid)
  }

  /// As netfilter: its receiver knows what to say to it.
  @Test func whatIsLongPastPassesAndKeepsNothingAlive() {
    let net = Self.established()
    net.advance(by: .seconds(100))
    let left = TCPTrackingTests.timeLeft(net)
    #expect(Self.client(net, .ack, 1000, 50000 &- 70_000) == nil)
    #expect(Self.remote(net, .ack, 49999 &- 60_000, 1000, bytes: 5) == nil)
    #expect(Self.client(net, [.fin, .ack], 1000 &- 60_000, 50000) == nil)
    #expect(TCPTrackingTests.state(net) == .established && TCPTrackingTests.timeLeft(net) == left)
  }

  @Test func aSenderMayOvershootTheWindowByAsMuchAgain() {
    let net = Self.established()
    #expect(Self.client(net, [.psh, .ack], 1000 + 11_980, 50000, bytes: 10) == nil)
    // The receiver took it.
    #expect(Self.remote(net, .ack, 50000, 1000 + 11_990) == nil)
  }

  @Test("RFC 5961 3.2: only a RST with exactly the expected number ends a connection")
  func resets() {
    let net = Self.established()
    #expect(Self.client(net, .ack, 1000, 50000) == nil)
    #expect(Self.remote(net, .rst, 49_000, 0) == .tcpInvalid)
    #expect(Self.remote(net, .rst, 900_000, 0) == .tcpInvalid)
    #expect(Self.remote(net, .rst, 50_100, 0) == nil)
    #expect(TCPTrackingTests.state(net) == .established)
    #expect(Self.remote(net, .rst, 50_000, 0) == nil)
    #expect(TCPTrackingTests.state(net) == .closed)
  }

  @Test func aRefusedConnectionIsClosedByItsReset() {
    let net = Harness(configuration())
    net.give(Packets.tcp(vm, 4000, server, 80, .syn, sequence: 999, acknowledgment: 0), on: 2)
    #expect(Self.remote(net, [.rst, .ack], 0, 1000) == nil)
    #expect(TCPTrackingTests.state(net) == .closed)
  }

  @Test func liberalTrackingLetsAllButForeignResetsPass() {
    let net = Self.established { $0.windowTracking = .liberal }
    #expect(Self.client(net, [.psh, .ack], 900_000, 50000) == nil)
    #expect(Self.remote(net, .rst, 49_000, 0) == .tcpInvalid)
    #expect(TCPTrackingTests.state(net) == .established)
  }

  @Test func sequenceNumbersWrapAround() {
    let net = Harness(configuration())
    let base = UInt32.max - 500
    net.give(Packets.tcp(vm, 4000, server, 80, .syn, sequence: base &- 1, acknowledgment: 0, window: 8000), on: 2)
    net.give(
      Packets.tcp(server, 80, external, 4000, [.syn, .ack], sequence: base &- 1, acknowledgment: base, window: 8000),
      on: 0)
    #expect(Self.client(net, .ack, base, base, bytes: 1000) == nil)
    #expect(Self.remote(net, .ack, base, base &+ 1000, bytes: 1000) == nil)
    #expect(Self.client(net, .ack, base &+ 1000, base &+ 1000, bytes: 1000) == nil)
    #expect(Self.client(net, .ack, base &+ 100_000, base &+ 1000, bytes: 10) == .tcpInvalid)
  }

  @Test func aConnectionThatDoesNotGetOnIsForgottenSooner() {
    let net = Self.established { $0.settings.timeouts = .netfilter }
    #expect(TCPTrackingTests.timeLeft(net) == .seconds(432_000))
    #expect(Self.client(net, .ack, 1000, 50000, bytes: 100) == nil)
    #expect(TCPTrackingTests.timeLeft(net) == .seconds(300))
    #expect(Self.remote(net, .ack, 50000, 1100) == nil)
    #expect(TCPTrackingTests.timeLeft(net) == .seconds(432_000))
    for _ in 0..<4 { #expect(Self.client(net, .ack, 1100, 50000) == nil) }
    #expect(TCPTrackingTests.timeLeft(net) == .seconds(300))
    net.advance(by: .seconds(301))
    #expect(net.gateway.connectionCount == 0)
  }

  @Test("a bulk transfer with losses, in both directions, is never hindered", arguments: [1, 2, 3] as [UInt64])
  func bulkTransfersPass(seed: UInt64) {
    var random = RandomStream(seed: seed, owner: "window", purpose: "test")
    let net = Self.established()
    // Of each end: sent up to, acknowledged up to, got up to.
    var sent: [UInt32] = [1000, 50000]
    var acked: [UInt32] = [1000, 50000]
    var got: [UInt32] = [50000, 1000]
    for round in 0..<3000 {
      let side = Int(random.next(below: 2))
      let outstanding = sent[side] &- acked[side]
      var from = sent[side]
      var bytes = Int(random.next(below: 600))
      if outstanding > 0, random.next(below: 4) == 0 {
        from = acked[side]
      } else if outstanding + 600 > 5000 {
        bytes = 0
      }
      let end = from &+ UInt32(bytes)
      let reason =
        side == 0
        ? Self.client(net, .ack, from, got[0], bytes: bytes) : Self.remote(net, .ack, from, got[1], bytes: bytes)
      if let reason {
        Issue.record("round \(round): \(reason)")
        return
      }
      if Int32(bitPattern: end &- sent[side]) > 0 { sent[side] = end }
      // The acknowledgment that it carries arrives at the gateway, and so do, mostly, its data at the other end.
      acked[1 - side] = got[side]
      if from == got[1 - side], random.next(below: 5) != 0 { got[1 - side] = end }
    }
  }

  /// RFC 9293, 3.10.7.3: a SYN meets an old connection, whose ACK the opener resets with just its number. No other RST passes.
  @Test(arguments: NATSettings.TCPMachine.allCases, [NATSettings.WindowTracking.liberal, .strict])
  func theResetOfAnOldConnectionsAnswerPasses(machine: NATSettings.TCPMachine, tracking: NATSettings.WindowTracking) {
    for (sequence, passes) in [(700_000, true), (700_001, false), (60_000, false)] as [(UInt32, Bool)] {
      let net = Harness(
        configuration {
          $0.settings.tcpMachine = machine
          $0.settings.windowTracking = tracking
        })
      #expect(Self.client(net, .syn, 999, 0) == nil)
      #expect(Self.remote(net, .ack, 50000, 700_000) == nil && TCPTrackingTests.state(net) == .synSent)
      #expect((Self.client(net, .rst, sequence, 0) == nil) == passes, "\(sequence)")
      if passes {
        // The server forgets, and the next SYN opens.
        #expect(Self.client(net, .syn, 999, 0) == nil)
        #expect(Self.remote(net, [.syn, .ack], 60000, 1000) == nil)
        #expect(Self.client(net, .ack, 1000, 60001) == nil && TCPTrackingTests.state(net) == .established)
      }
    }
  }
}
