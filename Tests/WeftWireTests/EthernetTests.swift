import Testing
import WeftWire

@Suite struct EthernetTests {
  struct Case: Sendable {
    var header: EthernetHeader
    var bytes: [UInt8]
  }

  static let a = mac("52:54:00:00:00:01")
  static let b = mac("52:54:00:00:00:02")
  static let cases = [
    Case(
      header: EthernetHeader(destination: a, source: b, type: .ipv4), bytes: hex("525400000001 525400000002 0800")),
    Case(
      header: EthernetHeader(destination: .broadcast, source: a, type: .arp),
      bytes: hex("ffffffffffff 525400000001 0806")),
    Case(
      header: EthernetHeader(destination: a, source: b, type: .ipv4, vlan: VLANTag(identifier: 100)),
      bytes: hex("525400000001 525400000002 8100 0064 0800")),
    Case(
      header: EthernetHeader(
        destination: a, source: b, type: .ipv6, vlan: VLANTag(priority: 7, dropEligible: true, identifier: 4095)),
      bytes: hex("525400000001 525400000002 8100 ffff 86dd")),
    Case(
      header: EthernetHeader(destination: a, source: b, type: .arp, vlan: VLANTag(priority: 5, identifier: 0)),
      bytes: hex("525400000001 525400000002 8100 a000 0806")),
  ]

  @Test(arguments: cases) func constructs(test: Case) {
    #expect(written(test.header.length) { test.header.write(to: &$0) } == test.bytes)
  }

  @Test(arguments: cases) func deconstructs(test: Case) throws {
    let bytes = test.bytes + [1, 2, 3]
    let view = EthernetView(bytes.span.bytes)!
    check(EthernetHeader(view) == test.header)
    check(view.headerLength == test.header.length)
    check(view.payload.array == [1, 2, 3])
  }

  @Test(arguments: cases) func cutShortIsNil(test: Case) {
    for length in 0..<test.bytes.count {
      let cut = test.bytes[..<length]
      check(EthernetView(cut.span.bytes) == nil)
    }
    check(EthernetView(test.bytes.span.bytes)!.payload.isEmpty)
  }

  @Test(arguments: [(0x05dc, false), (0x05ff, false), (0x0600, true), (0, false)] as [(UInt16, Bool)])
  func lengthFramingIsNoValue(type: UInt16, isValue: Bool) {
    for tag in [[], hex("8100 0001")] {
      let bytes = hex("525400000001 525400000002") + tag + [UInt8(type >> 8), UInt8(type & 255)]
      let view = EthernetView(bytes.span.bytes)!
      check(view.type.rawValue == type)
      check((EthernetHeader(view) != nil) == isValue)
    }
  }

  @Test func aSecondTagIsPayload() {
    let bytes = hex("525400000001 525400000002 8100 0001 8100 0002 0800")
    let view = EthernetView(bytes.span.bytes)!
    check(view.vlan?.identifier == 1 && view.type == .vlan && view.payload.array == hex("0002 0800"))
  }

  @Test func tagFieldsNeverSpillIntoEachOther() {
    var tag = VLANTag(priority: 9, identifier: 0xffff)
    #expect(tag.tci == 0x2fff)
    tag.priority = 255
    tag.identifier = 0x1001
    #expect(tag.tci == 0xe001)
  }
}
