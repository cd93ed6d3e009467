import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

/// Profile `linux` follows connections as Linux 6.18 does: what its table says after each step
/// (`Scenario` has the language; the values are the kernel's).
@Suite struct NetfilterTests {
  static let established = """
    > S seq=1000 mss | SYN_SENT 120 unreplied
    < SA seq=5000 ack=1001 mss | SYN_RECV 60
    > A seq=1001 ack=5001 | ESTABLISHED 2000 assured

    """
  static let finWait = established + "> FA seq=1001 ack=5001 | FIN_WAIT 100 assured\n"
  static let closeWait = finWait + "< A seq=5001 ack=1002 | CLOSE_WAIT 50 assured\n"
  static let lastAck = closeWait + "< FA seq=5001 ack=1002 | LAST_ACK 30 assured\n"
  static let timeWait = lastAck + "> A seq=1002 ack=5002 | TIME_WAIT 90 assured\n"

  // MARK: The way of a packet

  @Test(
    "a packet that is dropped later on its way has moved its entry",
    arguments: [
      """
      > udp | 40 unreplied
      wait 5
      < udp ttl=1 | dropped 40
      """,
      """
      > udp | 40 unreplied
      deny srv
      wait 5
      < udp | dropped 40
      """,
      """
      > S seq=1000 | SYN_SENT 120 unreplied
      deny srv
      < SA seq=5000 ack=1001 | dropped SYN_RECV 60
      > A seq=1001 ack=5001 | ESTABLISHED 2000 assured
      """,
      established + """
        > FA seq=1001 ack=5001 ttl=1 | dropped FIN_WAIT 100 assured
        wait 5 | FIN_WAIT 95 assured
        < R seq=5001 ttl=1 | dropped CLOSE 10 assured
        """,
      established + """
        forward off
        < FA seq=5001 ack=1001 | dropped FIN_WAIT 100 assured
        > FA seq=1001 ack=5002 | dropped LAST_ACK 30 assured
        forward on
        > A seq=1001 ack=5002 | TIME_WAIT 90 assured
        """,
      // … but a flow begins only with one that gets through.
      "> udp ttl=1 | dropped gone",
      "> S seq=1000 ttl=1 | dropped gone",
    ])
  func theTableComesBeforeTheWay(scenario: String) { Scenario.play(scenario) }

  /// … as what is invalid isn't translated: from outside it is for the box itself, whose stack knows nothing of it.
  @Test(arguments: [true, false])
  func whatIsInvalidFromOutsideIsForTheBoxItself(hasHost: Bool) {
    let net = Harness(
      configuration {
        $0.settings = Scenario.linux
        $0.hasHostPort = hasHost
      })
    let syn = Packets.tcp(vm, 40000, server, 80, .syn, sequence: 1000, acknowledgment: 0)
    #expect(net.pass(syn, on: 2) != nil)
    for flags in [[.fin, .ack], .fin] as [TCPFlags] {
      let stray = Packets.tcp(server, 80, external, 40000, flags, ttl: 1)
      if hasHost {
        let seen = net.pass(stray, on: 0)
        #expect(seen?.port == 1 && seen?.destination == external && seen?.destinationPort == 40000 && seen?.ttl == 1)
      } else {
        // Without that stack the gateway says what it would.
        #expect(net.refuse(stray, on: 0) == (flags == .fin ? .badTCPFlags : .tcpInvalid))
        #expect(net.sent.first?.flags.contains(.rst) == true && net.sent.first?.source == external)
      }
    }
    #expect(net.refuse(Packets.tcp(vm, 40000, server, 80, [.fin, .ack], ttl: 1), on: 2) == .ttlExpired)
    #expect(net.sent.first?.icmpType == 11)
    #expect(net.gateway.counters.invalid == 3)
  }

  // MARK: RST

  @Test(
    "a half-open connection is cleared: the RST has the number of the ACK that was let by",
    arguments: [
      """
      > S seq=1000 mss | SYN_SENT 120 unreplied
      < A seq=9000 ack=7000 | SYN_SENT 120
      > R seq=7001 | dropped SYN_SENT 120
      > R seq=7000 | CLOSE 10
      """,
      """
      > S seq=1000 mss | SYN_SENT 120 unreplied
      < PA seq=9000 ack=1001 len=10 | SYN_SENT 120
      > R seq=1002 ack=9010 | CLOSE 10
      """,
      established + """
        > S seq=90000 mss | ESTABLISHED 2000 assured
        < RA seq=0 ack=90001 | CLOSE 10 assured
        """,
    ])
  func halfOpenConnections(scenario: String) { Scenario.play(scenario) }

