import Foundation
import Testing
import WeftCapture
import WeftCore
import WeftTestSupport
import WeftTopology

@testable import WeftFabric

/// What a run writes, as Wireshark's tools and tcpdump read it.
@Suite(.enabled(if: Tool.has("tshark", "capinfos", "mergecap"), "needs Wireshark's tshark, capinfos and mergecap"))
struct CapturedRunTests {
  let scratch = Scratch()

  /// Runs a file with its captures in `scratch/captures`.
  @discardableResult
  private func run(_ topology: Topology, format: CaptureFormat = .pcapng) throws -> Report {
    var simulation = try Simulation(
      topology, captures: CaptureOptions(directory: scratch.file("captures"), format: format))
    return try simulation.complete()
  }

  private func tshark(_ file: String, _ arguments: [String]) throws -> [String] {
    let result = try Tool.run("tshark", ["-n", "-r", "\(scratch.path)/captures/\(file)"] + arguments)
    try #require(result.status == 0 && result.errors == "", "\(file): \(result)")
    return result.lines
  }

  private func fields(_ file: String, _ names: [String], where filter: String = "frame") throws -> [[String]] {
    try tshark(file, ["-Y", filter, "-T", "fields"] + names.flatMap { ["-e", $0] })
      .map { $0.split(separator: "\t", omittingEmptySubsequences: false).map(String.init) }
  }

  /// All in one: starting tshark takes longer than reading.
  private func merge(_ report: Report) throws {
    let paths = report.captures.filter { $0.frames > 0 }.map(\.path)
    let result = try Tool.run("mergecap", ["-w", scratch.file("captures/merged")] + paths)
    try #require(result.status == 0 && result.errors == "", "\(result)")
  }

  private static let checksums = ["ip", "tcp", "udp"].flatMap { ["-o", "\($0).check_checksum:TRUE"] }
  /// Merged, a file has a frame twice, and a stream would be put together of both.
  private static let apart = ["-o", "tcp.desegment_tcp_streams:FALSE"]
  /// What no capture of ours may have. Errors that tshark finds in the traffic itself (a closed port's RST, a
  /// retransmission) are of lesser severity.
  private static let faults = """
    _ws.malformed || _ws.short || _ws.expert.severity >= 0x00800000 || ip.checksum.status == 0 \
    || tcp.checksum.status == 0 || udp.checksum.status == 0 || icmp.checksum.status == 0
    """

  @Test(arguments: Repository.topologies) func tsharkFindsNoFault(file: String) throws {
    var topology = try example(file)
    // A smaller copy: what is looked at is each kind of frame, not megabytes of one.
    if file == "lossy-bulk.yaml" { topology = try WeftFabricTests.topology(Labs.lossy) }
    let report = try run(topology)
    let captures = report.captures.filter { $0.frames > 0 }
    #expect(captures.count > 1)
    let paths = captures.map(\.path)
    try merge(report)
    let found = try tshark("merged", Self.checksums + Self.apart + ["-Y", Self.faults])
    #expect(found == [], "\(found.prefix(5))")
    let infos = try Tool.run("capinfos", ["-c", "-M"] + paths)
    #expect(infos.status == 0 && infos.errors == "", "\(infos.errors)")
    let counts = infos.lines.filter { $0.hasPrefix("Number of packets") }.compactMap {
      UInt64($0.split(separator: " ").last ?? "")
    }
    #expect(counts == captures.map(\.frames))
  }

  /// What the test above would find.
  @Test func theSearchForFaultsFindsAWrongChecksum() throws {
    let report = try run(example("nat-vs-bridge.yaml"))
    let path = try #require(report.captures.first { $0.port == "web/eth0" }).path
    var bytes = try #require(FileManager.default.contents(atPath: path))
    let header = try #require(bytes.range(of: Data([8, 0, 0x45, 0])))
    // Its time to live.
    bytes[header.lowerBound + 10] ^= 1
    try bytes.write(to: URL(fileURLWithPath: path))
    #expect(try tshark("web-eth0.pcapng", Self.checksums + Self.apart + ["-Y", Self.faults]).count == 1)
  }

