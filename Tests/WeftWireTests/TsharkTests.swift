import Foundation
import Testing
import WeftWire

/// What our values write is what Wireshark reads, checksums checked: a second opinion from people who know the formats.
@Suite struct TsharkTests {
  static let tshark = ["/usr/bin/tshark", "/usr/local/bin/tshark", "/opt/homebrew/bin/tshark"]
    .first { FileManager.default.isExecutableFile(atPath: $0) }

  struct Sample: Sendable {
    var frame: [UInt8]
    /// Field → text as tshark prints it (a fragment offset in units of 8); "" for a field that must not be there.
    var fields: [String: String]
  }

  static let a = mac("52:54:00:00:00:01")
  static let b = mac("52:54:00:00:00:02")
  static let x = ip("10.0.0.1")
  static let y = ip("10.0.0.2")

  static func ethernet(_ type: EtherType, _ payload: [UInt8], vlan: VLANTag? = nil) -> [UInt8] {
    let header = EthernetHeader(destination: b, source: a, type: type, vlan: vlan)
    return packet(header.length, payload) { header.write(to: &$0) }
  }

  static func ipv4(_ header: IPv4Header, _ payload: [UInt8]) -> [UInt8] {
    packet(header.length, payload) { header.write(to: &$0, payloadLength: payload.count) }
  }

  static func udp(_ source: UInt16, _ destination: UInt16, _ payload: [UInt8]) -> [UInt8] {
    packet(8, payload) {
      UDPHeader(sourcePort: source, destinationPort: destination).write(to: &$0, source: x, destination: y)
    }
  }

