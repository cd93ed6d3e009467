import Testing
import WeftCore
import WeftIP
import WeftWire

@Suite struct NeighbourTableTests {
  static let port = PortIndex(3)
  static let ours = MACAddress.local(1)
  static let theirs = MACAddress.local(2)
  static let us = ip("10.0.0.1")
  static let them = ip("10.0.0.2")
  static let second = Nanoseconds.seconds(1)

  let pool = FramePool()

  func table() -> NeighbourTable { NeighbourTable(port: Self.port, mac: Self.ours, address: Self.us) }

  static func at(_ seconds: UInt64) -> Instant { .start + .seconds(seconds) }

  static func reply(from mac: MACAddress = theirs, _ address: IPv4Address = them) -> ARPPacket {
    ARPPacket(operation: .reply, senderMAC: mac, senderIP: address, targetMAC: ours, targetIP: us)
  }

  static func asks(_ address: IPv4Address = them) -> Done {
    Done(what: .arp(.request(from: ours, us, for: address)), to: .broadcast, port: port)
  }

  static func sent(_ value: UInt8, to mac: MACAddress = theirs, note: Note? = nil) -> Done {
    Done(what: .ipv4(value), to: mac, port: port, note: note)
  }

  @Test func anUnknownNeighbourIsAskedForOnceWhilePacketsWaitInOrder() {
    var table = table()
    var out = Effects(pool: pool)
    let note = Note(.snat, protocolNumber: 6, from: Self.us, 1, to: Self.them, 2)
    table.send(frame(1, in: pool), to: Self.them, now: Self.at(0), &out, note: note)
    table.send(frame(2, in: pool), to: Self.them, now: Self.at(0), &out)
    table.send(frame(3, in: pool), to: ip("10.0.0.3"), now: Self.at(0), &out)
    #expect(taken(&out) == [Self.asks(), Self.asks(ip("10.0.0.3"))])
    #expect(table.mac(of: Self.them) == nil && table.neighbours.isEmpty && table.deadline == Self.at(1))
    table.receive(Self.reply(), now: Self.at(0), &out)
    // What was noted about a packet is still known when it has waited.
    #expect(taken(&out) == [Self.sent(1, note: note), Self.sent(2)])
    #expect(table.mac(of: Self.them) == Self.theirs)
    table.send(frame(4, in: pool), to: Self.them, now: Self.at(0), &out, note: note)
    #expect(taken(&out) == [Self.sent(4, note: note)])
  }

  @Test func itAsksThreeTimesASecondApartThenGivesUp() {
    var table = table()
    var out = Effects(pool: pool)
    table.send(frame(1, in: pool), to: Self.them, now: Self.at(0), &out)
    table.send(frame(2, in: pool), to: Self.them, now: Self.at(0), &out)
    _ = taken(&out)
    var failed: [UInt8] = []
    for second in 1...3 as ClosedRange<UInt64> {
      #expect(table.deadline == Self.at(second))
      table.wake(now: Self.at(second), &out) { frame, address, out in
        #expect(address == Self.them)
        failed.append(mark(frame))
        out.drop(frame, on: Self.port, .neighbourUnresolved)
      }
      if second < 3 { #expect(taken(&out) == [Self.asks()]) }
    }
    #expect(failed == [1, 2] && table.deadline == .never && table.count == 0)
    #expect(taken(&out).map(\.what) == [.dropped(.neighbourUnresolved), .dropped(.neighbourUnresolved)])
    #expect(pool.outstanding == 0)
    // A late answer isn't learned, nobody asks any more - but it is to us, so it may be (RFC 826).
    table.receive(Self.reply(), now: Self.at(4), &out)
    #expect(table.mac(of: Self.them) == Self.theirs)
  }

  @Test func severalRequestsEachKeepTheirOwnTime() {
    var table = table()
    var out = Effects(pool: pool)
    let start = Instant.start + .milliseconds(500)
    table.send(frame(1, in: pool), to: Self.them, now: Self.at(0), &out)
    table.send(frame(2, in: pool), to: ip("10.0.0.3"), now: start, &out)
    _ = taken(&out)
    table.wake(now: Self.at(1), &out) { _, _, _ in Issue.record("too early") }
    #expect(taken(&out) == [Self.asks()] && table.deadline == start + Self.second)
    table.wake(now: start + Self.second, &out) { _, _, _ in Issue.record("too early") }
    #expect(taken(&out) == [Self.asks(ip("10.0.0.3"))] && table.deadline == Self.at(2))
  }

  @Test func theQueueForANeighbourIsBounded() {
    var table = table()
    var out = Effects(pool: pool)
    for value in 0..<66 as Range<UInt8> { table.send(frame(value, in: pool), to: Self.them, now: Self.at(0), &out) }
    #expect(
      taken(&out) == [Self.asks()]
        + (0..<2).map { _ in Done(what: .dropped(.neighbourQueueFull), to: nil, port: Self.port) })
    table.receive(Self.reply(), now: Self.at(0), &out)
    #expect(taken(&out) == (0..<64).map { Self.sent($0) })
  }

