import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

@Suite struct FragmentTests {
  /// Cuts a packet without options into fragments of `size` bytes of payload.
  static func cut(_ packet: [UInt8], _ size: Int, id: UInt16 = 77) -> [[UInt8]] {
    let payload = Array(packet[20...])
    let span = packet.span.bytes
    guard let view = IPv4View(span), var header = IPv4Header(view) else { return [] }
    header.identification = id
    header.dontFragment = false
    return stride(from: 0, to: payload.count, by: size).map { offset in
      header.fragmentOffset = offset
      header.moreFragments = offset + size < payload.count
      return Packets.ip(header, Array(payload[offset..<min(offset + size, payload.count)]))
    }
  }

  /// Puts what was sent together again; nil if it isn't whole.
  static func join(_ seen: [Seen]) -> Seen? {
    let pieces = seen.map(\.bytes).sorted { ($0[6] & 0x1f, $0[7]) < ($1[6] & 0x1f, $1[7]) }
    guard let first = pieces.first, let last = pieces.last, last[6] & 0x20 == 0 else { return nil }
    var payload: [UInt8] = []
    for piece in pieces {
      guard (Int(piece[6] & 0x1f) << 8 | Int(piece[7])) * 8 == payload.count else { return nil }
      payload += piece[20...]
    }
    guard let view = IPv4View(first.span.bytes), var header = IPv4Header(view) else { return nil }
    header.moreFragments = false
    return read(Packets.ip(header, payload), port: seen[0].port)
  }

  static let payload = (0..<100).map { UInt8($0) }
  static let whole = Packets.udp(vm, 5000, server, 53, payload: payload)
  static let answer = Packets.udp(server, 53, external, 5000, payload: payload)

  static let orders = [[0, 1, 2, 3], [2, 0, 1, 3], [3, 2, 1, 0], [1, 3, 0, 2]]