  static let samples: [Sample] = {
    var samples: [Sample] = []
    let link = ["eth.dst": b.description, "eth.src": a.description]
    func add(_ frame: [UInt8], _ fields: [String: String]) {
      samples.append(Sample(frame: frame, fields: fields.merging(link) { first, _ in first }))
    }
    let request = ARPPacket.request(from: a, x, for: y)
    for (arp, operation, target) in [(request, "1", MACAddress.zero), (request.reply(from: b), "2", a)] {
      add(
        ethernet(.arp, written(28) { arp.write(to: &$0) }),
        [
          "eth.type": "0x0806", "arp.opcode": operation, "arp.src.hw_mac": arp.senderMAC.description,
          "arp.src.proto_ipv4": arp.senderIP.description, "arp.dst.hw_mac": target.description,
          "arp.dst.proto_ipv4": arp.targetIP.description,
        ])
    }

    var header = IPv4Header(protocol: .udp, source: x, destination: y, timeToLive: 17, identification: 0x1234)
    header.typeOfService = 0xb8
    let common = [
      "ip.src": "10.0.0.1", "ip.dst": "10.0.0.2", "ip.checksum.status": "1", "ip.version": "4", "_ws.malformed": "",
    ]
    for (length, port) in [(0, 9999), (1, 9998), (1471, 65535), (1472, 1)] as [(Int, UInt16)] {
      let payload = (0..<length).map { UInt8(truncatingIfNeeded: $0 * 7) }
      add(
        ethernet(.ipv4, ipv4(header, udp(40000, port, payload))),
        common.merging([
          "ip.ttl": "17", "ip.id": "0x1234", "ip.dsfield": "0xb8", "ip.flags.df": "1", "ip.flags.mf": "0",
          "ip.proto": "17", "ip.len": "\(28 + length)", "ip.hdr_len": "20", "udp.srcport": "40000",
          "udp.dstport": "\(port)", "udp.length": "\(8 + length)", "udp.checksum.status": "1",
        ]) { $1 })
    }

    var options = header
    options.options = [148, 4, 0, 0, 1, 1, 1, 0]
    options.dontFragment = false
    add(
      ethernet(
        .ipv4, ipv4(options, udp(1, 9999, [1, 2, 3])), vlan: VLANTag(priority: 5, dropEligible: true, identifier: 100)),
      common.merging([
        "eth.type": "0x8100", "vlan.id": "100", "vlan.priority": "5", "vlan.dei": "1", "vlan.etype": "0x0800",
        "ip.hdr_len": "28", "ip.opt.type.number": "20,1,1,1,0", "ip.flags.df": "0", "udp.checksum.status": "1",
      ]) { $1 })

    var fragment = IPv4Header(protocol: .udp, source: x, destination: y, identification: 7, dontFragment: false)
    fragment.fragmentOffset = 1480
    fragment.moreFragments = true
    add(
      ethernet(.ipv4, ipv4(fragment, [UInt8](repeating: 3, count: 16))),
      common.merging(["ip.frag_offset": "185", "ip.flags.mf": "1", "ip.flags.df": "0", "udp.srcport": ""]) { $1 })

    for test in TCPTests.cases {
      let tcp = TCPTests.segment(test.options, flags: [.syn, .ack, .ece])
      let segment = packet(tcp.length, [1, 2, 3]) { tcp.write(to: &$0, source: x, destination: y) }
      add(
        ethernet(.ipv4, ipv4(IPv4Header(protocol: .tcp, source: x, destination: y), segment)),
        common.merging([
          "tcp.srcport": "40000", "tcp.dstport": "80", "tcp.seq_raw": "\(0xdead_beef)", "tcp.ack_raw": "7",
          "tcp.flags": "0x0052", "tcp.window_size_value": "64240", "tcp.checksum.status": "1", "tcp.len": "3",
          "tcp.hdr_len": "\(tcp.length)", "tcp.options.mss_val": test.options.maximumSegmentSize.map { "\($0)" } ?? "",
          "tcp.options.wscale.shift": test.options.windowScale.map { "\($0)" } ?? "",
          "tcp.options.timestamp.tsval": test.options.timestampValue.map { "\($0)" } ?? "",
          "tcp.options.timestamp.tsecr": test.options.timestampEcho.map { "\($0)" } ?? "",
          "tcp.options.sack_perm": test.options.sackPermitted ? "0402" : "",
        ]) { $1 })
    }

    let icmp = IPv4Header(protocol: .icmp, source: x, destination: y)
    let echo = packet(8, [1, 2, 3]) { ICMPv4Header.echo(.echoRequest, identifier: 0x4321, sequence: 9).write(to: &$0) }
    add(
      ethernet(.ipv4, ipv4(icmp, echo)),
      common.merging([
        "icmp.type": "8", "icmp.code": "0", "icmp.ident": "17185", "icmp.seq": "9", "icmp.checksum.status": "1",
      ]) { $1 })
    let quoted = ipv4(header, udp(40000, 53, []))
    let tooBig = packet(8, quoted) {
      ICMPv4Header(type: .destinationUnreachable, code: ICMPv4UnreachableCode.fragmentationNeeded, rest: 1400).write(
        to: &$0)
    }
    add(
      ethernet(.ipv4, ipv4(icmp, tooBig)),
      [
        "icmp.type": "3", "icmp.code": "4", "icmp.mtu": "1400", "icmp.checksum.status": "1", "udp.dstport": "53",
        "ip.checksum.status": "1,1", "_ws.malformed": "",
      ])

    let names = ["discover": "1", "request": "3", "ack": "5", "release": "7"]
    for (message, _) in DHCPTests.cases {
      func optional(_ value: IPv4Address?) -> String { value?.description ?? "" }
      add(
        ethernet(.ipv4, ipv4(header, udp(message.isReply ? 67 : 68, message.isReply ? 68 : 67, message.bytes))),
        common.merging([
          "dhcp.type": message.isReply ? "2" : "1", "dhcp.id": "0xdeadbeef",
          "dhcp.hw.mac_addr": message.clientMAC.description,
          "dhcp.flags.bc": message.broadcast ? "1" : "0", "dhcp.ip.client": message.clientAddress.description,
          "dhcp.ip.your": message.yourAddress.description, "dhcp.option.dhcp": names["\(message.kind)"] ?? "?",
          "dhcp.option.requested_ip_address": optional(message.requestedAddress),
          "dhcp.option.dhcp_server_id": optional(message.serverIdentifier),
          "dhcp.option.subnet_mask": optional(message.subnetMask), "dhcp.option.router": optional(message.router),
          "dhcp.option.domain_name_server": optional(message.dnsServer),
          "dhcp.option.ip_address_lease_time": message.leaseTime.map { "\($0)" } ?? "",
          "dhcp.option.hostname": message.hostname ?? "", "udp.checksum.status": "1",
        ]) { $1 })
    }
    return samples
  }()

