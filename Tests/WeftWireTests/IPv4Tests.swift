import Testing
import WeftWire

@Suite struct IPv4Tests {
  struct Case: Sendable {
    var name: String
    var header: IPv4Header
    var payload: [UInt8]
    var bytes: [UInt8]
  }

  /// Checksums worked out by another program (and confirmed by tshark in `TsharkTests`).
  static let cases: [Case] = {
    var plain = IPv4Header(protocol: .udp, source: ip("10.0.0.1"), destination: ip("10.0.0.2"), identification: 0x1234)
    plain.typeOfService = 0xb8
    var first = IPv4Header(
      protocol: .icmp, source: ip("192.0.2.1"), destination: ip("198.51.100.7"), timeToLive: 1, dontFragment: false)
    first.moreFragments = true
    var last = first
    last.moreFragments = false
    last.fragmentOffset = 65_512
    var options = IPv4Header(protocol: .tcp, source: ip("10.0.0.1"), destination: ip("10.0.0.2"))
    options.options = [148, 4, 0, 0]
    return [
      Case(
        name: "plain", header: plain, payload: [0xaa], bytes: hex("45b8 0015 1234 4000 4011 13ea 0a000001 0a000002 aa")),
      Case(
        name: "first fragment", header: first, payload: [UInt8](repeating: 1, count: 8),
        bytes: hex("4500 001c 0000 2000 0101 ada5 c0000201 c6336407 0101010101010101")),
      Case(
        name: "last fragment", header: last, payload: [9, 9],
        bytes: hex("4500 0016 0000 1ffd 0101 adae c0000201 c6336407 0909")),
      Case(
        name: "router alert", header: options, payload: [],
        bytes: hex("4600 0018 0000 4000 4006 91d9 0a000001 0a000002 94040000")),
    ]
  }()

  @Test(arguments: cases) func constructs(test: Case) {
    let bytes = packet(test.header.length, test.payload) {
      test.header.write(to: &$0, payloadLength: test.payload.count)
    }
    #expect(bytes == test.bytes, "\(test.name): \(bytes.map { String($0, radix: 16) })")
  }

  @Test(arguments: cases) func deconstructsAndLeavesPaddingOut(test: Case) {
    let padded = test.bytes + [UInt8](repeating: 0xee, count: 30)
    let view = IPv4View(padded.span.bytes)!
    check(IPv4Header(view) == test.header)
    check(view.payload.array == test.payload)
    check(view.options.array == test.header.options)
    check(view.totalLength == test.bytes.count && view.hasValidChecksum)
    check(view.isFragment == (test.header.moreFragments || test.header.fragmentOffset > 0))
  }

  @Test(arguments: cases) func cutShortIsNilButQuotedNeedsTheHeaderAlone(test: Case) {
    for length in 0..<test.bytes.count {
      let cut = test.bytes[..<length]
      check(IPv4View(cut.span.bytes) == nil)
      check((IPv4View(quoted: cut.span.bytes) != nil) == (length >= test.header.length))
    }
  }

  /// Lengths that contradict each other or the bytes there are.
  @Test(
    arguments: [
      (0, 0x44), (0, 0x40), (0, 0x55), (0, 0x65), (0, 0x05), (0, 0x4f), (3, 19), (3, 0), (3, 22), (2, 0xff),
    ] as [(Int, UInt8)]) func contradictionsAreNil(offset: Int, value: UInt8)
  {
    var bytes = Self.cases[0].bytes
    bytes[offset] = value
    check(IPv4View(bytes.span.bytes) == nil)
  }

  @Test func aBadChecksumIsAViewButNoValue() {
    for bit in 0..<160 where !(0..<8).contains(bit) && !(16..<32).contains(bit) {
      var bytes = Self.cases[0].bytes
      bytes[bit / 8] ^= 1 << UInt8(bit % 8)
      let view = IPv4View(bytes.span.bytes)!
      check(!view.hasValidChecksum && IPv4Header(view) == nil)
    }
  }

  @Test func aFragmentBeyondTheLongestPacketIsNoValue() {
    // The "ping of death": offset 65,528 and more than 7 bytes - even 0 header bytes - can't be.
    var header = IPv4Header(protocol: .icmp, source: ip("10.0.0.1"), destination: ip("10.0.0.2"), dontFragment: false)
    header.fragmentOffset = 65_504
    for (length, legal) in [(0, true), (11, true), (12, false), (40, false)] {
      let bytes = packet(20, [UInt8](repeating: 0, count: length)) { header.write(to: &$0, payloadLength: length) }
      let view = IPv4View(bytes.span.bytes)!
      check((IPv4Header(view) != nil) == legal, "\(length)")
    }
  }

  @Test(
    arguments: [
      ("", true, false), ("00", true, false), ("01010101", true, false), ("94040000", true, false),
      ("83030400", true, true), ("89030400", true, true), ("01830304", true, true), ("00830304", true, false),
      // A length of zero or one would loop for ever; one beyond the header would read outside.
      ("07000000", false, false), ("07010000", false, false), ("07050000", false, false), ("01010107", false, false),
      ("07ff0000", false, false), ("01010183", false, true), ("0702 0702", true, false), ("0700 8303", false, false),
    ] as [(String, Bool, Bool)]) func optionsEndInsideOrAreMalformed(text: String, wellFormed: Bool, sourceRoute: Bool)
  {
    let options = hex(text)
    check(IPv4Option.areWellFormed(options.span.bytes) == wellFormed)
    check(IPv4Option.hasSourceRoute(options.span.bytes) == sourceRoute)
  }
}
