import Testing
import WeftWire

/// Whatever the bytes, no parser and no accessor traps or reads beyond them: the input ends at a forbidden page.
@Suite struct MalformedInputTests {
  static let seeds: [(String, [UInt8])] = {
    let a = mac("52:54:00:00:00:01")
    let b = mac("52:54:00:00:00:02")
    let x = ip("10.0.0.1")
    let y = ip("10.0.0.2")
    func ethernet(_ type: EtherType, _ payload: [UInt8], vlan: VLANTag? = nil) -> [UInt8] {
      let header = EthernetHeader(destination: a, source: b, type: type, vlan: vlan)
      return packet(header.length, payload) { header.write(to: &$0) }
    }
    func ipv4(_ number: IPProtocol, _ payload: [UInt8], options: [UInt8] = []) -> [UInt8] {
      var header = IPv4Header(protocol: number, source: x, destination: y)
      header.options = options
      return packet(header.length, payload) { header.write(to: &$0, payloadLength: payload.count) }
    }
    func udp(_ source: UInt16, _ destination: UInt16, _ payload: [UInt8]) -> [UInt8] {
      packet(8, payload) {
        UDPHeader(sourcePort: source, destinationPort: destination).write(to: &$0, source: x, destination: y)
      }
    }
    let arp = written(28) { ARPPacket.request(from: a, x, for: y).write(to: &$0) }
    let tcp = TCPTests.segment(TCPTests.cases.last!.options)
    let segment = packet(tcp.length, [1, 2, 3]) { tcp.write(to: &$0, source: x, destination: y) }
    let quoted = ipv4(.udp, udp(1, 2, [3]))
    let unreachable = packet(8, quoted) { ICMPv4Header(type: .destinationUnreachable, code: 3).write(to: &$0) }
    return [
      ("ARP", ethernet(.arp, arp)),
      ("tagged ARP", ethernet(.arp, arp, vlan: VLANTag(identifier: 7))),
      ("UDP", ethernet(.ipv4, ipv4(.udp, udp(1, 2, [1, 2, 3])))),
      ("TCP behind IP options", ethernet(.ipv4, ipv4(.tcp, segment, options: [131, 7, 4, 10, 0, 0, 9, 1]))),
      ("ICMP error", ethernet(.ipv4, ipv4(.icmp, unreachable))),
      ("DHCP", ethernet(.ipv4, ipv4(.udp, udp(68, 67, DHCPTests.cases[1].0.bytes)))),
    ]
  }()

  @Test(arguments: seeds) func truncatedAtEveryLength(name: String, frame: [UInt8]) {
    let page = GuardPage()
    for length in 0...frame.count { page.with(Array(frame[..<length])) { _ = Self.readAll($0) } }
  }

  @Test(arguments: seeds) func withAnyBitFlipped(name: String, frame: [UInt8]) {
    let page = GuardPage()
    for bit in 0..<frame.count * 8 {
      var flipped = frame
      flipped[bit / 8] ^= 1 << UInt8(bit % 8)
      page.with(flipped) { _ = Self.readAll($0) }
    }
  }

  @Test(arguments: seeds) func withManyBitsFlippedAndCut(name: String, frame: [UInt8]) {
    let page = GuardPage()
    var random = SplitMix(state: 0x5eed)
    for _ in 0..<3_000 {
      var broken = frame
      for _ in 0..<Int.random(in: 1...12, using: &random) {
        // Mostly in the headers: that is where lengths are.
        let index = Int.random(in: 0..<min(frame.count, Bool.random(using: &random) ? 60 : frame.count), using: &random)
        broken[index] = UInt8.random(in: 0...255, using: &random)
      }
      if Bool.random(using: &random) { broken.removeLast(Int.random(in: 0...frame.count, using: &random)) }
      page.with(broken) { _ = Self.readAll($0) }
    }
  }

