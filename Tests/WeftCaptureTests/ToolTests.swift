import Foundation
import Testing
import WeftCore
import WeftWire

@testable import WeftCapture

/// What the tools that people use make of our files.
@Suite(.enabled(if: Tool.has("tshark", "capinfos", "editcap", "mergecap"), "needs Wireshark's tools"))
struct WiresharkToolTests {
  let scratch = ScratchDirectory()

  /// A file of one port with a drop, a translation and a plain frame.
  private func capture(_ format: CaptureFormat = .pcapng) throws -> String {
    let set = try CaptureSet(directory: scratch.path, format: format, metadata: metadata)
    let port = set.addPort(name: "home/wan", description: "uplink of home", speed: 1_000_000_000)
    set.stage(port, 1, udpFrame(), inbound: true, id: 0x1123)
    set.commentDrop(port: port, by: "home", .noPortForward, .transport(17, port: 7))
    set.commit(port: port, dropped: true)
    set.stage(port, 1_500_000_002, udpFrame(payload: 1), inbound: false, id: 0x1124)
    set.comment(port: port, by: "home", translation)
    set.comment(port: port, "second")
    set.commit(port: port)
    set.stage(port, 2_000_000_000, udpFrame(payload: 1400), inbound: false, id: 0x1125)
    set.commit(port: port)
    try set.finish(at: Instant(3_000_000_000))
    return set.path(port: port)
  }

  private func fields(_ path: String, _ names: [String], _ more: [String] = []) throws -> [String] {
    let result = try Tool.run("tshark", ["-n", "-r", path, "-T", "fields"] + names.flatMap { ["-e", $0] } + more)
    #expect(result.status == 0 && result.errors == "", "\(result.errors)")
    return result.lines
  }