  /// RFC 826: merge into what is known; add only if the packet is for us.
  @Test func itLearnsFromThoseWhoTalkToUsAndUpdatesWhomItKnows() {
    var table = table()
    var out = Effects(pool: pool)
    let other = ip("10.0.0.9")
    let between = ARPPacket.request(from: Self.theirs, Self.them, for: other)
    table.receive(between, now: Self.at(0), &out)
    #expect(table.count == 0 && taken(&out).isEmpty)
    let toUs = ARPPacket.request(from: Self.theirs, Self.them, for: Self.us)
    table.receive(toUs, now: Self.at(0), &out)
    #expect(table.mac(of: Self.them) == Self.theirs)
    #expect(taken(&out) == [Done(what: .arp(toUs.reply(from: Self.ours)), to: Self.theirs, port: Self.port)])
    // A gratuitous announcement of a new MAC (a failover, a migrated VM).
    let moved = MACAddress.local(7)
    table.receive(.request(from: moved, Self.them, for: Self.them), now: Self.at(1), &out)
    #expect(table.mac(of: Self.them) == moved && table.moves == 1 && taken(&out).isEmpty)
    table.receive(.request(from: moved, Self.them, for: Self.them), now: Self.at(1), &out)
    #expect(table.moves == 1 && table.neighbours.map(\.mac) == [moved])
  }

  static let refused: [(String, ARPPacket)] = [
    ("our own address", reply(from: theirs, us)), ("a probe", reply(from: theirs, .any)),
    ("a broadcast address", reply(from: theirs, .broadcast)), ("a group", reply(from: theirs, ip("224.0.0.1"))),
    ("loopback", reply(from: theirs, ip("127.0.0.1"))), ("a group's MAC", reply(from: .broadcast)),
    ("a MAC of zero", reply(from: .zero)),
    ("RARP", ARPPacket(operation: .reverseReply, senderMAC: theirs, senderIP: them, targetMAC: ours, targetIP: us)),
  ]

  @Test(arguments: refused) func whatCannotBeANeighbourIsNotLearned(name: String, packet: ARPPacket) {
    var table = table()
    var out = Effects(pool: pool)
    table.send(frame(1, in: pool), to: Self.them, now: Self.at(0), &out)
    _ = taken(&out)
    table.receive(packet, now: Self.at(0), &out)
    #expect(table.neighbours.isEmpty && table.count == 1 && taken(&out).isEmpty, "\(name)")
    #expect(pool.outstanding == 1)
  }

  @Test func aProbeForOurAddressIsAnsweredAndOneWithoutAddressAnswersNothing() {
    var table = table()
    var out = Effects(pool: pool)
    let probe = ARPPacket.request(from: Self.theirs, .any, for: Self.us)
    table.receive(probe, now: Self.at(0), &out)
    #expect(taken(&out) == [Done(what: .arp(probe.reply(from: Self.ours)), to: Self.theirs, port: Self.port)])
    #expect(table.count == 0)
    table.address = .any
    table.receive(.request(from: Self.theirs, Self.them, for: .any), now: Self.at(0), &out)
    #expect(taken(&out).isEmpty && table.count == 0)
  }

  @Test func aProxyAnswersForOthersButNeverAnAnnouncement() {
    var table = table()
    var out = Effects(pool: pool)
    let inside = ip("192.168.1.5")
    let question = ARPPacket.request(from: Self.theirs, Self.them, for: inside)
    table.receive(question, now: Self.at(0), &out) { $0 == inside }
    #expect(taken(&out) == [Done(what: .arp(question.reply(from: Self.ours)), to: Self.theirs, port: Self.port)])
    table.receive(question, now: Self.at(0), &out) { _ in false }
    table.receive(.request(from: Self.theirs, inside, for: inside), now: Self.at(0), &out) { $0 == inside }
    // A reply is no question.
    table.receive(
      ARPPacket(operation: .reply, senderMAC: Self.theirs, senderIP: Self.them, targetMAC: .zero, targetIP: inside),
      now: Self.at(0), &out
    ) { $0 == inside }
    #expect(taken(&out).isEmpty)
  }