  @Test func eachParserOnItsOwnTakesNoise() {
    let page = GuardPage()
    var random = SplitMix(state: 0xf00d)
    for _ in 0..<4_000 {
      var noise = (0..<Int.random(in: 0...80, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      if !noise.isEmpty, Bool.random(using: &random) { noise[0] = 0x40 | UInt8.random(in: 5...15, using: &random) }
      page.with(noise) { bytes in
        var sum = Self.readIPv4(bytes)
        sum &+= Self.readTCP(bytes) &+ Self.readUDP(bytes) &+ Self.readICMP(bytes)
        _ = ARPPacket(bytes)
        _ = TCPOptions(bytes)
        _ = DHCPMessage(bytes)
        _ = IPv4Option.areWellFormed(bytes)
        _ = IPv4Option.hasSourceRoute(bytes)
        #expect(sum >= 0)
      }
    }
  }

  // MARK: Every accessor

  static func add(_ span: RawSpan) -> UInt64 {
    var sum: UInt64 = 0
    for index in 0..<span.byteCount { sum &+= UInt64(span.u8(index)) }
    return sum
  }

  static func readAll(_ bytes: RawSpan) -> UInt64 {
    guard let view = EthernetView(bytes) else { return 0 }
    var sum = view.destination.rawValue &+ view.source.rawValue &+ UInt64(view.vlan?.tci ?? 0) &+ add(view.payload)
    _ = EthernetHeader(view)
    if let arp = ARPPacket(view.payload) { sum &+= UInt64(arp.targetIP.rawValue) }
    return sum &+ readIPv4(view.payload)
  }

  static func readIPv4(_ bytes: RawSpan) -> UInt64 {
    var sum: UInt64 = 0
    if let quoted = IPv4View(quoted: bytes) {
      sum &+= add(quoted.options) &+ add(quoted.payload) &+ quoted.pseudoHeader
    }
    guard let view = IPv4View(bytes) else { return sum }
    sum &+= UInt64(view.typeOfService) &+ UInt64(view.totalLength) &+ UInt64(view.identification)
    sum &+= UInt64(view.fragmentOffset) &+ UInt64(view.timeToLive) &+ UInt64(view.checksum)
    sum &+= UInt64(view.source.rawValue) &+ UInt64(view.destination.rawValue) &+ view.pseudoHeader
    sum &+= add(view.options) &+ add(view.payload)
    if view.dontFragment || view.moreFragments || view.isFragment || view.hasValidChecksum { sum &+= 1 }
    if IPv4Option.hasSourceRoute(view.options) { sum &+= 1 }
    if let header = IPv4Header(view) { sum &+= UInt64(header.options.count) }
    return sum &+ readUDP(view.payload) &+ readTCP(view.payload) &+ readICMP(view.payload)
  }

  static func readUDP(_ bytes: RawSpan) -> UInt64 {
    guard let view = UDPView(bytes) else { return 0 }
    var sum = UInt64(view.sourcePort) &+ UInt64(view.destinationPort) &+ UInt64(view.length) &+ UInt64(view.checksum)
    sum &+= add(view.payload)
    if view.hasValidChecksum(source: .any, destination: .any) { sum &+= 1 }
    if let message = DHCPMessage(view.payload) { sum &+= UInt64(message.bytes.count) }
    return sum
  }

  static func readTCP(_ bytes: RawSpan) -> UInt64 {
    guard let view = TCPView(bytes) else { return 0 }
    var sum = UInt64(view.sequence) &+ UInt64(view.acknowledgment) &+ UInt64(view.window) &+ UInt64(view.checksum)
    sum &+= add(view.options) &+ add(view.payload) &+ UInt64(view.flags.rawValue)
    if view.hasValidChecksum(source: .any, destination: .any) { sum &+= 1 }
    if let header = TCPHeader(view) { sum &+= UInt64(header.length) }
    return sum
  }

  static func readICMP(_ bytes: RawSpan) -> UInt64 {
    guard let view = ICMPv4View(bytes) else { return 0 }
    var sum = UInt64(view.type.rawValue) &+ UInt64(view.code) &+ UInt64(view.checksum) &+ UInt64(view.nextHopMTU)
    sum &+= UInt64(view.identifier) &+ UInt64(view.sequence) &+ add(view.payload)
    if ICMPv4Header(view) != nil { sum &+= 1 }
    if let quoted = IPv4View(quoted: view.payload) { sum &+= add(quoted.payload) }
    return sum
  }
}
