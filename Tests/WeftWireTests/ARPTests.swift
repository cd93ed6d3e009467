import Testing
import WeftWire

@Suite struct ARPTests {
  static let request = ARPPacket.request(from: mac("52:54:00:00:00:01"), ip("10.0.0.1"), for: ip("10.0.0.2"))
  static let requestBytes = hex("0001 0800 06 04 0001 525400000001 0a000001 000000000000 0a000002")
  static let cases: [(ARPPacket, [UInt8])] = [
    (request, requestBytes),
    (
      request.reply(from: mac("52:54:00:00:00:02")),
      hex("0001 0800 06 04 0002 525400000002 0a000002 525400000001 0a000001")
    ),
    (
      ARPPacket(
        operation: .reverseRequest, senderMAC: mac("52:54:00:00:00:01"), senderIP: .any,
        targetMAC: mac("52:54:00:00:00:01"),
        targetIP: .any),
      hex("0001 0800 06 04 0003 525400000001 00000000 525400000001 00000000")
    ),
  ]

  @Test(arguments: cases) func constructs(value: ARPPacket, bytes: [UInt8]) {
    #expect(written(ARPPacket.length) { value.write(to: &$0) } == bytes)
  }

  @Test(arguments: cases) func deconstructsWithAndWithoutPadding(value: ARPPacket, bytes: [UInt8]) {
    check(ARPPacket(bytes.span.bytes) == value)
    let padded = bytes + [UInt8](repeating: 0xee, count: 18)
    check(ARPPacket(padded.span.bytes) == value)
  }

  @Test func cutShortIsNil() {
    for length in 0..<ARPPacket.length {
      let cut = Self.requestBytes[..<length]
      check(ARPPacket(cut.span.bytes) == nil)
    }
  }

  @Test(arguments: [(1, 2), (2, 0x86), (4, 8), (5, 16), (7, 0), (7, 5), (6, 1)] as [(Int, UInt8)])
  func otherHardwareProtocolLengthsAndOperationsAreNil(offset: Int, value: UInt8) {
    var bytes = Self.requestBytes
    bytes[offset] = value
    check(ARPPacket(bytes.span.bytes) == nil)
  }
}
