import Testing
import WeftWire

@Suite struct ICMPv4Tests {
  static let cases: [(ICMPv4Header, [UInt8], [UInt8])] = [
    (.echo(.echoRequest, identifier: 0x1234, sequence: 1), [], hex("0800 e5ca 1234 0001")),
    (.echo(.echoReply, identifier: 0, sequence: 0), [0xff], hex("0000 00ff 0000 0000 ff")),
    (
      ICMPv4Header(type: .destinationUnreachable, code: ICMPv4UnreachableCode.fragmentationNeeded, rest: 1400), [1, 2],
      hex("0304 f681 0000 0578 0102")
    ),
  ]

  @Test(arguments: cases) func constructs(header: ICMPv4Header, payload: [UInt8], bytes: [UInt8]) {
    #expect(packet(8, payload) { header.write(to: &$0) } == bytes)
  }

  @Test(arguments: cases) func deconstructs(header: ICMPv4Header, payload: [UInt8], bytes: [UInt8]) {
    let view = ICMPv4View(bytes.span.bytes)!
    check(ICMPv4Header(view) == header)
    check(view.payload.array == payload)
    check(UInt32(view.identifier) << 16 | UInt32(view.sequence) == header.rest)
    check(view.nextHopMTU == view.sequence)
  }

  @Test(arguments: cases) func cutShortIsNilOrNoValue(header: ICMPv4Header, payload: [UInt8], bytes: [UInt8]) {
    for length in 0..<bytes.count {
      let cut = bytes[..<length]
      if length < 8 {
        check(ICMPv4View(cut.span.bytes) == nil)
        continue
      }
      let view = ICMPv4View(cut.span.bytes)!
      // Cutting zero bytes off doesn't change a ones' complement sum.
      if bytes[length...].contains(where: { $0 != 0 }) { check(ICMPv4Header(view) == nil) }
    }
  }

  @Test func onlyErrorsAreErrors() {
    let errors = (0...255).filter { ICMPv4Type(rawValue: UInt8($0)).isError }
    #expect(errors == [3, 4, 5, 11, 12])
  }
}
