import Testing
import WeftWire

@Suite struct TCPTests {
  static let source = ip("10.0.0.1")
  static let destination = ip("10.0.0.2")

  struct Case: Sendable {
    var options: TCPOptions
    var bytes: [UInt8]
  }

  static func options(
    mss: UInt16? = nil, scale: UInt8? = nil, sack: Bool = false, timestamp: (UInt32, UInt32)? = nil
  ) -> TCPOptions {
    var options = TCPOptions()
    options.maximumSegmentSize = mss
    options.windowScale = scale
    options.sackPermitted = sack
    options.timestampValue = timestamp?.0
    options.timestampEcho = timestamp?.1
    return options
  }

  static let cases = [
    Case(options: options(), bytes: []),
    Case(options: options(mss: 1460), bytes: hex("020405b4")),
    Case(options: options(scale: 7), bytes: hex("030307 00")),
    Case(options: options(sack: true), bytes: hex("0402 0000")),
    Case(options: options(timestamp: (1, 2)), bytes: hex("080a 00000001 00000002 0000")),
    Case(
      options: options(mss: 1460, scale: 14, sack: true, timestamp: (0xffff_ffff, 0)),
      bytes: hex("020405b4 0402 080a ffffffff 00000000 03030e 00")),
  ]

  static func segment(_ options: TCPOptions, flags: TCPFlags = .syn) -> TCPHeader {
    TCPHeader(
      sourcePort: 40000, destinationPort: 80, sequence: 0xdead_beef, acknowledgment: 7, flags: flags, window: 0xfaf0,
      options: options)
  }

  @Test(arguments: cases) func constructs(test: Case) throws {
    let header = Self.segment(test.options)
    #expect(header.length == 20 + test.bytes.count)
    let bytes = packet(header.length, [1, 2, 3]) {
      header.write(to: &$0, source: Self.source, destination: Self.destination)
    }
    let offset = String(header.length / 4, radix: 16)
    #expect(Array(bytes[..<16]) == hex("9c40 0050 deadbeef 00000007 \(offset)0 02 faf0"))
    #expect(Array(bytes[18..<20]) == [0, 0])
    #expect(Array(bytes[20...]) == test.bytes + [1, 2, 3])
    // The checksum by its definition over pseudo-header and segment.
    let whole = hex("0a000001 0a000002 0006") + [0, UInt8(bytes.count)] + bytes
    #expect(InternetChecksumTests.reference(whole) == 0)
  }

  @Test(arguments: cases) func deconstructs(test: Case) {
    let header = Self.segment(test.options, flags: [.syn, .ack, .ece, .cwr])
    let bytes = packet(header.length, [1, 2, 3]) {
      header.write(to: &$0, source: Self.source, destination: Self.destination)
    }
    let view = TCPView(bytes.span.bytes)!
    check(TCPHeader(view) == header)
    check(view.payload.array == [1, 2, 3] && view.options.array == test.bytes)
    check(view.hasValidChecksum(source: Self.source, destination: Self.destination))
    check(!view.hasValidChecksum(source: Self.source, destination: Self.source))
    check(TCPOptions(test.bytes.span.bytes) == test.options)
  }

  @Test(arguments: cases) func cutShortIsNilBeforeTheHeaderEnds(test: Case) {
    let header = Self.segment(test.options)
    let bytes = packet(header.length, [9]) { header.write(to: &$0, source: Self.source, destination: Self.destination) }
    for length in 0..<bytes.count {
      let cut = bytes[..<length]
      check((TCPView(cut.span.bytes) != nil) == (length >= header.length))
    }
  }

  @Test(arguments: [0, 1, 4, 6, 15] as [UInt8]) func aDataOffsetThatContradictsIsNil(words: UInt8) {
    let header = Self.segment(TCPOptions())
    var bytes = packet(20, []) { header.write(to: &$0, source: Self.source, destination: Self.destination) }
    bytes[12] = words << 4
    check(TCPView(bytes.span.bytes) == nil)
  }

  @Test(arguments: [
    "02", "0200", "0201", "020405", "0203 05", "02 06 05b40000", "03", "0302", "030407 00", "0403 00", "08 02",
    "080a 0000",
    "0809 00000001 000000", "05", "0500", "05ff 00", "01 01 08", "fe00", "fe01",
  ]) func malformedOptionsAreNil(text: String) {
    check(TCPOptions(hex(text).span.bytes) == nil)
  }

  @Test(
    arguments: [
      ("", options()), ("00 ff ff", options()), ("01 01 01 01", options()), ("fe02", options()),
      ("1e05 010203", options()),
      ("01 01 080a 00000001 00000002", options(timestamp: (1, 2))), ("0303ff 01", options(scale: 14)),
      ("050a 00000001 00000002", options()), ("020405b4 02040200", options(mss: 512)),
    ] as [(String, TCPOptions)]) func unknownOptionsAreSkippedAndPaddingToo(text: String, expected: TCPOptions)
  {
    let bytes = hex(text)
    check(TCPOptions(bytes.span.bytes) == expected)
  }

  @Test(
    arguments: [
      ([], false), ([.syn, .fin], false), ([.syn, .rst], false), ([.syn, .fin, .rst, .psh, .ack, .urg], false),
      ([.syn], true),
      ([.syn, .ack], true), ([.fin, .ack], true), ([.rst], true), ([.ack], true), ([.fin, .psh, .urg], true),
    ] as [(TCPFlags, Bool)]) func flagsThatCantStandTogetherAreNoValue(flags: TCPFlags, legal: Bool)
  {
    let header = Self.segment(TCPOptions(), flags: flags)
    let bytes = packet(20, []) { header.write(to: &$0, source: Self.source, destination: Self.destination) }
    let view = TCPView(bytes.span.bytes)!
    check((TCPHeader(view) != nil) == legal)
  }
}
