import Testing
import WeftProbes
import WeftWire

@testable import WeftGuest
@testable import WeftPrograms
@testable import WeftStack

@Suite struct STUNMessageTests {
  private static func full() -> STUNMessage {
    var message = STUNMessage(.success, .init(high: 0x0102_0304, low: 0x0506_0708_090a_0b0c))
    message.mapped = TransportAddress(IPv4Address(203, 0, 113, 2), 40_000)
    message.origin = TransportAddress(IPv4Address(203, 0, 113, 10), 3478)
    message.other = TransportAddress(IPv4Address(203, 0, 113, 11), 3479)
    (message.changesAddress, message.changesPort) = (true, true)
    message.error = 420
    return message
  }

  @Test func whatIsWrittenIsReadAgain() {
    let message = Self.full()
    let bytes = message.bytes
    let read = STUNMessage(bytes.span.bytes)
    #expect(read == message)
  }

  @Test func allButTheWholeIsRefused() {
    let bytes = Self.full().bytes
    for count in 0..<bytes.count {
      let part = STUNMessage(bytes.span.bytes.extracting(0..<count))
      #expect(part == nil)
      // Nor does a length that lies make it read what isn't there.
      guard count >= 20 else { continue }
      var short = Array(bytes[..<count])
      short[2] = UInt8((count - 20) >> 8)
      short[3] = UInt8((count - 20) & 255)
      _ = STUNMessage(short.span.bytes)
    }
  }

  @Test func everyFlippedByteIsReadOrRefused() {
    let bytes = Self.full().bytes
    for place in bytes.indices {
      for value in [0, 1, 127, 255] as [UInt8] {
        var wrong = bytes
        wrong[place] = value
        _ = STUNMessage(wrong.span.bytes)
      }
    }
  }

  /// The IPv4 response of RFC 5769, 2.2.
  @Test func theVectorOfTheRFCIsUnderstood() throws {
    let bytes: [UInt8] = [
      0x01, 0x01, 0x00, 0x3c, 0x21, 0x12, 0xa4, 0x42, 0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf,
      0xae, 0x80, 0x22, 0x00, 0x0b, 0x74, 0x65, 0x73, 0x74, 0x20, 0x76, 0x65, 0x63, 0x74, 0x6f, 0x72, 0x20, 0x00, 0x20,
      0x00, 0x08, 0x00, 0x01, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43, 0x00, 0x08, 0x00, 0x14, 0x2b, 0x91, 0xf5, 0x99, 0xfd,
      0x9e, 0x90, 0xc3, 0x8c, 0x74, 0x89, 0xf9, 0x2a, 0xf9, 0xba, 0x53, 0xf0, 0x6b, 0xe7, 0xd7, 0x80, 0x28, 0x00, 0x04,
      0xc0, 0x7d, 0x4c, 0x96,
    ]
    let read = STUNMessage(bytes.span.bytes)
    let message = try #require(read)
    #expect(message.kind == .success)
    #expect(message.mapped == TransportAddress(IPv4Address(192, 0, 2, 1), 32_853))
    #expect(message.transaction == .init(high: 0xb7e7_a701, low: 0xbc34_d686_fa87_dfae))
  }

  @Test func aMessageBetweenPunchersIsReadAgainAndNothingElseIs() {
    var message = PunchMessage(.peer, meeting: 0x0102_0304_0506_0708, flag: true)
    message.peer = TransportAddress(IPv4Address(203, 0, 113, 2), 40_000)
    let bytes = message.bytes
    let stun = Self.full().bytes
    let read = PunchMessage(bytes.span.bytes)
    let short = PunchMessage(bytes.span.bytes.extracting(0..<19))
    let other = PunchMessage(stun.span.bytes)
    #expect(read == message && short == nil && other == nil)
  }
}