  @Test func aStaleEntryIsUsedWhileItIsAskedAboutAndForgottenWithoutAnAnswer() {
    var table = table()
    var out = Effects(pool: pool)
    table.receive(.request(from: Self.theirs, Self.them, for: Self.us), now: Self.at(0), &out)
    _ = taken(&out)
    table.send(frame(1, in: pool), to: Self.them, now: Self.at(60), &out)
    #expect(taken(&out) == [Self.sent(1)])
    table.send(frame(2, in: pool), to: Self.them, now: Self.at(61), &out)
    table.send(frame(3, in: pool), to: Self.them, now: Self.at(61), &out)
    #expect(taken(&out) == [Self.asks(), Self.sent(2), Self.sent(3)])
    // Answered: good for another minute.
    table.receive(Self.reply(), now: Self.at(61), &out)
    #expect(table.deadline == .never)
    table.send(frame(4, in: pool), to: Self.them, now: Self.at(121), &out)
    #expect(taken(&out) == [Self.sent(4)])
    // Not answered.
    table.send(frame(5, in: pool), to: Self.them, now: Self.at(122), &out)
    for second in 123...125 as ClosedRange<UInt64> { table.wake(now: Self.at(second), &out) { _, _, _ in } }
    #expect(taken(&out) == [Self.asks(), Self.sent(5), Self.asks(), Self.asks()])
    #expect(table.count == 0 && table.deadline == .never)
  }

  @Test func itIsBoundedAndForgetsWhatHasAgedToMakeRoom() {
    var table = table()
    var out = Effects(pool: pool)
    func learn(_ number: UInt32, at now: Instant) {
      let address = IPv4Address(rawValue: ip("10.1.0.0").rawValue + number)
      table.receive(.request(from: Self.theirs, address, for: Self.us), now: now, &out)
      _ = taken(&out)
    }
    for number in 0..<20_000 as Range<UInt32> { learn(number, at: Self.at(10)) }
    #expect(table.count == 16_384)
    table.send(frame(1, in: pool), to: Self.them, now: Self.at(11), &out)
    #expect(taken(&out).map(\.what) == [.dropped(.neighbourUnresolved)])
    learn(30_000, at: Self.at(69))
    #expect(table.count == 16_384)
    learn(30_000, at: Self.at(71))
    #expect(table.count == 1 && pool.outstanding == 0)
  }

  @Test func theAnnouncementIsAGratuitousRequest() {
    var out = Effects(pool: pool)
    table().announce(&out)
    #expect(taken(&out) == [Self.asks(Self.us)])
    table().broadcast(frame(9, in: pool), &out)
    #expect(taken(&out) == [Self.sent(9, to: .broadcast)])
  }

  @Test func aCheckpointWhileAskingGoesOnTheSame() throws {
    var original = table()
    var out = Effects(pool: pool)
    let note = Note(.dnat, protocolNumber: 17, from: Self.us, 1, to: Self.them, 2)
    original.receive(.request(from: .local(9), ip("10.0.0.9"), for: Self.us), now: Self.at(0), &out)
    original.send(frame(1, in: pool), to: Self.them, now: Self.at(0), &out, note: note)
    original.send(frame(2, in: pool), to: ip("10.0.0.3"), now: Self.at(0), &out)
    original.wake(now: Self.at(1), &out) { _, _, _ in }
    original.send(frame(3, in: pool), to: ip("10.0.0.9"), now: Self.at(100), &out)
    _ = taken(&out)
    let other = FramePool()
    var copy = try recoded(original, in: other)
    var second = Effects(pool: other)
    func run(_ table: inout NeighbourTable, _ out: inout Effects) -> [Done] {
      var done: [Done] = []
      table.receive(Self.reply(), now: Self.at(100), &out)
      done += taken(&out)
      while table.deadline != .never {
        let now = table.deadline
        table.wake(now: now, &out) { frame, _, out in out.drop(frame, on: Self.port, .neighbourUnresolved) }
        done += taken(&out)
      }
      return done
    }
    let expected = run(&original, &out)
    #expect(run(&copy, &second) == expected && expected.contains(Self.sent(1, note: note)) && expected.count > 4)
    #expect(pool.outstanding == 0 && other.outstanding == 0)
  }
}
