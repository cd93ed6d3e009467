import Foundation
import Testing
import WeftCore
import WeftWire

@testable import WeftCapture

@Suite struct ReaderTests {
  /// A small file with every block and option we write.
  static let sample: [UInt8] = {
    do {
      let set = try CaptureSet(directory: nil, layout: .oneFile(name: "all"), metadata: metadata)
      for name in ["a", "b"] { set.addPort(name: name, description: "d", speed: 1) }
      scenario(set, 0..<10)
      try set.finish(at: Instant(5))
      return try set.bytesSoFar(port: 0)
    } catch {
      return []
    }
  }()

  private func blocks(_ bytes: [UInt8]) throws(PcapngError) -> [PcapngBlock] {
    var reader = PcapngReader(bytes)
    var blocks: [PcapngBlock] = []
    while let block = try reader.next() { blocks.append(block) }
    return blocks
  }

  @Test func everythingWrittenIsReadBack() throws {
    let blocks = try blocks(Self.sample)
    guard case .section(let section) = blocks[0], case .interface(let interface) = blocks[1] else {
      Issue.record("\(blocks)")
      return
    }
    #expect(section == .init(comments: metadata.commentLines, application: "weft 0.1.0"))
    let names = blocks.flatMap { if case .names(let names) = $0 { names } else { [] as [CaptureMetadata.HostName] } }
    #expect(Set(names) == Set(metadata.names) && names.count == metadata.names.count)
    #expect(interface.name == "a" && interface.description == "d" && interface.speed == 1)
    #expect(interface.ticksPerSecond == 1_000_000_000 && interface.snapLength == 262_144)
    let packets = try PcapngReader.packets(Self.sample)
    #expect(packets.map(\.frameNumber) == Array(1...8))
    #expect(
      packets[0].comments.compactMap(FabricComment.init) == [
        .dropped(node: "home", reason: "no-port-forward", detail: "tcp/80")
      ])
    #expect(packets[1].comments == ["home: snat 192.168.122.2:40000 -> 134.115.153.223:40000", "step 1"])
    #expect(packets.map(\.isInbound) == [0, 1, 3, 4, 5, 6, 8, 9].map { $0 % 3 > 0 })
    #expect(packets.map(\.packetID) == [0, 1, 3, 4, 5, 6, 8, 9].map { 0x1000 + $0 / 2 })
    // One file, one count: the loss after step 3 shows in step 4.
    #expect(packets.map(\.dropCount) == [nil, nil, nil, 3, nil, nil, nil, 3])
    #expect(packets[2].timestampNanos == CaptureSet.defaultEpoch + 3_000_003)
  }

  @Test func truncationAtEveryLengthIsAnErrorOrABlockBoundary() throws {
    let whole = try blocks(Self.sample)
    var boundaries = 0
    for length in 0..<Self.sample.count {
      do throws(PcapngError) {
        let part = try blocks(Array(Self.sample.prefix(length)))
        #expect(whole.starts(with: part))
        boundaries += 1
      } catch {
        #expect(error.offset <= length)
        #expect(error.reason == .truncated || (length == 0 && error.reason == .notPcapng))
      }
    }
    #expect(boundaries == whole.count - 1)
  }

  @Test func everyDamagedOctetEndsInBlocksOrAnError() {
    for at in Self.sample.indices {
      for damage in [0, 1, 0x7f, 0x80, 0xff] as [UInt8] {
        var bytes = Self.sample
        bytes[at] = damage
        _ = try? blocks(bytes)
      }
    }
  }

  @Test(
    arguments: [
      ([], "at offset 0: doesn't begin with a section header"),
      (Array("GIF89a, not a capture".utf8), "at offset 0: doesn't begin with a section header"),
      ([0x0a, 0x0d, 0x0d, 0x0a], "at offset 0: the file ends inside a block"),
      ([0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 1, 2, 3, 4], "at offset 0: a section's byte-order magic is wrong"),
      ([0x0a, 0x0d, 0x0d, 0x0a, 13, 0, 0, 0, 0x4d, 0x3c, 0x2b, 0x1a], "at offset 0: a block's length is wrong"),
    ] as [([UInt8], String)])
  func errorsSayWhatAndWhere(bytes: [UInt8], text: String) {
    let error = #expect(throws: PcapngError.self) { try blocks(bytes) }
    #expect(error?.description == text)
  }

  @Test func bigEndianSectionsAreRead() throws {
    func word(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(value >> UInt32(24 - 8 * $0) & 255) } }
    let header =
      [0x0a, 0x0d, 0x0d, 0x0a] + word(28) + word(0x1a2b_3c4d) + [0, 1, 0, 0] + [UInt8](repeating: 255, count: 8)
      + word(28)
    // Microseconds, as no resolution is given.
    let interface = word(1) + word(20) + [0, 1, 0, 0] + word(0) + word(20)
    let packet =
      word(6) + word(48) + word(0) + word(0) + word(1_500_000) + word(1) + word(60) + [7, 0, 0, 0]
      + [0, 2, 0, 4] + word(1) + word(0) + word(48)
    let packets = try PcapngReader.packets(header + interface + packet)
    #expect(
      packets == [
        .init(
          frameNumber: 1, interface: 0, timestampNanos: 1_500_000_000, bytes: [7], originalLength: 60, flags: 1)
      ])
  }

  @Test func captureReaderReportsWhatIsWrong() throws {
    let scratch = ScratchDirectory()
    let path = scratch.path + "/x"
    #expect(throws: CaptureError.self) { try CaptureReader.packets(path: path) }
    write(Array("neither".utf8) + [UInt8](repeating: 0, count: 40), path)
    let error = #expect(throws: CaptureError.self) { try CaptureReader.packets(path: path) }
    #expect(error?.description == "can't read \(path): unknown file format")
    for length in stride(from: 0, to: Self.sample.count, by: 3) {
      write(Array(Self.sample.prefix(length)), path)
      _ = try? CaptureReader.packets(path: path)
    }
  }
}

