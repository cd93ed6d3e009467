import Foundation
import Testing
import WeftCore
import WeftWire

@testable import WeftGuest
@testable import WeftPrograms
@testable import WeftStack

/// What is done the short way for most packets is what the long way would have done.
@Suite struct ShortWayTests {
  private static func state(of guest: Guest) throws -> Data {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    return try encoder.encode(guest)
  }

  /// What a guest made of a frame: what came out, and what it is now.
  private static func outcome(
    _ guest: Guest, _ bytes: [UInt8], isSound: Bool, _ pool: FramePool
  ) throws -> (effects: [String], state: Data) {
    var guest = guest
    var out = Effects(pool: pool)
    let frame = pool.frame(bytes)
    frame.isSound = isSound
    guest.receive(frame, on: PortIndex(0), now: .seconds(1), &out)
    var effects: [String] = []
    for index in 0..<out.count {
      let entry = out[index]
      effects.append("\(entry.verdict) \(entry.reason) \(entry.detail) \(entry.frame.withBytes { $0.array })")
    }
    return (effects, try state(of: guest))
  }

  private static func put(_ value: UInt16, at place: Int, _ bytes: inout [UInt8]) {
    bytes[place] = UInt8(value >> 8)
    bytes[place + 1] = UInt8(value & 255)
  }

  private static func sum(_ bytes: [UInt8], _ range: Range<Int>, initial: UInt64 = 0) -> UInt16 {
    InternetChecksum.checksum(bytes.span.bytes.extracting(range), initial: initial)
  }

  private static func number(_ bytes: [UInt8], _ place: Int) -> Int { Int(bytes[place]) << 8 | Int(bytes[place + 1]) }

  /// With the checksums that its bytes ask for, as far as its lengths allow.
  private static func summedUp(_ frame: [UInt8]) -> [UInt8] {
    var bytes = frame
    let start = 14 + Int(bytes[14] & 15) * 4
    guard start >= 34, start <= bytes.count else { return bytes }
    put(0, at: 24, &bytes)
    put(sum(bytes, 14..<start), at: 24, &bytes)
    let end = 14 + number(bytes, 16)
    guard end <= bytes.count, end >= start + 20 else { return bytes }
    let isDatagram = bytes[23] == 17
    let place = start + (isDatagram ? 6 : 16)
    let last = isDatagram ? min(end, start + max(8, number(bytes, start + 4))) : end
    put(0, at: place, &bytes)
    let pseudo = InternetChecksum.pseudoHeader(
      source: bytes.span.bytes.ipv4(26), destination: bytes.span.bytes.ipv4(30), protocol: bytes[23],
      length: last - start)
    let checksum = sum(bytes, start..<last, initial: pseudo)
    put(isDatagram && checksum == 0 ? 0xffff : checksum, at: place, &bytes)
    return bytes
  }

  @Test func frameKnownToBeSoundIsTakenInLikeOneThatIsLookedAt() throws {
    var net = Net([
      Net.guest(
        0,
        [
          .udpRate(to: .guest(1), port: 9, size: 40, interval: .milliseconds(7), count: nil),
          .bulk(to: .guest(1), port: 9, size: 6_000),
        ]), Net.guest(1, [.sink(port: 9), .udpEcho(port: 10)]),
    ])
    net.bootAll()
    net.run(until: .milliseconds(36))
    let (guest, pool) = (net.guests[1], net.pool)
    let sent = net.taps.filter { $0.from == 0 && $0.bytes.count >= 54 }.map(\.bytes)
    #expect(Set(sent.map { $0[23] }) == [6, 17])
    var random = RandomStream(seed: 7, owner: "frames", purpose: "change")
    var ways: Set<Bool> = []
    for frame in sent.suffix(6) {
      for turn in 0..<60 {
        var bytes = frame
        // The first as it is; then a byte or two of the heads become others, often one that nearly is right.
        for _ in 0..<(turn == 0 ? 0 : 1 + Int(random.next(below: 2))) {
          let place = Int(random.next(below: 54))
          bytes[place] = random.next(below: 2) == 0 ? UInt8(random.next(below: 256)) : bytes[place] ^ 1
        }
        bytes = Self.summedUp(bytes)
        let looked = try Self.outcome(guest, bytes, isSound: false, pool)
        // One whose checksum is wrong can't be known to be right.
        if looked.effects.contains(where: { $0.contains("Checksum") }) { continue }
        let known = try Self.outcome(guest, bytes, isSound: true, pool)
        #expect(looked == known, "\(bytes.prefix(54).map { $0 })")
        ways.insert(looked.effects.isEmpty)
      }
    }
    #expect(ways == [true, false])
  }