  @Test("RFC 4787 REQ-14: fragments are translated in whatever order they come", arguments: orders)
  func anyOrder(order: [Int]) throws {
    for packet in [
      Self.whole, Packets.tcp(vm, 5000, server, 53, .syn, payload: Self.payload),
      Packets.icmp(vm, server, 8, rest: 5000 << 16, data: Self.payload),
    ] {
      let net = Harness(configuration())
      _ = net.pass(Packets.udp(vm2, 5000, server, 9), on: 2)
      _ = net.pass(Packets.tcp(vm2, 5000, server, 9, .syn), on: 2)
      _ = net.pass(Packets.ping(vm2, server, id: 5000), on: 2)
      net.clear()
      net.trace = 9
      let pieces = Self.cut(packet, 32)
      for index in order {
        // Nothing leaves before the first.
        if order.firstIndex(of: 0)! > order.firstIndex(of: index)! { #expect(net.sent.isEmpty) }
        net.give(pieces[index], on: 2)
      }
      #expect(net.sent.count == 4 && net.drops.isEmpty && net.sent.allSatisfy { $0.trace == 9 && $0.ttl == 63 })
      let joined = try #require(Self.join(net.sent))
      #expect(joined.checksumsAreRight && joined.source == external && joined.sourcePort != 5000)
      #expect(net.pool.outstanding == 0 && net.gateway.fragments.isEmpty && net.gateway.fragments.heldCount == 0)
    }
  }

  @Test func answersComeBackInPieces() throws {
    let net = Harness(configuration())
    _ = net.pass(Self.whole, on: 2)
    net.clear()
    for piece in Self.cut(Self.answer, 40).reversed() { net.give(piece, on: 0) }
    let joined = try #require(Self.join(net.sent))
    #expect(joined.checksumsAreRight && joined.destination == vm && joined.destinationPort == 5000 && joined.port == 2)
  }

  @Test("RFC 1858, RFC 5722: pieces that overlap end the datagram; a double is only dropped itself")
  func overlaps() {
    let net = Harness(configuration())
    let pieces = Self.cut(Self.whole, 32)
    for piece in pieces[0...1] { net.give(piece, on: 2) }
    #expect(net.refuse(pieces[1], on: 2) == .fragmentOverlap)
    #expect(net.pass(pieces[2], on: 2) != nil)
    var overlapping = Self.cut(Self.whole, 40)[2]
    #expect(net.refuse(overlapping, on: 2) == .fragmentOverlap)
    #expect(net.refuse(pieces[3], on: 2) == .fragmentOverlap)
    // Waiting ones go with it.
    overlapping = Self.cut(Self.whole, 40, id: 8)[1]
    net.clear()
    net.give(Self.cut(Self.whole, 32, id: 8)[1], on: 2)
    net.give(overlapping, on: 2)
    #expect(net.drops.map(\.reason) == [.fragmentOverlap, .fragmentOverlap] && net.sent.isEmpty)
    #expect(net.pool.outstanding == 0)
  }

  @Test func whatNeverBecomesWholeIsDroppedAfterHalfAMinute() {
    let net = Harness(configuration())
    let pieces = Self.cut(Self.whole, 32)
    for index in [1, 2] { net.give(pieces[index], on: 2) }
    net.advance(by: .seconds(29))
    #expect(net.drops.isEmpty && net.pool.outstanding == 2)
    net.advance(by: .seconds(2))
    #expect(net.drops.map(\.reason) == [.fragmentTimeout, .fragmentTimeout] && net.pool.outstanding == 0)
    #expect(net.drops.map { Array($0.bytes[14...]) } == [pieces[1], pieces[2]])
    #expect(net.gateway.deadline == .never)
  }

  @Test("RFC 4787 REQ-14: ten thousand halves cost bounded memory, and whole ones still pass")
  func halfFragmentFlood() throws {
    let net = Harness(configuration())
    for index in 0..<10_000 {
      let source = IP(192, 168, 122, UInt8(20 + index % 200))
      net.give(Self.cut(Packets.udp(source, 1, server, 53, payload: Self.payload), 32, id: UInt16(index))[1], on: 2)
      #expect(net.gateway.fragments.heldCount <= FragmentTable.heldFrames)
      #expect(net.gateway.fragments.tracks.count <= FragmentTable.datagrams)
    }
    #expect(net.drops.count == 10_000 - net.gateway.fragments.heldCount)
    #expect(Set(net.drops.map(\.reason)) == [.fragmentLimit] && net.pool.outstanding <= FragmentTable.heldFrames)
    net.clear()
    for piece in Self.cut(Self.whole, 32).reversed() { net.give(piece, on: 2) }
    #expect(try #require(Self.join(net.sent)).checksumsAreRight)
    net.advance(by: .seconds(60))
    #expect(net.pool.outstanding == 0 && net.gateway.fragments.isEmpty)
  }

  @Test func aRefusedFirstFragmentTakesTheOthersWithIt() {
    let net = Harness(configuration { $0.rules = [FilterRule(.deny, port: 53...53)] })
    let pieces = Self.cut(Self.whole, 32)
    for index in [1, 0, 2] { net.give(pieces[index], on: 2) }
    #expect(net.drops.map(\.reason) == [.filtered, .filtered, .filtered] && net.sent.isEmpty)
    #expect(net.refuse(Self.cut(Self.answer, 32)[0], on: 0) == .noPortForward)
    #expect(net.refuse(Self.cut(Self.answer, 32)[1], on: 0) == .noPortForward)
    #expect(
      net.refuse(Self.cut(Packets.udp(other, 1, server, 2, payload: Self.payload), 32)[1], on: 2) == .spoofedSource)
  }

