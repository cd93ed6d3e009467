import Testing
import WeftCore
import WeftIP
import WeftWire

@Suite struct ICMPErrorTests {
  struct Case: Sendable {
    var name: String
    var header: IPv4Header
    var payload: [UInt8] = [0, 1, 0, 2, 0, 9, 0, 0, 7]
    var destination = MACAddress.local(1)
    var allowed: Bool
  }

  static func header(
    _ number: IPProtocol = .udp, from source: String = "10.0.0.2", to destination: String = "10.0.0.1", offset: Int = 0
  ) -> IPv4Header {
    var header = IPv4Header(protocol: number, source: ip(source), destination: ip(destination), dontFragment: false)
    header.fragmentOffset = offset
    return header
  }

  static func icmp(_ type: UInt8) -> [UInt8] { [type, 0, 0, 0, 0, 0, 0, 0] }

  /// RFC 1122, 3.2.2.
  static let cases: [Case] = [
    Case(name: "a datagram", header: header(), allowed: true),
    Case(name: "a segment", header: header(.tcp), allowed: true),
    Case(name: "an unknown protocol", header: header(IPProtocol(rawValue: 99)), allowed: true),
    Case(name: "an echo request", header: header(.icmp), payload: icmp(8), allowed: true),
    Case(name: "an echo reply", header: header(.icmp), payload: icmp(0), allowed: true),
    Case(name: "unreachable", header: header(.icmp), payload: icmp(3), allowed: false),
    Case(name: "source quench", header: header(.icmp), payload: icmp(4), allowed: false),
    Case(name: "redirect", header: header(.icmp), payload: icmp(5), allowed: false),
    Case(name: "time exceeded", header: header(.icmp), payload: icmp(11), allowed: false),
    Case(name: "parameter problem", header: header(.icmp), payload: icmp(12), allowed: false),
    Case(name: "ICMP cut short", header: header(.icmp), payload: [8, 0, 0], allowed: false),
    Case(name: "a later fragment", header: header(offset: 8), allowed: false),
    Case(name: "a link broadcast", header: header(), destination: .broadcast, allowed: false),
    Case(name: "a link multicast", header: header(), destination: MACAddress("01:00:5e:00:00:01")!, allowed: false),
    Case(name: "to the broadcast address", header: header(to: "255.255.255.255"), allowed: false),
    Case(name: "to a group", header: header(to: "224.0.0.1"), allowed: false),
    Case(name: "from nobody", header: header(from: "0.0.0.0"), allowed: false),
    Case(name: "from a group", header: header(from: "239.1.1.1"), allowed: false),
    Case(name: "from loopback", header: header(from: "127.0.0.1"), allowed: false),
    Case(name: "from broadcast", header: header(from: "255.255.255.255"), allowed: false),
    Case(name: "from class E", header: header(from: "240.0.0.1"), allowed: false),
  ]

  static func bytes(_ header: IPv4Header, _ payload: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: header.length) + payload
    var span = bytes.mutableSpan
    var raw = span.mutableBytes
    header.write(to: &raw, payloadLength: payload.count)
    return bytes
  }

  @Test(arguments: cases) func errorsAreSentOnlyAboutWhatOneHostSentToOneHost(test: Case) {
    let packet = Self.bytes(test.header, test.payload)
    let view = IPv4View(packet.span.bytes)!
    let allowed = ICMPError.isAllowed(about: view, linkDestination: test.destination)
    #expect(allowed == test.allowed, "\(test.name)")
  }

  @Test(arguments: [0, 1, 8, 519, 520, 521, 1472]) func anErrorQuotesUpTo576BytesAndIsWhole(length: Int) {
    let pool = FramePool()
    var out = Effects(pool: pool)
    let packet = Self.bytes(Self.header(), (0..<length).map { UInt8(truncatingIfNeeded: $0) })
    let about = IPv4View(packet.span.bytes)!
    let frame = ICMPError.make(
      .destinationUnreachable, code: ICMPv4UnreachableCode.fragmentationNeeded, rest: 1400, about: about,
      from: ip("10.0.0.9"),
      identification: 77, trace: 5, &out)
    let quoted = min(packet.count, 548)
    let count = frame.count
    let trace = frame.trace
    #expect(count == 14 + 28 + quoted && count - 14 <= 576 && trace == 5)
    let bytes = frame.bytes.array
    let ipBytes = bytes[14...]
    let view = IPv4View(ipBytes.span.bytes)!
    let value = IPv4Header(view)
    #expect(value?.source == ip("10.0.0.9") && value?.destination == ip("10.0.0.2") && value?.identification == 77)
    #expect(value?.protocol == .icmp && value?.dontFragment == false)
    let message = ICMPv4View(view.payload)!
    let header = ICMPv4Header(message)
    #expect(header == ICMPv4Header(type: .destinationUnreachable, code: 4, rest: 1400))
    let quote = message.payload.array
    #expect(quote == Array(packet[..<quoted]))
  }

  /// RFC 1812, 4.3.2.5, as Linux reads it: four bits of RFC 1349's type of service.
  @Test(arguments: [(0, 0xc0), (0x48, 0xc8), (0xb8, 0xd8), (0x03, 0xc2)] as [(UInt8, UInt8)])
  func anErrorIsInternetworkControlWithTheTypeOfServiceOfItsPacket(about: UInt8, expected: UInt8) {
    let pool = FramePool()
    var out = Effects(pool: pool)
    var header = Self.header()
    header.typeOfService = about
    let packet = Self.bytes(header, [0, 1, 0, 2, 0, 8, 0, 0])
    let view = IPv4View(packet.span.bytes)!
    let frame = ICMPError.make(
      .timeExceeded, code: 0, about: view, from: ip("10.0.0.9"), identification: 1, trace: 0, &out)
    let error = frame.bytes.array
    #expect(error[15] == expected)
  }
}