  @Test func tsharkShowsCommentsIdsDirectionsAndNames() throws {
    let path = try capture()
    #expect(
      try fields(path, ["frame.time_epoch", "frame.packet_id", "frame.interface_name", "frame.packet_flags_direction"])
        == [
          "1767225600.000000001\t4387\thome/wan\t0x00000001", "1767225601.500000002\t4388\thome/wan\t0x00000002",
          "1767225602.000000000\t4389\thome/wan\t0x00000002",
        ])
    #expect(
      try fields(path, ["frame.comment"]) == [
        "dropped by home: no-port-forward (udp/7)",
        "home: snat 192.168.122.2:40000 -> 134.115.153.223:40000,second", "",
      ])
    #expect(try fields(path, ["frame.interface_description"]) == Array(repeating: "uplink of home", count: 3))
  }

  @Test(arguments: [
    ("frame.comment contains \"no-port-forward\"", ["1"]), ("frame.packet_id == 0x1124", ["2"]),
    ("frame.comment matches \"^home: snat\"", ["2"]), ("!frame.comment", ["3"]), ("_ws.malformed", []),
  ])
  func displayFiltersFindTheFrames(filter: String, frames: [String]) throws {
    #expect(try fields(try capture(), ["frame.number"], ["-Y", filter]) == frames)
  }

  @Test func namesOfVirtualMachinesAreResolved() throws {
    let result = try Tool.run("tshark", ["-N", "n", "-r", try capture(), "-T", "fields", "-e", "ip.src_host"])
    #expect(result.lines == Array(repeating: "web.lab", count: 3))
  }

  @Test func expertStatisticsListComments() throws {
    let result = try Tool.run("tshark", ["-n", "-q", "-r", try capture(), "-z", "expert,comment"])
    #expect(result.output.contains("dropped by home: no-port-forward"))
  }

  @Test func capinfosShowsTheRunAndNanoseconds() throws {
    let result = try Tool.run("capinfos", [try capture()])
    #expect(result.status == 0 && result.errors == "")
    for expected in [
      "topology: nat-vs-bridge", "seed: 7", "weft: 0.1.0", "nanoseconds (9)", "weft 0.1.0", "Name = home/wan",
      "Number of stat entries = 1", "Number of packets:   3",
    ] {
      #expect(result.output.contains(expected), "\(expected) in \(result.output)")
    }
  }

  @Test func editcapAndMergecapKeepCommentsAndIds() throws {
    let path = try capture()
    let before = try fields(path, ["frame.comment", "frame.packet_id", "frame.interface_name"])
    for arguments in [
      ["editcap", path, path + ".new"], ["mergecap", "-w", path + ".new", path],
      ["tshark", "-r", path, "-w", path + ".new"],
    ] {
      let result = try Tool.run(arguments[0], Array(arguments.dropFirst()))
      #expect(result.status == 0 && result.errors == "", "\(arguments[0]): \(result.errors)")
      #expect(try fields(path + ".new", ["frame.comment", "frame.packet_id", "frame.interface_name"]) == before)
      #expect(try CaptureReader.packets(path: path + ".new").count == 3)
    }
  }

  @Test func severalPortsOfOneFileAreInterfaces() throws {
    let set = try CaptureSet(directory: scratch.path, layout: .oneFile(name: "all"), metadata: metadata)
    let ports = ["a/eth0", "b/eth0"].map { set.addPort(name: $0) }
    for port in [0, 1, 0] {
      set.stage(ports[port], 1, udpFrame())
      set.commit(port: ports[port])
    }
    try set.finish(at: Instant(2))
    #expect(scratch.entries == [".weft-run", "all.pcapng"])
    #expect(try fields(set.path(port: 0), ["frame.interface_name"]) == ["a/eth0", "b/eth0", "a/eth0"])
  }

  /// Names come before the first frame that has them, and only those: tools that read once have them.
  @Test func namesComeAsTheyAreNeeded() throws {
    let set = try CaptureSet(directory: scratch.path, metadata: metadata)
    for name in ["arp", "both"] { set.addPort(name: name) }
    // Who has 134.115.153.73? Tell 10.0.0.1
    let arp: [UInt8] =
      [255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 1, 10, 0, 0, 1]
      + [0, 0, 0, 0, 0, 0, 134, 115, 153, 73]
    for (port, frame) in [(0, arp), (1, arp), (1, udpFrame()), (1, udpFrame())] {
      set.stage(port, 1, frame)
      set.commit(port: port)
    }
    try set.finish(at: Instant(2))
    func names(_ path: String) throws -> [[String]] {
      var reader = PcapngReader(contents(path))
      var found: [[String]] = []
      while let block = try reader.next() { if case .names(let names) = block { found.append(names.map(\.name)) } }
      return found
    }
    #expect(try names(set.path(port: 0)) == [["bridged.lab"]])
    #expect(try names(set.path(port: 1)) == [["bridged.lab"], ["web.lab"]])
    let shown = try Tool.run(
      "tshark",
      ["-N", "n", "-r", set.path(port: 1), "-Y", "udp", "-T", "fields", "-e", "ip.src_host", "-e", "ip.dst_host"])
    #expect(shown.lines == ["web.lab\tbridged.lab", "web.lab\tbridged.lab"])
  }

  @Test func profileShowsPortAndFabricColumns() throws {
    let profile = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
      "../../wireshark/weft"
    ).standardizedFileURL.path
    let config = ScratchDirectory()
    try FileManager.default.createDirectory(atPath: "\(config.path)/profiles", withIntermediateDirectories: true)
    try FileManager.default.copyItem(atPath: profile, toPath: "\(config.path)/profiles/weft")
    let path = try capture()
    func tshark(_ arguments: [String]) throws -> [String] {
      let result = try Tool.run(
        "tshark", ["-C", "weft", "-n", "-r", path] + arguments, environment: ["WIRESHARK_CONFIG_DIR": config.path])
      #expect(result.status == 0 && result.errors == "", "\(result.errors)")
      return result.lines
    }
    let lines = try tshark([])
    #expect(lines.count == 3)
    #expect(lines.first?.contains("home/wan") == true, "\(lines)")
    #expect(lines.first?.contains("dropped by home: no-port-forward (udp/7)") == true, "\(lines)")
    #expect(
      try tshark(["--color", "-T", "fields", "-e", "frame.coloring_rule.name"]) == [
        "weft: dropped", "weft: source translated", "",
      ])
  }

  @Test func pcapHasNanoseconds() throws {
    let path = try capture(.pcap)
    #expect(contents(path).prefix(4) == [0x4d, 0x3c, 0xb2, 0xa1])
    #expect(
      try fields(path, ["frame.time_epoch", "frame.len"]) == [
        "1767225600.000000001\t60", "1767225601.500000002\t43", "1767225602.000000000\t1442",
      ])
  }

  @Test(.enabled(if: Tool.has("tcpdump"), "needs tcpdump"), arguments: [CaptureFormat.pcapng, .pcap])
  func tcpdumpReadsNanoseconds(format: CaptureFormat) throws {
    let result = try Tool.run(
      "tcpdump", ["-n", "-tt", "--time-stamp-precision=nano", "-r", try capture(format)])
    #expect(result.status == 0, "\(result.errors)")
    #expect(
      result.lines.map { $0.prefix(20) } == ["1767225600.000000001", "1767225601.500000002", "1767225602.000000000"])
  }
}
