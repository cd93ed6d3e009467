import Foundation
import Testing
import WeftCore
import WeftProbes
import WeftTestSupport

@testable import WeftGuest
@testable import WeftPrograms
@testable import WeftStack

/// What is sent to well-known ports, as Wireshark reads it.
@Suite struct DatagramPayloadTests {
  private static let known: [UInt16] = [
    7, 9, 19, 37, 53, 67, 68, 69, 88, 111, 123, 137, 138, 161, 162, 389, 443, 500, 514, 520, 546, 623, 1194, 1645, 1701,
    1719, 1812, 1900, 2049, 2152, 2222, 3389, 3478, 3702, 4500, 4789, 5004, 5060, 5351, 5353, 5355, 5683, 6081, 8472,
    9987, 10001, 27015, 33434, 47808, 51820,
  ]

  /// A classic capture of each payload on its way to the port and, as an echo server has it, back.
  private func faults(_ datagrams: [(port: UInt16, payload: [UInt8])], _ fields: [String]) throws -> [String] {
    let scratch = Scratch()
    func word(_ value: Int) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) } }
    func half(_ value: Int) -> [UInt8] { [UInt8(truncatingIfNeeded: value >> 8), UInt8(truncatingIfNeeded: value)] }
    var file: [UInt8] = [0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0] + word(0) + word(0) + word(65535) + word(1)
    for (index, (port, payload)) in datagrams.enumerated() {
      // Each with a client's port of its own: tshark remembers conversations.
      let client = 40_000 + index
      for (source, destination) in [(client, Int(port)), (Int(port), client)] {
        let udp = half(source) + half(destination) + half(8 + payload.count) + half(0) + payload
        let ip =
          [0x45, 0] + half(20 + udp.count) + [0, 1, 0, 0, 64, 17, 0, 0, 203, 0, 113, 9, 203, 0, 113, 2] as [UInt8]
        let frame = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0] + ip + udp
        file += word(index) + word(0) + word(frame.count) + word(frame.count) + frame
      }
    }
    let path = scratch.write(Data(file), "sample.pcap")
    let filter = "_ws.malformed || _ws.short || _ws.expert.severity >= 0x00600000"
    let result = try Tool.run(
      "tshark",
      ["-n", "-r", path] + (fields.isEmpty ? ["-Y", filter] : ["-T", "fields"] + fields.flatMap { ["-e", $0] }))
    try #require(result.status == 0, "\(result)")
    return result.lines
  }

  @Test(.enabled(if: Tool.has("tshark"), "needs tshark")) func probesReadAsTheirProtocolOrAsData() throws {
    let found = try faults(Self.known.map { ($0, DatagramPayload.probe(to: $0)) }, [])
    #expect(found == [], "\(found)")
  }

  private static let isKnownVersion =
    (try? Tool.run("tshark", ["-v"]).output.contains("TShark (Wireshark) 4.0.")) ?? false

  /// The same over every port that tshark knows; another version knows others.
  @Test(.enabled(if: isKnownVersion, "needs tshark 4.0")) func noPortReadsAsDamaged() throws {
    let table = try Tool.run("tshark", ["-G", "decodes"]).lines.compactMap { line -> UInt16? in
      let columns = line.split(separator: "\t")
      return columns.count == 3 && columns[0] == "udp.port" ? UInt16(columns[1]) : nil
    }
    #expect(table.count > 200)
    let found = try faults(Set(table).sorted().map { ($0, DatagramPayload.probe(to: $0)) }, [])
    #expect(found == [], "\(found)")
  }

  @Test(.enabled(if: Tool.has("tshark"), "needs tshark")) func datagramsOfAnySizeDoToo() throws {
    var datagrams: [(UInt16, [UInt8])] = []
    for port in [53, 5353, 123, 69, 500, 4500, 67, 514, 1194, 4789, 6081, 5683, 137, 520, 389] as [UInt16] {
      for size in [12, 17, 19, 32, 41, 42, 48, 60, 64, 76, 100, 104, 200, 244, 300, 512, 1000, 1400] {
        if let payload = DatagramPayload.filled(to: port, count: size) {
          #expect(payload.count == size)
          datagrams.append((port, payload))
        }
      }
    }
    #expect(datagrams.count > 180)
    let found = try faults(datagrams, [])
    #expect(found == [], "\(found.prefix(5))")
  }

  @Test(.enabled(if: Tool.has("tshark"), "needs tshark")) func theyAreWhatTheirPortsAreFor() throws {
    let expected: [(UInt16, String)] = [
      (53, "dns"), (5353, "mdns"), (5355, "llmnr"), (123, "ntp"), (69, "tftp"), (500, "isakmp"), (4500, "isakmp"),
      (67, "dhcp"), (137, "nbns"), (514, "syslog"), (520, "rip"), (5683, "coap"), (4789, "vxlan"),
    ]
    let shown = try faults(expected.map { ($0.0, DatagramPayload.probe(to: $0.0)) }, ["frame.protocols"])
    for (index, (port, name)) in expected.enumerated() {
      #expect(shown[2 * index].split(separator: ":").contains { $0 == name }, "\(port): \(shown[2 * index])")
    }
  }

  @Test func sizesAreKept() {
    for port in [53, 69, 123, 137, 500, 4500, 67, 520, 1194, 4789, 49] as [UInt16] {
      for size in [0, 1, 2, 3, 5, 11, 12, 13, 16, 17, 18, 19, 40, 41, 42, 43, 47, 48, 49, 51, 1472, 65_507] {
        if let payload = DatagramPayload.filled(to: port, count: size) { #expect(payload.count == size) }
      }
    }
    #expect(DatagramPayload.filled(to: 5001, count: 100) == nil)
    #expect(DatagramPayload.filled(to: 53, count: 5) == nil)
  }

  /// A late echo asked for on a well-known port is still one.
  @Test func aRequestForALateEchoFitsInside() {
    let delay = Nanoseconds.seconds(77)
    for port in [53, 5353, 123, 500, 4500, 4789, 5683, 1194, 67, 7, 5001, 3478] as [UInt16] {
      let payload = DatagramPayload.probe(to: port, end: LateEcho.request(delay))
      #expect(LateEcho.delay(payload.span.bytes) == delay, "\(port)")
    }
  }

  @Test(.enabled(if: Tool.has("tshark"), "needs tshark")) func aRequestForALateEchoReadsWellToo() throws {
    let ports = [53, 5353, 123, 500, 4500, 4789, 5683, 1194, 67] as [UInt16]
    let found = try faults(ports.map { ($0, DatagramPayload.probe(to: $0, end: LateEcho.request(.seconds(9)))) }, [])
    #expect(found == [], "\(found)")
  }
}
