import Testing

@testable import WeftWire

@Suite struct InternetChecksumTests {
  /// The plain definition, a word at a time.
  static func reference(_ bytes: [UInt8]) -> UInt16 {
    var sum = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
      sum += Int(bytes[index]) << 8 | (index + 1 < bytes.count ? Int(bytes[index + 1]) : 0)
    }
    while sum > 0xffff { sum = (sum & 0xffff) + (sum >> 16) }
    return ~UInt16(sum)
  }

  @Test func equalsTheDefinitionAtEveryLength() {
    var random = SystemRandomNumberGenerator()
    for length in 0...300 {
      let bytes = (0..<length).map { _ in UInt8.random(in: 0...255, using: &random) }
      #expect(InternetChecksum.checksum(bytes.span.bytes) == Self.reference(bytes))
      let ones = [UInt8](repeating: 0xff, count: length)
      #expect(InternetChecksum.checksum(ones.span.bytes) == Self.reference(ones))
    }
  }

  /// RFC 1624, 4: the worked example, and any change against a full computation.
  @Test func incrementalUpdateEqualsRecomputation() {
    #expect(InternetChecksum.update(0xdd2f, replacing: 0x5555 as UInt16, with: 0x3285 as UInt16) == 0x0000)
    var random = SystemRandomNumberGenerator()
    for _ in 0..<2_000 {
      var bytes = (0..<20).map { _ in UInt8.random(in: 0...255, using: &random) }
      bytes[0] |= 1
      let before = InternetChecksum.checksum(bytes.span.bytes)
      let old = bytes.span.bytes.u32(12)
      let new = UInt32.random(in: 0...(.max), using: &random)
      for index in 0..<4 { bytes[12 + index] = UInt8(truncatingIfNeeded: new >> UInt32(24 - 8 * index)) }
      #expect(InternetChecksum.update(before, replacing: old, with: new) == Self.reference(bytes))
    }
  }
}
