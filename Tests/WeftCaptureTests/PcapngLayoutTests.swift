import Testing
import WeftWire

@testable import WeftCapture

private let noOctets: [UInt8] = []
private let oneOctet: [UInt8] = [1]
private let threeOctets: [UInt8] = [1, 2, 3]

/// Each block's octets, worked out by hand from draft-ietf-opsawg-pcapng.
@Suite struct PcapngLayoutTests {
  private func octets(_ write: (inout PcapngWriter, inout CaptureBuffer) -> Void) -> [UInt8] {
    var writer = PcapngWriter()
    var buffer = CaptureBuffer()
    write(&writer, &buffer)
    return buffer.bytes()
  }

  private func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> UInt32(8 * $0) & 255) } }

  private func option(_ code: UInt8, _ value: [UInt8]) -> [UInt8] {
    [code, 0, UInt8(value.count), 0] + value + [UInt8](repeating: 0, count: -value.count & 3)
  }

  @Test func sectionHeaderHoldsRunMetadata() {
    let block = octets {
      $0.sectionHeader(CaptureMetadata(version: "0.1.0", topology: "t", seed: 7, remarks: ["x"]), into: &$1)
    }
    let body =
      word(0x1a2b_3c4d) + [1, 0, 0, 0] + [UInt8](repeating: 255, count: 8)
      + option(1, Array("topology: t".utf8)) + option(1, Array("seed: 7".utf8)) + option(1, Array("weft: 0.1.0".utf8))
      + option(1, Array("x".utf8)) + option(4, Array("weft 0.1.0".utf8)) + word(0)
    let length = word(UInt32(body.count + 12))
    #expect(block == word(0x0a0d_0d0a) + length + body + length)
  }

  @Test func interfaceDescriptionHasNanosecondsAndTheOneSnaplen() {
    let block = octets { $0.interface(.init(name: "home/wan", description: "up", speed: 1_000_000_000), into: &$1) }
    let body =
      [1, 0, 0, 0, 0, 0, 4, 0] + option(2, Array("home/wan".utf8)) + option(3, Array("up".utf8))
      + option(8, [0, 0xca, 0x9a, 0x3b, 0, 0, 0, 0]) + option(9, [9]) + word(0)
    let length = word(UInt32(body.count + 12))
    #expect(block == word(1) + length + body + length)
  }

  @Test func interfacesAreNumberedFromZero() {
    var writer = PcapngWriter()
    var buffer = CaptureBuffer()
    #expect((0..<3).map { _ in writer.interface(.init(name: "p"), into: &buffer) } == [0, 1, 2])
  }

  @Test func nameResolutionHoldsZeroTerminatedNames() {
    let block = octets {
      $0.names([.init(IPv4Address(10, 0, 0, 1), "a.b"), .init(IPv4Address(10, 0, 0, 2), "c")], into: &$1)
    }
    let body: [UInt8] =
      [1, 0, 8, 0, 10, 0, 0, 1, 0x61, 0x2e, 0x62, 0, 1, 0, 6, 0, 10, 0, 0, 2, 0x63, 0, 0, 0] + word(0)
    let length = word(UInt32(body.count + 12))
    #expect(block == word(4) + length + body + length)
    #expect(octets { $0.names([], into: &$1) } == [])
  }

  @Test(arguments: 0...9) func enhancedPacketIsPaddedAtEveryLength(size: Int) {
    let data = (0..<size).map { UInt8($0 + 1) }
    let block = octets { writer, buffer in
      writer.begin(
        timestampNanos: 0x0102_0304_0506_0708, bytes: data.span.bytes, originalLength: 1514, inbound: false,
        packetID: 0x1123, interface: 2, into: &buffer)
      writer.comment("why", into: &buffer)
      writer.commit(into: &buffer)
    }
    let body =
      word(2) + word(0x0102_0304) + word(0x0506_0708) + word(UInt32(size)) + word(1514) + data
      + [UInt8](repeating: 0, count: -size & 3) + option(2, [2, 0, 0, 0]) + option(5, [0x23, 0x11, 0, 0, 0, 0, 0, 0])
      + option(1, Array("why".utf8)) + word(0)
    let length = word(UInt32(body.count + 12))
    #expect(block == word(6) + length + body + length)
  }

  @Test func lostFramesShowInTheNextRecordAlone() throws {
    let bytes = octets { writer, buffer in
      writer.sectionHeader(metadata, into: &buffer)
      writer.interface(.init(name: "p"), into: &buffer)
      writer.noteLost(3)
      // A cancelled record takes nothing with it.
      for kept in [false, true, true] {
        writer.begin(
          timestampNanos: 0, bytes: oneOctet.span.bytes, originalLength: 1, inbound: true, packetID: 0, into: &buffer)
        if kept { writer.commit(into: &buffer) } else { writer.cancel(into: &buffer) }
      }
    }
    #expect(try PcapngReader.packets(bytes).map(\.dropCount) == [3, nil])
  }

  @Test func interfaceStatisticsHoldCountsAndTimes() {
    var counts = CaptureCounts()
    counts.received = 5
    counts.dropped = 2
    let block = octets {
      $0.statistics(interface: 1, counts, from: 0x1_0000_0002, to: 0x3_0000_0004, into: &$1)
    }
    let body =
      word(1) + word(3) + word(4) + option(2, word(1) + word(2)) + option(3, word(3) + word(4))
      + option(4, word(5) + word(0)) + option(5, word(2) + word(0)) + word(0)
    let length = word(UInt32(body.count + 12))
    #expect(block == word(5) + length + body + length)
  }

  @Test func tooLongCommentIsCutAtACharacter() throws {
    let bytes = octets { writer, buffer in
      writer.sectionHeader(metadata, into: &buffer)
      writer.interface(.init(name: "p"), into: &buffer)
      writer.begin(
        timestampNanos: 0, bytes: noOctets.span.bytes, originalLength: 0, inbound: true, packetID: 0, into: &buffer)
      writer.comment(String(repeating: "€", count: 30_000), into: &buffer)
      writer.comment("after", into: &buffer)
      writer.commit(into: &buffer)
    }
    let comments = try #require(try PcapngReader.packets(bytes).first).comments
    #expect(comments == [String(repeating: "€", count: 21_845), "after"])
  }

  @Test func frameNumbersCountCommittedRecordsFromOne() {
    var writer = PcapngWriter()
    var buffer = CaptureBuffer()
    var numbers: [UInt64] = []
    for step in 0..<4 {
      writer.begin(
        timestampNanos: 0, bytes: oneOctet.span.bytes, originalLength: 1, inbound: true, packetID: 0, into: &buffer)
      numbers.append(writer.frameNumber)
      if step == 1 { writer.cancel(into: &buffer) } else { writer.commit(into: &buffer) }
    }
    #expect(numbers == [1, 2, 2, 3])
  }

  @Test(arguments: [0, 9, 10, 99, 100, 65_535, 4_294_967_295] as [UInt32])
  func numbersInCommentsAreDecimal(number: UInt32) throws {
    let bytes = octets { writer, buffer in
      writer.sectionHeader(metadata, into: &buffer)
      writer.interface(.init(name: "p"), into: &buffer)
      writer.begin(
        timestampNanos: 0, bytes: noOctets.span.bytes, originalLength: 0, inbound: true, packetID: 0, into: &buffer)
      writer.openComment(into: &buffer)
      writer.append(number, into: &buffer)
      writer.append(" ", into: &buffer)
      writer.append(IPv4Address(rawValue: number), port: UInt16(truncatingIfNeeded: number), into: &buffer)
      writer.closeComment(into: &buffer)
      writer.commit(into: &buffer)
    }
    let endpoint = FabricComment.Endpoint(IPv4Address(rawValue: number), UInt16(truncatingIfNeeded: number))
    #expect(try PcapngReader.packets(bytes)[0].comments == ["\(number) \(endpoint)"])
  }

  @Test func drainLeavesTheStagedRecord() throws {
    var writer = PcapngWriter()
    var buffer = CaptureBuffer()
    var drained: [UInt8] = []
    writer.sectionHeader(metadata, into: &buffer)
    writer.interface(.init(name: "p"), into: &buffer)
    for id in 0..<3 as Range<UInt64> {
      writer.begin(
        timestampNanos: id, bytes: threeOctets.span.bytes, originalLength: 3, inbound: true, packetID: id, into: &buffer
      )
      writer.comment("before", into: &buffer)
      buffer.drain { drained += $0 }
      writer.comment("after", into: &buffer)
      writer.commit(into: &buffer)
    }
    let packets = try PcapngReader.packets(drained + buffer.bytes())
    #expect(packets.map(\.packetID) == [0, 1, 2])
    #expect(packets.allSatisfy { $0.comments == ["before", "after"] })
  }
}