  @Test func aFileSaysWhatItIs() throws {
    let report = try run(example("nat-vs-bridge.yaml"))
    try merge(report)
    let frames = try fields("merged", ["frame.interface_name"]).compactMap(\.first)
    let counts = Dictionary(grouping: frames) { $0 }.mapValues { UInt64($0.count) }
    let reported = report.captures.filter { $0.frames > 0 }.map { ($0.port, $0.frames) }
    #expect(counts == Dictionary(uniqueKeysWithValues: reported))
    let path = try #require(report.captures.first { $0.port == "home/wan" }).path
    let infos = try Tool.run("capinfos", [path]).output
    for text in [
      "topology: nat-vs-bridge", "seed: 1", "Name = home/wan",
      "Description = NAT gateway home, towards bridge lan of laptop", "nanoseconds (9)",
    ] {
      #expect(infos.contains(text), "\(text) in \(infos)")
    }
    let names = try Tool.run(
      "tshark", ["-N", "n", "-r", path, "-T", "fields", "-e", "ip.src_host", "-e", "ip.dst_host"])
    for name in ["laptop", "visitor"] { #expect(names.output.contains(name)) }
    // A cable of 1 Gbit/s.
    #expect(try Tool.run("capinfos", ["\(scratch.path)/captures/visitor-uplink.pcapng"]).output.contains("1000000000"))
  }

  /// web → NAT → bridge → LAN → visitor: the number stays, the source changes at the NAT, which notes it.
  @Test func onePacketHasOneNumberOnEachHop() throws {
    var lab = try example("nat-vs-bridge.yaml")
    lab.capture.ports = ["*"]
    try run(lab)
    let first = try fields(
      "web-eth0.pcapng", ["frame.packet_id", "ip.src"], where: "tcp.flags == 2 && tcp.dstport == 80")
    let id = try #require(first.first?.first)
    let way = [
      ("web-eth0", "192.168.122.2"), ("home-switch-web", "192.168.122.2"), ("home-switch-gateway", "192.168.122.2"),
      ("home-lan", "192.168.122.2"), ("home-wan", "134.115.153.223"), ("lan-host", "134.115.153.223"),
      ("lan-uplink", "134.115.153.223"), ("campus-laptop", "134.115.153.223"), ("campus-visitor", "134.115.153.223"),
      ("visitor-uplink", "134.115.153.223"),
    ]
    for (file, source) in way {
      let found = try fields("\(file).pcapng", ["ip.src", "frame.comment"], where: "frame.packet_id == \(id)")
      #expect(found.count == 1, "\(file): \(found)")
      #expect(found.first?.first == source, "\(file)")
      let comment = found.first?.last ?? ""
      if file == "home-wan" || file == "home-lan" {
        #expect(
          comment.hasPrefix("home: snat 192.168.122.2:") && comment.contains(" -> 134.115.153.223:"), "\(comment)")
      } else {
        #expect(comment == "", "\(file): \(comment)")
      }
    }
    #expect(try fields("public-eth0.pcapng", ["frame.number"], where: "frame.packet_id == \(id)") == [])
  }