  /// Frames of a sender of one datagram after the other.
  private static func datagrams(_ net: borrowing Net) -> [[UInt8]] {
    net.taps.filter { $0.from == 0 && $0.bytes.count > 42 && $0.bytes[23] == 17 && $0.bytes[12] == 8 && $0.bytes[13] == 0 }
      .map(\.bytes)
  }

  @Test func datagramsGoToWhereTheNeighbourIsNow() {
    var net = Net([
      Net.guest(0, [.udpRate(to: .guest(1), port: 9, size: 41, interval: .milliseconds(100), count: nil)]),
      Net.guest(1, [.sink(port: 9)]),
    ])
    net.bootAll()
    net.run(seconds: 1)
    let before = Self.datagrams(net)
    #expect(before.count >= 8 && before.allSatisfy { $0.prefix(6) == before[0].prefix(6) })
    // It says that it is elsewhere.
    let moved = ARPPacket.request(from: .local(9), Net.address(1), for: Net.address(0))
    let frame = net.pool.frame(count: 14 + ARPPacket.length)
    net.inject(0, Self.bytes(of: moved, in: frame))
    net.run(seconds: 1)
    let after = Self.datagrams(net).suffix(8)
    #expect(after.allSatisfy { $0.span.bytes.mac(0) == .local(9) })
    for bytes in Self.datagrams(net) { #expect(Self.summedUp(bytes) == bytes) }
  }

  private static func bytes(of packet: ARPPacket, in frame: consuming Frame) -> [UInt8] {
    var span = frame.mutableBytes
    EthernetHeader(destination: .local(1), source: packet.senderMAC, type: .arp).write(to: &span)
    var body = span.slice(14..<14 + ARPPacket.length)
    packet.write(to: &body)
    return frame.bytes.array
  }

  @Test func neighbourIsAskedForAgainAfterAMinuteOfDatagrams() {
    var net = Net([
      Net.guest(0, [.udpRate(to: .guest(1), port: 9, size: 41, interval: .milliseconds(500), count: nil)]),
      Net.guest(1, [.sink(port: 9)]),
    ])
    net.bootAll()
    net.run(seconds: 130)
    let requests = net.taps.filter { $0.from == 0 && $0.bytes[12] == 8 && $0.bytes[13] == 6 }
    #expect(requests.count == 3)
    #expect(zip(requests, requests.dropFirst()).allSatisfy { $1.at - $0.at >= .seconds(60) })
  }

  @Test func copyOfAMachineHasProgramsOfItsOwn() throws {
    var net = Net([
      Net.guest(0, [.udpRate(to: .guest(1), port: 9, size: 41, interval: .milliseconds(10), count: nil)]),
      Net.guest(1, [.sink(port: 9)]),
    ])
    net.bootAll()
    net.run(until: .milliseconds(55))
    let copies = net.guests
    let before = try copies.map { try Self.state(of: $0) }
    net.run(seconds: 1)
    #expect(try copies.map { try Self.state(of: $0) } == before)
    #expect(net.guests[1].programReports[0].requests > copies[1].programReports[0].requests)
  }
}