@Suite struct FilterAndNameTests {
  @Test(arguments: [
    ("", true), ("udp", true), ("tcp", false), ("udp dst port 7", true), ("host 192.168.122.2", true),
    ("ether src 02:00:00:00:00:02", true), ("greater 1000", false), ("less 60", true), ("arp or ip6", false),
    ("not net 134.115.0.0/16", false), ("udp[8] = 0x61", true), ("udp[4000] = 0x61", false),
  ])
  func filterChoosesFrames(expression: String, matches: Bool) throws {
    let frame = udpFrame()
    let filter = try CaptureFilter(expression: expression)
    #expect(filter.matches(frame.span.bytes, originalLength: frame.count) == matches)
    // Cut frames must not be read beyond their end.
    for length in 0..<frame.count {
      _ = filter.matches(frame.span.bytes.extracting(0..<length), originalLength: frame.count)
    }
  }

  /// libpcap would take a minute and 3.5 GB for 38 kB of ports.
  @Test func aFilterIsBounded() {
    let ports = (1...4000).map { "port \($0)" }.joined(separator: " or ")
    #expect(CaptureFilter.problem(ports) == "longer than 2048 characters")
    #expect(CaptureFilter.problem("tcp port 80") == nil)
  }

  @Test(arguments: [
    ("tcp prot 80", "syntax error"), ("port", "syntax error"), ("host 1.2.3.999", "1.2.3.999"), ("vlan 5000", "vlan"),
    ("ip\0", "zero octet"),
  ])
  func badFilterIsExplained(expression: String, reason: String) {
    let error = #expect(throws: CaptureFilterError.self) { try CaptureFilter(expression: expression) }
    #expect(error?.description.contains(reason) == true, "\(String(describing: error))")
  }

  @Test(arguments: [
    ("*", "web/eth0", true), ("web/*", "web/eth0", true), ("web/*", "web2/eth0", false), ("*/eth0", "web/eth0", true),
    ("w?b/*", "web/", true), ("*a*b*c", "xaybzc", true), ("*a*b*c", "xaybz", false), ("", "", true), ("", "a", false),
    ("web", "web/eth0", false), ("**", "", true), ("?", "", false), ("[a]", "[a]", true), ("ü*", "über", true),
  ])
  func patternsChoosePorts(pattern: String, name: String, matches: Bool) {
    #expect(PortPattern(pattern).matches(name) == matches)
  }

