import Testing
import WeftWire

@Suite struct UDPTests {
  static let source = ip("10.0.0.1")
  static let destination = ip("10.0.0.2")
  static let cases: [(UDPHeader, [UInt8], [UInt8])] = [
    (UDPHeader(sourcePort: 1234, destinationPort: 53), [], hex("04d2 0035 0008 e6d4")),
    (UDPHeader(sourcePort: 68, destinationPort: 67), [0x61, 0x62, 0x63], hex("0044 0043 000b 26ec 616263")),
  ]

  @Test(arguments: cases) func constructs(header: UDPHeader, payload: [UInt8], bytes: [UInt8]) {
    #expect(packet(8, payload) { header.write(to: &$0, source: Self.source, destination: Self.destination) } == bytes)
  }

  @Test(arguments: cases) func deconstructsAndLeavesOutWhatIsBeyond(header: UDPHeader, payload: [UInt8], bytes: [UInt8]) {
    let longer = bytes + [0xee, 0xee]
    let view = UDPView(longer.span.bytes)!
    check(UDPHeader(view) == header)
    check(view.payload.array == payload && view.length == bytes.count)
    check(view.hasValidChecksum(source: Self.source, destination: Self.destination))
    check(!view.hasValidChecksum(source: Self.source, destination: ip("10.0.0.3")))
  }

  @Test(arguments: cases) func cutShortIsNil(header: UDPHeader, payload: [UInt8], bytes: [UInt8]) {
    for length in 0..<bytes.count {
      let cut = bytes[..<length]
      check(UDPView(cut.span.bytes) == nil)
    }
  }

  @Test(arguments: [0, 1, 7, 12, 0x8000, 0xffff] as [UInt16]) func aLengthThatContradictsIsNil(length: UInt16) {
    var bytes = Self.cases[1].2
    bytes[4] = UInt8(length >> 8)
    bytes[5] = UInt8(length & 255)
    check(UDPView(bytes.span.bytes) == nil)
  }

  @Test func noChecksumIsValidAndAZeroOneIsSentAsOnes() {
    var bytes = Self.cases[1].2
    bytes[6] = 0
    bytes[7] = 0
    check(UDPView(bytes.span.bytes)!.hasValidChecksum(source: Self.source, destination: Self.destination))
    // A payload chosen so that the sum comes out as zero.
    let header = UDPHeader(sourcePort: 1234, destinationPort: 53)
    let zero = packet(8, [0xe6, 0xd0]) { header.write(to: &$0, source: Self.source, destination: Self.destination) }
    #expect(zero == hex("04d2 0035 000a ffff e6d0"))
    check(UDPView(zero.span.bytes)!.hasValidChecksum(source: Self.source, destination: Self.destination))
  }
}