  @Test func brokenFragmentsAreMalformed() {
    let net = Harness(configuration())
    var header = IPv4Header(protocol: .udp, source: vm, destination: server, dontFragment: false)
    header.moreFragments = true
    #expect(net.refuse(Packets.ip(header, [1, 2, 3]), on: 2) == .malformedIPv4)
    header.fragmentOffset = 65528
    header.moreFragments = false
    #expect(net.refuse(Packets.ip(header, [UInt8](repeating: 0, count: 100)), on: 2) == .malformedIPv4)
    // RFC 3128: the second one would overwrite the first one's flags.
    header.protocol = .tcp
    header.fragmentOffset = 8
    #expect(net.refuse(Packets.ip(header, [UInt8](repeating: 0, count: 16)), on: 2) == .malformedTCP)
    // RFC 1858: a first one without its flags.
    #expect(
      net.refuse(Self.cut(Packets.tcp(vm, 1, server, 2, .syn, payload: Self.payload), 16)[0], on: 2) == .malformedTCP)
    #expect(net.refuse(Self.cut(Packets.ping(vm, gatewayInside, id: 1), 8)[0], on: 2) == .fragmentUnsupported)
  }

  static func big(_ size: Int, dontFragment: Bool) -> [UInt8] {
    let packet = Packets.udp(
      vm, 5000, server, 53, payload: (0..<size).map { UInt8($0 & 255) }, options: [148, 4, 0, 0, 7, 4, 0, 0])
    guard !dontFragment, let view = IPv4View(packet.span.bytes), var header = IPv4Header(view) else { return packet }
    header.dontFragment = false
    header.identification = 99
    return Packets.ip(header, Array(packet[28...]))
  }

  @Test("RFC 4787 REQ-13: too big with DF is told the MTU; without it is fragmented, in order")
  func pathMTU() throws {
    let net = Harness(configuration { $0.outside.mtu = 1000 })
    #expect(net.refuse(Self.big(1200, dontFragment: true), on: 2) == .fragmentationNeeded)
    let told = try #require(net.sent.first)
    #expect(
      told.icmpType == 3 && told.icmpCode == 4 && told.rest == 1000 && told.destination == vm
        && told.source == gatewayInside)
    net.clear()
    net.give(Self.big(1200, dontFragment: false), on: 2)
    #expect(
      net.sent.count == 2
        && net.sent.allSatisfy { $0.bytes.count <= 1000 && $0.checksumsAreRight && $0.source == external })
    // The router alert is in both, the record route (not to be copied) in the first alone; in its place is nothing to do.
    #expect(net.sent.map { Array($0.bytes[20..<28]) } == [[148, 4, 0, 0, 7, 4, 0, 0], [148, 4, 0, 0, 1, 1, 1, 1]])
    #expect(net.sent.allSatisfy { $0.bytes[0] & 15 == 7 })
    let payload = net.sent.flatMap { $0.bytes[(Int($0.bytes[0] & 15) * 4)...] }
    #expect(payload.count == 1208 && payload[8] == 0 && payload[1207] == UInt8(1199 & 255))
    #expect(net.sent[0].bytes[6] == 0x20 && net.sent[1].bytes[6] & 0x20 == 0)
    // A fragment may be cut again.
    net.clear()
    for piece in Self.cut(Packets.udp(vm, 5000, server, 53, payload: [UInt8](repeating: 3, count: 1700)), 1400) {
      net.give(piece, on: 2)
    }
    #expect(net.sent.count == 3)
    #expect(try #require(Self.join(net.sent)).checksumsAreRight)
    // From outside to a smaller link inside: the sender outside is told, by the gateway's outside address.
    let inner = Harness(configuration { $0.networks[0].mtu = 600 })
    _ = inner.pass(Packets.udp(vm, 5000, server, 53), on: 2)
    #expect(
      inner.refuse(Packets.udp(server, 53, external, 5000, payload: [UInt8](repeating: 1, count: 700)), on: 0)
        == .fragmentationNeeded)
    #expect(
      inner.sent.first?.destination == server && inner.sent.first?.source == external && inner.sent.first?.rest == 600)
    #expect(
      inner.pass(Packets.udp(server, 53, external, 5000, payload: [UInt8](repeating: 1, count: 572)), on: 0) != nil)
  }

  @Test func aSYNsMSSIsLoweredWhereAsked() throws {
    var options = TCPOptions()
    options.maximumSegmentSize = 1460
    for clamps in [false, true] {
      let net = Harness(
        configuration {
          $0.mssClamp = clamps
          $0.outside.mtu = 1400
        })
      let out = try #require(net.pass(Packets.tcp(vm, 4000, server, 80, .syn, options: options), on: 2))
      let expected: UInt16 = clamps ? 1360 : 1460
      #expect(out.bytes[42...43] == [UInt8(expected >> 8), UInt8(expected & 255)])
      let back = try #require(net.pass(Packets.tcp(server, 80, external, 4000, [.syn, .ack], options: options), on: 0))
      #expect(back.bytes[42...43] == [UInt8(expected >> 8), UInt8(expected & 255)])
      options.maximumSegmentSize = 500
      #expect(net.pass(Packets.tcp(vm, 4001, server, 80, .syn, options: options), on: 2)?.bytes[42...43] == [1, 244])
      options.maximumSegmentSize = 1460
    }
  }

  @Test func fragmentsThatWaitTravelWithTheCheckpoint() throws {
    let a = Harness(configuration())
    let pieces = Self.cut(Self.whole, 32)
    for index in [2, 1] { a.give(pieces[index], on: 2) }
    let b = Harness(configuration())
    b.gateway = try CheckpointTests.copy(a.gateway, into: b.pool)
    b.now = a.now
    for index in [3, 0] { b.give(pieces[index], on: 2) }
    #expect(try #require(Self.join(b.sent)).checksumsAreRight)
    #expect(b.gateway.fragments.isEmpty && b.pool.outstanding == 0)
  }
}
