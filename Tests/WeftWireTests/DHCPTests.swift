import Testing
import WeftWire

@Suite struct DHCPTests {
  static func message(_ change: (inout DHCPMessage) -> Void = { _ in }) -> DHCPMessage {
    var message = DHCPMessage(
      isReply: false, kind: .discover, transaction: 0xdead_beef, clientMAC: mac("52:54:00:00:00:01"))
    change(&message)
    return message
  }

  static let cases: [(DHCPMessage, String)] = [
    (message(), "350101 370401030 60c ff"),
    (
      message {
        $0.kind = .request
        $0.broadcast = true
        $0.requestedAddress = ip("10.0.0.9")
        $0.serverIdentifier = ip("10.0.0.1")
        $0.hostname = "vm1"
      }, "350103 36040a000001 32040a000009 0c03766d31 37040103060c ff"
    ),
    (
      message {
        $0.isReply = true
        $0.kind = .ack
        $0.yourAddress = ip("10.0.0.9")
        $0.serverIdentifier = ip("10.0.0.1")
        $0.leaseTime = 3600
        $0.subnetMask = ip("255.255.255.0")
        $0.router = ip("10.0.0.1")
        $0.dnsServer = ip("10.0.0.53")
      }, "350105 36040a000001 330400000e10 0104ffffff00 03040a000001 06040a000035 ff"
    ),
    (
      message {
        $0.kind = .release
        $0.clientAddress = ip("10.0.0.9")
      }, "350107 ff"
    ),
  ]

  @Test(arguments: cases) func constructs(message: DHCPMessage, options: String) {
    let bytes = message.bytes
    #expect(bytes.count == 300)
    #expect(Array(bytes[0..<4]) == [message.isReply ? 2 : 1, 1, 6, 0])
    #expect(Array(bytes[4..<8]) == hex("deadbeef"))
    #expect(Array(bytes[8..<12]) == [0, 0, message.broadcast ? 0x80 : 0, 0])
    check(bytes.span.bytes.ipv4(12) == message.clientAddress && bytes.span.bytes.ipv4(16) == message.yourAddress)
    #expect(Array(bytes[28..<44]) == hex("525400000001 00000000000000000000"))
    let expected = hex("63825363") + hex(options)
    #expect(Array(bytes[236..<236 + expected.count]) == expected)
    #expect(bytes[(236 + expected.count)...].allSatisfy { $0 == 0 })
  }

  @Test(arguments: cases) func deconstructs(message: DHCPMessage, options: String) {
    check(DHCPMessage(message.bytes.span.bytes) == message)
  }

  @Test(arguments: cases) func cutShortIsNilOrStillTheSame(message: DHCPMessage, options: String) {
    let bytes = message.bytes
    let end = 240 + hex(options).count
    for length in 0..<bytes.count {
      let cut = bytes[..<length]
      let parsed = DHCPMessage(cut.span.bytes)
      // Between whole options a cut message is one with fewer of them; the end mark isn't insisted on.
      if length <= 240 { #expect(parsed == nil) }
      if length >= end - 1 { #expect(parsed == message) }
      if length > 242, let parsed { #expect(parsed.kind == message.kind) }
    }
  }

  static func raw(_ options: String) -> [UInt8] { Array(message().bytes[..<240]) + hex(options) }

  @Test(arguments: [
    // No message type; an unknown one; fixed lengths that aren't; options that end outside.
    "ff", "0000", "350100 ff", "350109 ff", "35020101 ff", "3500 ff", "350101 3203 0a0000 ff",
    "350101 3605 0a00000100 ff",
    "350101 0100 ff", "350101 3303000e10 ff", "350101 0c05 766d", "350101 0c", "35", "3501", "350101 370a 01",
  ]) func malformedOptionsAreNil(options: String) {
    check(DHCPMessage(Self.raw(options).span.bytes) == nil)
  }

  @Test(arguments: [(0, 0), (0, 3), (1, 6), (2, 8), (236, 0)] as [(Int, UInt8)])
  func otherOperationsHardwareAndCookiesAreNil(offset: Int, value: UInt8) {
    var bytes = Self.message().bytes
    bytes[offset] = value
    check(DHCPMessage(bytes.span.bytes) == nil)
  }

  @Test func unknownOptionsPaddingAndSeveralRoutersArePassedOver() throws {
    let bytes = Self.raw("00 00 3d0701525400000001 350101 3902 05dc 0308 0a000001 0a000002 0c00 fe00 ff 3500")
    let message = try unwrap(DHCPMessage(bytes.span.bytes))
    #expect(message.kind == .discover && message.router == ip("10.0.0.1") && message.hostname == nil)
  }

  @Test func aNameTooLongIsCutBetweenCharacters() throws {
    for name in [
      String(repeating: "x", count: 300), String(repeating: "ü", count: 200), String(repeating: "😀", count: 100),
    ] {
      let message = Self.message { $0.hostname = name }
      let again = try unwrap(DHCPMessage(message.bytes.span.bytes))
      let hostname = try #require(again.hostname)
      #expect(name.hasPrefix(hostname) && hostname.utf8.count > 251 && hostname.utf8.count <= 255)
      check(DHCPMessage(again.bytes.span.bytes) == again)
    }
  }

  @Test func aNameThatIsNotUTF8IsRepaired() throws {
    let bytes = Self.raw("350101 0c03 61ff62 ff")
    check(DHCPMessage(bytes.span.bytes)?.hostname == "a\u{fffd}b")
  }
}