  @Test func patternWithManyStarsIsNotSlow() {
    let name = String(repeating: "a", count: 5000)
    #expect(!PortPattern(String(repeating: "a*", count: 50) + "b").matches(name))
  }

  @Test(arguments: [
    "dropped by home: no-port-forward (tcp/80)", "dropped by vm/eth0: queue-full", "dropped by a b: x1 (y (z))",
    "home: snat 192.168.122.2:40000 -> 134.115.153.223:40000", "home: dnat 1.2.3.4 -> 5.6.7.8",
    "home: quoted 1.2.3.4:1 -> 5.6.7.8:2", "web: waited 12.4 ms for a cpu", "db: held 18.2 ms for epoch 41",
  ])
  func fabricCommentsAreReadAndWritten(text: String) throws {
    #expect(try #require(FabricComment(text)).description == text)
  }

  @Test(arguments: [
    (DropDetail.none, "dropped by home: ttl-expired"),
    (.transport(6, port: 80), "dropped by home: ttl-expired (tcp/80)"),
    (.transport(17, port: 0), "dropped by home: ttl-expired (udp/0)"),
    (.transport(47, port: 1), "dropped by home: ttl-expired (protocol 47/1)"),
    (.icmp(type: 8, code: 0), "dropped by home: ttl-expired (icmp type 8 code 0)"),
    (.address(0xc000_0201), "dropped by home: ttl-expired (192.0.2.1)"),
    (.number(4_000_000_000), "dropped by home: ttl-expired (4000000000)"),
  ])
  func dropDetailsBecomeText(detail: DropDetail, text: String) throws {
    let set = try CaptureSet(directory: nil, metadata: metadata)
    set.addPort(name: "p")
    set.stage(0, 0, [])
    set.commentDrop(port: 0, by: "home", .ttlExpired, detail)
    set.commit(port: 0, dropped: true)
    #expect(try PcapngReader.packets(try set.bytesSoFar(port: 0))[0].comments == [text])
    #expect(FabricComment(text)?.description == text)
  }

  @Test(
    arguments: [
      (Note.Kind.snat, 6, 1, 2, "home: snat 10.0.0.1:1 -> 10.0.0.2:2"),
      (.dnat, 1, 0, 0, "home: dnat 10.0.0.1:0 -> 10.0.0.2:0"), (.quoted, 47, 0, 0, "home: quoted 10.0.0.1 -> 10.0.0.2"),
      (.none, 6, 1, 2, ""),
    ] as [(Note.Kind, UInt8, UInt16, UInt16, String)])
  func notesBecomeText(kind: Note.Kind, protocolNumber: UInt8, old: UInt16, new: UInt16, text: String) throws {
    let set = try CaptureSet(directory: nil, metadata: metadata)
    set.addPort(name: "p")
    set.stage(0, 0, [])
    set.comment(
      port: 0, by: "home",
      Note(kind, protocolNumber: protocolNumber, from: IPv4Address(10, 0, 0, 1), old, to: IPv4Address(10, 0, 0, 2), new)
    )
    set.commit(port: 0)
    #expect(try PcapngReader.packets(try set.bytesSoFar(port: 0))[0].comments.joined() == text)
  }

  @Test func everyDropReasonIsAWordOfTheGrammar() {
    for reason in DropReason.allCases {
      let text = "dropped by home: \(reason.name)"
      #expect(FabricComment(text) == .dropped(node: "home", reason: reason.name, detail: ""))
    }
  }

  @Test(arguments: [
    "", ": ", "hello", "dropped by : x", "dropped by home:", "dropped by home: No Reason", "dropped by home: x ()",
    "dropped by home: x y", "home: snat 1.2.3.4:99999 -> 1.2.3.4:1", "home: xnat 1.2.3.4 -> 1.2.3.4",
    "home: snat 1.2.3 -> 1.2.3.4", ": snat 1.2.3.4 -> 1.2.3.4", "home: snat 1.2.3.4:1:2 -> 1.2.3.4:1",
  ])
  func otherCommentsAreNotOurs(text: String) { #expect(FabricComment(text) == nil) }
}