  @Test(
    "a RST with exactly the expected number, or right after its sender's last data, ends a connection",
    arguments: [
      established + "< R seq=5001 | CLOSE 10 assured",
      established + "< R seq=4000 | stray ESTABLISHED 2000 assured",
      established + "< R seq=900000 | stray ESTABLISHED 2000 assured",
      established + """
        < PA seq=5001 ack=1001 len=100 | ESTABLISHED 300 assured
        < R seq=5101 | CLOSE 10 assured
        """,
      established + """
        < PA seq=5001 ack=1001 len=100 | ESTABLISHED 300 assured
        > A seq=1001 ack=5001 | ESTABLISHED 300 assured
        < R seq=5101 | ESTABLISHED 10 assured
        """,
    ])
  func exactResets(scenario: String) { Scenario.play(scenario) }

  @Test func aResetInTheWindowLeavesTheConnectionTenSeconds() {
    Scenario.play(
      Self.established + """
        < R seq=5101 | ESTABLISHED 10 assured
        wait 11 | gone
        > A seq=1001 ack=5001 | ESTABLISHED 300 unreplied
        """)
  }

  @Test(
    "a connection that closes takes any RST",
    arguments: [
      finWait + "< R seq=900000 | CLOSE 10 assured", closeWait + "< R seq=1 | CLOSE 10 assured",
      lastAck + "> R seq=900000 | CLOSE 10 assured", timeWait + "< R seq=900000 | CLOSE 10 assured",
      timeWait + "< R seq=5002 | CLOSE 10 assured\nwait 5\n> R seq=77 | CLOSE 10 assured",
      finWait + "< RA seq=0 ack=1002 | CLOSE 10 assured",
    ])
  func resetsOfClosingConnections(scenario: String) { Scenario.play(scenario) }

  @Test(
    "a RST before any answer deletes the entry; of a side that was not seen there is no window",
    arguments: [
      """
      > A seq=1000 ack=5001 | ESTABLISHED 300 unreplied
      > R seq=21000 | gone
      """,
      """
      > A seq=1000 ack=5001 | ESTABLISHED 300 unreplied
      < R seq=900000 | gone
      """,
      """
      > S seq=1000 mss | SYN_SENT 120 unreplied
      < RA seq=0 ack=1001 | gone
      """,
      """
      > S seq=1000 mss | SYN_SENT 120 unreplied
      < RA seq=0 ack=7777 | stray SYN_SENT 120 unreplied
      """,
    ])
  func resetsBeforeAnyAnswer(scenario: String) { Scenario.play(scenario) }

  // MARK: SYN

  @Test(
    "a SYN that passes unjudged and is answered begins the connection anew",
    arguments: [
      established + """
        > S seq=90000 mss | ESTABLISHED 2000 assured
        < SA seq=800000 ack=90001 mss | SYN_RECV 60 assured
        > A seq=90001 ack=800001 | ESTABLISHED 2000 assured
        < PA seq=800001 ack=90001 len=5 | ESTABLISHED 300 assured
        """,
      // Not the answer: it passes too, and changes nothing.
      established + """
        > S seq=90000 mss | ESTABLISHED 2000 assured
        < SA seq=800000 ack=90002 mss | ESTABLISHED 2000 assured
        > A seq=90001 ack=800001 | dropped ESTABLISHED 2000 assured
        """,
      """
      > S seq=1000 mss | SYN_SENT 120 unreplied
      < SA seq=5000 ack=1001 mss | SYN_RECV 60
      wait 5 | SYN_RECV 55
      > S seq=1000 mss | SYN_RECV 55
      < SA seq=5000 ack=1001 mss | SYN_RECV 60
      > S seq=90000 mss | SYN_RECV 60
      < SA seq=8000 ack=90001 mss | SYN_RECV 60
      > A seq=90001 ack=8001 | ESTABLISHED 2000 assured
      """,
      finWait + "> S seq=90000 mss | FIN_WAIT 100 assured\n< SA seq=8000 ack=90001 mss | SYN_RECV 60 assured",
      closeWait + "> S seq=90000 mss | CLOSE_WAIT 50 assured\n< SA seq=8000 ack=90001 mss | SYN_RECV 60 assured",
      lastAck + "> S seq=90000 mss | LAST_ACK 30 assured\n< SA seq=8000 ack=90001 mss | SYN_RECV 60 assured",
      """
      > A seq=1000 ack=5001 | ESTABLISHED 300 unreplied
      > S seq=90000 mss | ESTABLISHED 300 unreplied
      < SA seq=5000 ack=90001 mss | SYN_RECV 60
      > A seq=90001 ack=5001 | ESTABLISHED 2000 assured
      """,
    ])
  func resynchronising(scenario: String) { Scenario.play(scenario) }