  /// The classic format, little-endian, microseconds, Ethernet.
  static func pcap(_ frames: [[UInt8]]) -> Data {
    var file: [UInt8] = []
    func word(_ value: UInt32) {
      for shift in stride(from: 0 as UInt32, to: 32, by: 8) { file.append(UInt8(value >> shift & 255)) }
    }
    for value in [0xa1b2_c3d4, 0x0004_0002, 0, 0, 262_144, 1] as [UInt32] { word(value) }
    for (index, frame) in frames.enumerated() {
      for value in [1_700_000_000, UInt32(index), UInt32(frame.count), UInt32(frame.count)] { word(value) }
      file += frame
    }
    return Data(file)
  }

  static func read(_ frames: [[UInt8]], fields: [String], with tshark: String) throws -> [[String]] {
    let file = FileManager.default.temporaryDirectory.appending(path: "weft-\(UUID().uuidString).pcap")
    try pcap(frames).write(to: file)
    defer { try? FileManager.default.removeItem(at: file) }
    let process = Process()
    process.executableURL = URL(filePath: tshark)
    // No names, no reassembly, no guesses from earlier packets: each frame by itself.
    let preferences = [
      "ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE", "ip.defragment:FALSE",
      "tcp.analyze_sequence_numbers:FALSE", "tcp.desegment_tcp_streams:FALSE",
    ]
    process.arguments =
      ["-n", "-r", file.path(), "-T", "fields", "-E", "separator=|", "-E", "occurrence=a"]
      + preferences.flatMap { ["-o", $0] } + fields.flatMap { ["-e", $0] }
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    try process.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    #expect(process.terminationStatus == 0)
    return text.split(separator: "\n").map {
      $0.split(separator: "|", omittingEmptySubsequences: false).map(String.init)
    }
  }

  @Test(.enabled(if: tshark != nil, "tshark is not installed: the second opinion on our bytes was NOT heard"))
  func theBytesAgreeWithTsharksReadingOfThem() throws {
    let tshark = try #require(Self.tshark)
    let fields = Set(Self.samples.flatMap(\.fields.keys)).sorted()
    let rows = try Self.read(Self.samples.map(\.frame), fields: fields, with: tshark)
    try #require(rows.count == Self.samples.count)
    for (number, (sample, row)) in zip(Self.samples, rows).enumerated() {
      try #require(row.count == fields.count)
      for (field, text) in zip(fields, row) {
        guard let expected = sample.fields[field] else { continue }
        #expect(text == expected, "frame \(number + 1), \(field)")
      }
    }
  }

  /// The test above proves something only if tshark says "bad" where it is bad.
  @Test(.enabled(if: tshark != nil, "tshark is not installed")) func tsharkSeesABrokenChecksum() throws {
    var frame = Self.ethernet(
      .ipv4, Self.ipv4(IPv4Header(protocol: .udp, source: Self.x, destination: Self.y), Self.udp(1, 9999, [1])))
    frame[frame.count - 1] ^= 1
    frame[22] ^= 1
    let rows = try Self.read(
      [frame], fields: ["ip.checksum.status", "udp.checksum.status"], with: try #require(Self.tshark))
    #expect(rows == [["0", "0"]])
  }
}
