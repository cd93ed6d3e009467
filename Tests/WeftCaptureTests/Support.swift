import Foundation
import Testing
import WeftCore
import WeftWire

@testable import WeftCapture

/// A directory of its own for each test, gone with it.
final class ScratchDirectory {
  let path: String

  init() {
    path = NSTemporaryDirectory() + "weft-capture-\(UUID().uuidString)"
    try? FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }

  /// Everything inside, hidden files too, sorted.
  var entries: [String] { ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).sorted() }
}

func contents(_ path: String) -> [UInt8] { FileManager.default.contents(atPath: path).map(Array.init) ?? [] }

func write(_ bytes: [UInt8], _ path: String) {
  _ = FileManager.default.createFile(atPath: path, contents: Data(bytes))
}

/// Programs that tests hold our files up to.
enum Tool {
  struct Result {
    var status: Int32
    var output: String
    var errors: String

    var lines: [String] { output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init) }
  }

  static func path(_ name: String) -> String? {
    ["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/opt/homebrew/bin"].map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  static func has(_ names: String...) -> Bool { names.allSatisfy { path($0) != nil } }

  /// Output goes through files: a pipe nobody reads would block the program.
  static func run(_ name: String, _ arguments: [String], environment: [String: String] = [:]) throws -> Result {
    let scratch = ScratchDirectory()
    let process = Process()
    process.executableURL = URL(fileURLWithPath: try #require(path(name)))
    process.arguments = arguments
    process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
    let files = ["out", "err"].map { "\(scratch.path)/\($0)" }
    for file in files { write([], file) }
    process.standardOutput = FileHandle(forWritingAtPath: files[0])
    process.standardError = FileHandle(forWritingAtPath: files[1])
    process.standardInput = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    return Result(
      status: process.terminationStatus, output: String(decoding: contents(files[0]), as: UTF8.self),
      // tshark warns root, rightly, and always.
      errors: String(decoding: contents(files[1]), as: UTF8.self).split(separator: "\n")
        .filter { !$0.hasPrefix("Running as user") }.joined(separator: "\n"))
  }
}

/// A UDP frame from 192.168.122.2:40000 to 134.115.153.73:7 whose payload has the given length.
func udpFrame(payload: Int = 18, destinationPort: UInt16 = 7) -> [UInt8] {
  let udp = UInt16(8 + payload)
  var ip: [UInt8] = [0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, 17, 0, 0, 192, 168, 122, 2, 134, 115, 153, 73]
  ip[2] = UInt8((20 + udp) >> 8)
  ip[3] = UInt8((20 + udp) & 255)
  var sum = stride(from: 0, to: 20, by: 2).reduce(0 as UInt32) { $0 + UInt32(ip[$1]) << 8 + UInt32(ip[$1 + 1]) }
  while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
  ip[10] = UInt8(~sum >> 8 & 255)
  ip[11] = UInt8(~sum & 255)
  let ethernet: [UInt8] = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0]
  let head: [UInt8] = [
    0x9c, 0x40, UInt8(destinationPort >> 8), UInt8(destinationPort & 255), UInt8(udp >> 8), UInt8(udp & 255), 0, 0,
  ]
  return ethernet + ip + head + [UInt8](repeating: 0x61, count: payload)
}

let metadata = CaptureMetadata(
  version: "0.1.0", topology: "nat-vs-bridge", seed: 7, remarks: [],
  names: [.init(IPv4Address(192, 168, 122, 2), "web.lab"), .init(IPv4Address(134, 115, 153, 73), "bridged.lab")])

let translation = Note(
  .snat, protocolNumber: 17, from: IPv4Address(192, 168, 122, 2), 40000, to: IPv4Address(134, 115, 153, 223), 40000)

extension CaptureSet {
  /// Stages a whole frame.
  @discardableResult
  func stage(_ port: Int, _ time: UInt64, _ frame: [UInt8], inbound: Bool = true, id: UInt64 = 0) -> Bool {
    stage(
      port: port, at: Instant(time), bytes: frame.span.bytes, originalLength: frame.count, inbound: inbound,
      packetID: id)
  }
}

/// What a scenario captures: drops, translations, several comments, losses, odd lengths, a cancelled record.
func scenario(_ set: CaptureSet, _ steps: Range<Int>) {
  for step in steps {
    let port = step % 2
    set.stage(
      port, UInt64(step) * 1_000_001, udpFrame(payload: step % 7), inbound: step % 3 > 0, id: UInt64(0x1000 + step / 2))
    switch step % 5 {
    case 0:
      set.commentDrop(port: port, by: "home", .noPortForward, .transport(6, port: 80))
      set.commit(port: port, dropped: true)
    case 1:
      set.comment(port: port, by: "home", translation)
      set.comment(port: port, "step \(step)")
      set.commit(port: port)
    case 2: set.cancel(port: port)
    case 3:
      set.commit(port: port)
      set.noteLost(port: port, count: 3)
    default: set.commit(port: port)
    }
  }
}