  @Test func translationsAndDropsAreNotedWhereTheyHappen() throws {
    try run(example("nat-vs-bridge.yaml"))
    let forwarded = try fields(
      "home-lan.pcapng", ["frame.comment"], where: "tcp.flags == 2 && tcp.dstport == 80 && frame.comment contains \"dnat\"")
    #expect(forwarded == [["home: dnat 134.115.153.223:8080 -> 192.168.122.2:80"]], "\(forwarded)")
    let dropped = try fields(
      "home-wan.pcapng", ["frame.comment", "tcp.dstport"], where: "frame.comment contains \"dropped\" && tcp")
    #expect(Set(dropped) == [["dropped by home: no-port-forward (tcp/80)", "80"]], "\(dropped)")
    #expect(
      try fields("visitor-uplink.pcapng", ["frame.number"], where: "frame.comment contains \"dropped\"") == [])
    // The arriving record tells it too.
    let arriving = try fields(
      "home-wan.pcapng", ["frame.comment"], where: "tcp.flags == 2 && tcp.dstport == 8080")
    #expect(arriving == [["home: dnat 134.115.153.223:8080 -> 192.168.122.2:80"]], "\(arriving)")
  }

  /// Merged by time, the records of each packet stand in the order of its hops, and an answer behind what it answers.
  @Test(arguments: ["nat-vs-bridge.yaml", "nat-port-forward.yaml", "two-nats.yaml", "double-nat.yaml"])
  func mergedFilesAreInCausalOrder(file: String) throws {
    let report = try run(example(file))
    try merge(report)
    let records = try fields(
      "merged", ["frame.interface_name", "frame.packet_id", "frame.packet_flags_direction", "frame.time_epoch"])
    #expect(records.count > 100)
    var at: [String: String] = [:]
    var origin: Set<String> = []
    var wrong: [[String]] = []
    for record in records {
      let isInbound = record[2] == "0x00000001"
      // A packet's first record is where it is sent, and it arrives nowhere before.
      if record[1] != "0", origin.insert(record[1]).inserted, isInbound { wrong.append(record) }
      // A node that sends it on has had it.
      let node = String(record[0].prefix { $0 != "/" })
      if isInbound { at["\(record[1]) \(node)"] = record[3] }
    }
    #expect(wrong == [], "\(wrong.prefix(3))")
    // Each file by itself is in order too, and no record is far from its moment.
    for (port, own) in Dictionary(grouping: records, by: { $0[0] }) {
      #expect(own.map { $0[3] } == own.map { $0[3] }.sorted(), "\(port)")
    }
    let syns = try fields(
      "merged", ["frame.packet_id", "frame.interface_name", "frame.packet_flags_direction"], where: "tcp.flags == 2")
    for (id, hops) in Dictionary(grouping: syns, by: { $0[0] }) where id != "0" {
      // Out of one port, into the next: directions take turns along a way without floods.
      let directions = hops.map { $0[2] }
      #expect(directions.first == "0x00000002", "\(hops)")
    }
  }

  @Test func aHairpinNotesBothTranslations() throws {
    try run(example("nat-port-forward.yaml"))
    let comments = try fields(
      "home-lan.pcapng", ["frame.comment"], where: "tcp.flags == 2 && frame.comment contains \"snat\"")
    let text = comments.first?.first ?? ""
    #expect(
      text.contains("dnat 134.115.153.223:8080 -> 192.168.122.") && text.contains("snat 192.168.122."), "\(comments)")
  }

  /// The evidence of a verdict is the very frame.
  @Test(arguments: ["nat-vs-bridge.yaml", "ip-forwarding-off.yaml", "two-nats.yaml", "nat-port-forward.yaml"])
  func evidenceNamesTheFrame(file: String) throws {
    let report = try run(example(file))
    let evidence = report.expectations.flatMap(\.evidence).filter { $0.event != .delivered }
    #expect(evidence.contains { $0.event == .dropped })
    for (capture, pieces) in Dictionary(grouping: evidence, by: \.capture) {
      let path = try #require(capture)
      #expect(path.hasPrefix(scratch.file("captures")))
      let frames = try fields(
        URL(fileURLWithPath: path).lastPathComponent,
        ["frame.number", "frame.interface_name", "frame.comment", "frame.packet_flags_direction"])
      for piece in pieces {
        let frame = try #require(frames.first { $0[0] == "\(piece.frame ?? 0)" }, "\(piece)")
        #expect(frame[1] == piece.port)
        switch piece.event {
        case .dropped: #expect(frame[2] == "dropped by \(piece.port.prefix { $0 != "/" }): \(piece.detail)", "\(piece)")
        default: #expect(frame[3] == "0x00000002", "\(piece)")
        }
      }
    }
  }

  /// A frame that a switch drops as it comes in was written as it left: the reason joins that record.
  @Test func whatASwitchDropsIsToldInTheFileOfTheOtherEnd() throws {
    // The only machine on its segment: what it asks for goes nowhere.
    let lab = try topology(
      """
      segments: {campus: {subnet: 192.0.2.0/24}}
      hosts: {alone: {uplink: campus 192.0.2.7}}
      expect: [{from: alone, to: "192.0.2.9:80", is: unreachable}]
      """)
    let report = try run(lab)
    let drop = try #require(report.drops.first { $0.node == "campus" })
    let asked = try fields("alone-uplink.pcapng", ["frame.comment", "frame.packet_flags_direction"], where: "arp")
    #expect(drop.reason == "no-other-port" && report.captures.map(\.port) == ["alone/uplink"])
    #expect(asked.filter { $0[0].hasSuffix("by campus: no-other-port") && $0[1] == "0x00000002" }.count == Int(drop.count))
    // A probe's evidence points to it.
    let evidence = report.expectations.flatMap(\.evidence).filter { $0.event == .dropped && $0.port == "campus/alone" }
    #expect(evidence.allSatisfy { $0.frame != nil && $0.capture?.hasSuffix("alone-uplink.pcapng") == true }, "\(evidence)")
  }

  /// A pulled cable, a machine that doesn't run, a full ring: each drop is shown beside its packet, in its direction.
  /// Where only one end of a cable has a file, that one shows what the switch at the other end drops.
  @Test(arguments: [["*"], []]) func everyKindOfDropIsShown(ports: [String]) throws {
    var lab = try topology(Labs.busy)
    lab.capture.ports = ports
    let report = try run(lab)
    try merge(report)
    let shown = try fields(
      "merged", ["frame.interface_name", "frame.comment", "frame.packet_flags_direction"],
      where: "frame.comment contains \"dropped by\" || frame.comment contains \"ignored by\"")
    // Each counted drop has its frame, and each frame is counted.
    var counts: [String: UInt64] = [:]
    for line in shown {
      let comment = line[1].split(separator: ",").first { $0.contains("ed by") }.map(String.init) ?? ""
      let (node, reason, harmless): (String, String, Bool)
      switch try #require(FabricComment(comment)) {
      case .dropped(let by, let why, _): (node, reason, harmless) = (by, why, false)
      case .ignored(let by, let why, _): (node, reason, harmless) = (by, why, true)
      case .translated, .waited, .held: continue
      }
      let isFarEnds = !line[0].hasPrefix("\(node)/")
      #expect(!isFarEnds || ports.isEmpty)
      counts["\(ports.isEmpty ? "" : line[0]) \(node) \(reason) \(harmless)", default: 0] += 1
      if ["link-down", "link-loss", "queue-full", "tx-ring-full", "no-link"].contains(reason) {
        #expect(line[2] == (isFarEnds ? "0x00000001" : "0x00000002"), "\(line)")
      }
    }
    let reported = report.drops.map {
      ("\(ports.isEmpty ? "" : $0.port) \($0.node) \($0.reason) \($0.harmless)", $0.count)
    }
    #expect(counts == Dictionary(reported, uniquingKeysWith: +))
    let reasons = Set(report.drops.map(\.reason))
    for reason in ["tx-ring-full", "link-loss", "link-down", "no-port-forward", "ip-forwarding-disabled"] {
      #expect(reasons.contains(reason), "\(reason) in \(reasons)")
    }
  }

  @Test(.enabled(if: Tool.has("tcpdump"), "needs tcpdump")) func classicPcapHasNanoseconds() throws {
    let pcap = try run(example("nat-vs-bridge.yaml"), format: .pcap)
    let path = try #require(pcap.captures.first { $0.port == "home/wan" }).path
    #expect(path.hasSuffix("/home-wan.pcap"))
    #expect(FileManager.default.contents(atPath: path)?.prefix(4) == Data([0x4d, 0x3c, 0xb2, 0xa1]))
    let result = try Tool.run("tcpdump", ["-n", "-tt", "--time-stamp-precision=nano", "-r", path])
    #expect(result.status == 0, "\(result.errors)")
    #expect(result.lines.count == Int(pcap.captures.first { $0.port == "home/wan" }?.frames ?? 0))
    #expect(result.lines.contains { $0.contains("134.115.153.10.80: Flags [S]") })
    // The same frames at the same times as in pcapng.
    let times = try fields("home-wan.pcap", ["frame.time_epoch", "frame.len"])
    try run(example("nat-vs-bridge.yaml"))
    #expect(try fields("home-wan.pcapng", ["frame.time_epoch", "frame.len"]) == times)
  }

  @Test func aFilterKeepsWhatMatches() throws {
    let plain = try String(contentsOfFile: Repository.topology("nat-vs-bridge.yaml"), encoding: .utf8)
    let report = try run(topology(plain + "\ncapture: {filter: tcp port 8080}\n"))
    let all = try run(topology(plain))
    let kept = report.captures.reduce(0) { $0 + $1.frames }
    #expect(kept > 10 && kept < all.captures.reduce(0) { $0 + $1.frames })
    try run(topology(plain + "\ncapture: {filter: tcp port 8080}\n"))
    try merge(report)
    #expect(try fields("merged", ["frame.number"], where: "!(tcp.port == 8080)") == [])
    #expect(!report.captures.contains { $0.port == "public/eth0" } && report.silentPorts > 0)
    // What happened is the same.
    #expect(withoutCaptures(report).drops.map(\.count) == withoutCaptures(all).drops.map(\.count))
  }

  @Test(arguments: [
    ("\"*/wan\"", ["home-wan"]), ("\"web/*\", \"visitor/*\"", ["visitor-uplink", "web-eth0"]), ("\"nothing\"", []),
    ("\"home/???\"", ["home-lan", "home-wan"]),
  ])
  func portsChooseFiles(patterns: String, files: [String]) throws {
    let plain = try String(contentsOfFile: Repository.topology("nat-vs-bridge.yaml"), encoding: .utf8)
    let report = try run(topology(plain + "\ncapture: {ports: [\(patterns)]}\n"))
    #expect(report.captures.count == files.count && report.passed)
    let written = scratch.files(in: "captures").keys.filter { $0 != ".weft-run" }
    #expect(written.sorted() == files.map { "\($0).pcapng" })
    // The probe's own port isn't captured: the evidence has no frame, and the verdict stands.
    #expect(
      report.expectations[1].evidence.contains {
        $0.event == .dropped && ($0.frame != nil) == files.contains("home-wan")
      })
  }

  @Test func snaplenCutsFramesAndKeepsTheirLength() throws {
    let plain = try String(contentsOfFile: Repository.topology("nat-vs-bridge.yaml"), encoding: .utf8)
    try run(topology(plain + "\ncapture: {snaplen: 60}\n"))
    let lengths = try fields("home-wan.pcapng", ["frame.cap_len", "frame.len"])
    #expect(lengths.allSatisfy { Int($0[0]) ?? 0 <= 60 })
    #expect(lengths.contains { $0[0] == "60" && Int($0[1]) ?? 0 > 60 })
  }
}