  @Test func aNewConnectionHasTheWindowAndTheScaleOfItsOwnSYN() {
    Scenario.play(
      Self.established + """
        > S seq=90000 win=100 mss ws=4
        < SA seq=800000 ack=90001 win=200 mss ws=3 | SYN_RECV 60 assured
        > A seq=90001 ack=800001 win=100 | ESTABLISHED 2000 assured
        < PA seq=801601 ack=90001 len=10 win=200 | ESTABLISHED 300 assured
        < PA seq=804000 ack=90001 len=10 win=200 | stray ESTABLISHED 300 assured
        """)
  }

  /// RFC 5961, 4: the ACK of an unexpected SYN is not that of the last FIN.
  @Test func aChallengeInLastAckIsNotTheLastAck() {
    Scenario.play(
      Self.lastAck + """
        > S seq=90000 mss | LAST_ACK 30 assured
        wait 5
        < A seq=5002 ack=1002 | LAST_ACK 25 assured
        < A seq=5002 ack=1002 | TIME_WAIT 90 assured
        """)
  }

  @Test(
    "a closed connection is forgotten by a SYN where its sender has reset it, or it was closed in order",
    arguments: [
      established + """
        < R seq=5001 | CLOSE 10 assured
        wait 3
        > S seq=500 mss | CLOSE 7 assured
        < SA seq=900000 ack=501 mss | SYN_RECV 60 assured
        > A seq=501 ack=900001 | ESTABLISHED 2000 assured
        """,
      established + """
        > R seq=1001 | CLOSE 10 assured
        > S seq=500 mss | SYN_SENT 120 unreplied
        """,
      established + """
        > R seq=1001 | CLOSE 10 assured
        < A seq=5001 ack=1001 | CLOSE 10 assured
        > S seq=500 mss | CLOSE 10 assured
        """,
      finWait + """
        < R seq=5001 | CLOSE 10 assured
        > S seq=500 mss | SYN_SENT 120 unreplied
        """,
      timeWait + "> S seq=500 mss | SYN_SENT 120 unreplied",
    ])
  func synsInClose(scenario: String) { Scenario.play(scenario) }

  @Test(
    "a SYN that is sent again keeps nothing alive before an answer",
    arguments: [
      """
      > S seq=1000 mss | SYN_SENT 120 unreplied
      wait 3
      > S seq=1000 mss | SYN_SENT 117 unreplied
      wait 6
      > S seq=77000 mss | SYN_SENT 111 unreplied
      < SA seq=5000 ack=77001 mss | SYN_RECV 60
      """,
      """
      > S seq=1000 mss | SYN_SENT 120 unreplied
      wait 3
      < S seq=5000 mss | SYN_SENT2 117
      wait 3
      > S seq=1000 mss | SYN_SENT2 120
      """,
    ])
  func synsSentAgain(scenario: String) { Scenario.play(scenario) }

  @Test("a simultaneous open ends with an ACK of either side", arguments: ["< A seq=5001 ack=1001", "> A seq=1001 ack=5001"])
  func simultaneousOpen(last: String) {
    Scenario.play(
      """
      > S seq=1000 mss | SYN_SENT 120 unreplied
      < S seq=5000 mss | SYN_SENT2 120
      > SA seq=1000 ack=5001 | SYN_RECV 60
      \(last) | ESTABLISHED 2000 assured
      """)
  }

  @Test(
    "a SYN with a higher number begins anew on either side",
    arguments: [
      """
      > S seq=1000 mss | SYN_SENT 120 unreplied
      < S seq=90000 | SYN_SENT2 120
      > SA seq=1000 ack=90001 | SYN_RECV 60
      wait 35
      > SA seq=900102 ack=90001 | SYN_RECV 60
      """,
      """
      > S seq=1000 mss | SYN_SENT 120 unreplied
      < SA seq=5000 ack=1001 mss | SYN_RECV 60
      wait 5
      > SA seq=90001 ack=5001 | SYN_RECV 60
      """,
    ])
  func newInitialNumbers(scenario: String) { Scenario.play(scenario) }

