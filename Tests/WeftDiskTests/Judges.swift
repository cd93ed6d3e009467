import Foundation
import Testing
import WeftCore
import WeftTestSupport

@testable import WeftDisk

/// QEMU's own tools as judges of our disks.
enum Qemu {
  static let isThere = Tool.has("qemu-img", "qemu-io", "qemu-nbd")
  static let missing: Comment = "needs qemu-img, qemu-io and qemu-nbd (apt: qemu-utils); what QEMU thinks was NOT heard"

  @discardableResult
  static func img(_ arguments: String..., in folder: Scratch) throws -> Tool.Result {
    let result = try Tool.run("qemu-img", arguments, in: folder.path)
    #expect(result.status == 0, "qemu-img \(arguments.joined(separator: " ")): \(result.output)\(result.errors)")
    return result
  }

  static func io(_ file: String, _ commands: String..., in folder: Scratch) throws {
    let result = try Tool.run("qemu-io", ["-f", "qcow2"] + commands.flatMap { ["-c", $0] } + [file], in: folder.path)
    #expect(result.status == 0, "qemu-io \(file): \(result.output)\(result.errors)")
  }

  struct Extent: Decodable, Equatable {
    var start: Int
    var length: Int
    var depth: Int
    var zero: Bool
    var data: Bool
  }

  static func map(_ file: String, in folder: Scratch) throws -> [Extent] {
    let text = try img("map", "--output=json", file, in: folder).output
    return try JSONDecoder().decode([Extent].self, from: Data(text.utf8))
  }
}

extension Scratch {
  func bytes(_ name: String) throws -> [UInt8] { [UInt8](try #require(contents(name))) }
  @discardableResult func write(_ bytes: [UInt8], _ name: String) -> String { write(Data(bytes), name) }

  func disk(_ name: String) throws -> BlockDevice {
    try BlockDevice(qcow2: try bytes(name), named: name) { self.contents($0).map { [UInt8]($0) } }
  }
}

extension RandomStream {
  init(_ seed: Int, _ purpose: String = #function) { self.init(seed: UInt64(seed), owner: "test", purpose: purpose) }

  mutating func upTo(_ bound: Int) -> Int { Int(next(below: UInt64(bound))) }
  mutating func isOne(in count: Int) -> Bool { upTo(count) == 0 }

  /// Cheap to make: a random byte, counted on.
  mutating func bytes(_ count: Int) -> [UInt8] {
    let seed = next()
    return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
      var at = 0
      while at < count {
        buffer[at] = UInt8(truncatingIfNeeded: seed &+ UInt64(at) &* 7)
        at += 1
      }
      initialized = count
    }
  }
}

/// Whole arrays, as fast without optimisation as with it.
func areEqual(_ one: [UInt8], _ two: [UInt8]) -> Bool { one.count == two.count && memcmp(one, two, one.count) == 0 }