  // MARK: Pickup and timers

  @Test(
    "a connection that is met in the middle is assured with the first segment after an answer",
    arguments: [
      """
      > A seq=1001 ack=5001 | ESTABLISHED 300 unreplied
      wait 10
      < A seq=5001 ack=1001 | ESTABLISHED 300
      wait 10
      > A seq=1001 ack=5001 | ESTABLISHED 2000 assured
      """,
      """
      > PA seq=1001 ack=5001 len=10 | ESTABLISHED 300 unreplied
      wait 20
      > PA seq=1011 ack=5001 len=10 | ESTABLISHED 300 unreplied
      """,
      """
      > PA seq=1001 ack=5001 len=10 | ESTABLISHED 300 unreplied
      < SA seq=5000 ack=1011 mss | ESTABLISHED 300
      """,
    ])
  func pickup(scenario: String) { Scenario.play(scenario) }

  @Test(
    "every segment that fits gives a closed connection its whole time again",
    arguments: [
      established + """
        < R seq=5001 | CLOSE 10 assured
        wait 4
        > PA seq=1001 ack=5001 len=10 | CLOSE 10 assured
        wait 4
        < R seq=5001 | CLOSE 10 assured
        """,
      timeWait + """
        wait 30
        < FA seq=5001 ack=1002 | TIME_WAIT 90 assured
        wait 5
        > A seq=1002 ack=5002 | TIME_WAIT 90 assured
        """,
    ])
  func closedConnectionsAreRenewed(scenario: String) { Scenario.play(scenario) }

  @Test(
    "retransmissions before a RST, before data not acknowledged, before a window of zero",
    arguments: [
      established + """
        > PA seq=1001 ack=5001 len=100 | ESTABLISHED 300 assured
        > PA seq=1001 ack=5001 len=100 | ESTABLISHED 300 assured
        > PA seq=1001 ack=5001 len=100 | ESTABLISHED 300 assured
        > PA seq=1001 ack=5001 len=100 | ESTABLISHED 400 assured
        < R seq=5301 | ESTABLISHED 400 assured
        < A seq=5001 ack=1101 | ESTABLISHED 300 assured
        """,
      established + """
        < A seq=5001 ack=1001 win=0 | ESTABLISHED 400 assured
        > PA seq=1001 ack=5001 len=1 | ESTABLISHED 300 assured
        < A seq=5001 ack=1002 win=9000 | ESTABLISHED 2000 assured
        """,
    ])
  func precedence(scenario: String) { Scenario.play(scenario) }

  @Test(
    "a FIN or RST that doesn't fit, answered by one, leaves a connection as long as data not acknowledged",
    arguments: [
      established + """
        > FA seq=1001 ack=77000 | dropped ESTABLISHED 2000 assured
        > FA seq=1001 ack=77000 | dropped ESTABLISHED 2000 assured
        < RA seq=77000 ack=1002 | stray ESTABLISHED 300 assured
        """
    ])
  func invalidEndsAnswered(scenario: String) { Scenario.play(scenario) }

  // MARK: Without states

  @Test(
    "a UDP flow is a stream with the first packet after an answer and two seconds",
    arguments: [
      """
      > udp | 40 unreplied
      < udp | 40
      wait 0.5
      > udp | 40
      < udp | 40
      wait 1.6
      < udp | 150 assured
      wait 60
      > udp | 150 assured
      """,
      """
      > udp | 40 unreplied
      wait 3
      < udp | 40
      > udp | 150 assured
      """,
      """
      > udp | 40 unreplied
      wait 3
      > udp | 40 unreplied
      < udp bad | dropped 40 unreplied
      """,
    ])
  func streams(scenario: String) { Scenario.play(scenario) }

  @Test(
    "pings and protocols without ports are never assured",
    arguments: [
      """
      > ping | 20 unreplied
      wait 5
      < ping | 20
      > ping | 20
      """,
      """
      > esp | 70 unreplied
      wait 5
      < esp | 70
      > esp | 70
      """,
    ])
  func neverAssured(scenario: String) { Scenario.play(scenario) }

  /// N31's simplest: nobody holds a table with pings.
  @Test func answeredPingsGiveWay() {
    let net = Harness(
      configuration {
        $0.settings = NATSettings(.linux)
        $0.limits.table = 100
      })
    for id in 1...100 as ClosedRange<UInt16> {
      _ = net.pass(Packets.ping(vm, server, id: id), on: 2)
      _ = net.pass(Packets.ping(server, external, id: id, reply: true), on: 0)
    }
    for port in 1...50 as ClosedRange<UInt16> { #expect(net.pass(Packets.udp(vm2, 5000 + port, server, 53), on: 2) != nil) }
    #expect(net.gateway.counters.evicted == 50)
  }

  /// N31's other half: … nor with connections that are closing, once no unassured entry is left.
  @Test func closingConnectionsGiveWay() throws {
    let net = Harness(
      configuration {
        $0.settings = NATSettings(.linux)
        $0.limits.table = 4
      })
    func open(_ port: UInt16) {
      _ = net.pass(Packets.tcp(vm, port, server, 80, .syn, sequence: 1000, acknowledgment: 0), on: 2)
      _ = net.pass(Packets.tcp(server, 80, external, port, [.syn, .ack], sequence: 5000, acknowledgment: 1001), on: 0)
      _ = net.pass(Packets.tcp(vm, port, server, 80, .ack, sequence: 1001, acknowledgment: 5001), on: 2)
    }
    func close(_ port: UInt16) {
      _ = net.pass(Packets.tcp(vm, port, server, 80, [.fin, .ack], sequence: 1001, acknowledgment: 5001), on: 2)
    }
    for port in 1001...1004 as ClosedRange<UInt16> { open(port) }
    #expect(net.refuse(Packets.udp(vm2, 5000, server, 53), on: 2) == .tableFull)
    close(1003)
    close(1001)
    // The order in which they came to close is part of a checkpoint.
    net.gateway = try CheckpointTests.copy(net.gateway, into: net.pool)
    #expect(net.pass(Packets.udp(vm2, 5000, server, 53), on: 2) != nil)
    func ports() -> [UInt16] { net.gateway.connections(now: net.now).filter { $0.state != .none }.map(\.original.sourcePort) }
    #expect(ports() == [1001, 1002, 1004])
    // What is unassured goes before it.
    #expect(net.pass(Packets.udp(vm2, 5001, server, 53), on: 2) != nil)
    #expect(ports() == [1001, 1002, 1004])
    _ = net.pass(Packets.udp(server, 53, external, 5001), on: 0)
    net.advance(by: .seconds(3))
    _ = net.pass(Packets.udp(server, 53, external, 5001), on: 0)
    #expect(net.pass(Packets.udp(vm2, 5002, server, 53), on: 2) != nil)
    #expect(ports() == [1002, 1004])
  }

  /// N34 (`find_appropriate_src`).
  @Test func anEndpointLeavesWithThePortOfItsLatestFlow() throws {
    let net = Harness(configuration { $0.settings = NATSettings(.linux) })
    func leave(_ source: IP, to destination: IP, _ port: UInt16) -> UInt16? {
      net.pass(Packets.udp(source, 5000, destination, port), on: 2)?.sourcePort
    }
    #expect(leave(vm, to: server, 53) == 5000)
    let other = try #require(leave(vm2, to: server, 53))
    #expect(other != 5000)
    net.gateway = try CheckpointTests.copy(net.gateway, into: net.pool)
    #expect(leave(vm2, to: server2, 53) == other)
    // Where another has it towards that end it keeps its own, and from then on that one.
    #expect(net.pass(Packets.udp(vm, other, server2, 99), on: 2)?.sourcePort == other)
    #expect(leave(vm2, to: server2, 99) == 5000)
    #expect(leave(vm2, to: server2, 100) == 5000)
    net.gateway.flush(now: net.now)
    #expect(leave(vm2, to: server2, 53) == 5000)
  }

  /// A forward says nothing about what its machine sends by itself.
  @Test func whatAForwardsMachineBeginsLeavesWithItsOwnPort() {
    let net = Harness(
      configuration {
        $0.settings = NATSettings(.linux)
        $0.forwards = [PortForward(.tcp, externalPort: 8080, to: vm, port: 80)]
      })
    #expect(net.pass(Packets.tcp(vm, 80, server, 5000, .syn, sequence: 1, acknowledgment: 0), on: 2)?.sourcePort == 80)
  }

  @Test func whatIsKnownOfAConnectionIsSmall() {
    #expect(
      MemoryLayout<TCPWindow>.stride == 56 && MemoryLayout<Session>.stride == 64 && MemoryLayout<Conntrack.Link>.stride == 32)
    #expect(MemoryLayout<Decision>.size <= 76)
  }
}
