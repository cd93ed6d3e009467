import Foundation
import Synchronization
import Testing
import WeftCore

@testable import WeftCapture

/// Full buffers are written beside the run, and nobody can tell from the files.
@Suite struct WriterTests {
  let scratch = ScratchDirectory()

  private func fill(_ set: CaptureSet, ports: Int, frames: Int) -> [UInt64] {
    var kept = [UInt64](repeating: 0, count: ports)
    let frame = udpFrame(payload: 1400)
    for time in 0..<UInt64(frames) {
      for port in 0..<ports where set.stage(port, time, frame, id: time) {
        set.commit(port: port)
        kept[port] += 1
      }
    }
    return kept
  }

  @Test func filesOfManyBuffersAreTheSameAsInMemory() throws {
    func files(_ directory: String?, _ read: (CaptureSet, Int) throws -> [UInt8]) throws -> [[UInt8]] {
      let set = try CaptureSet(directory: directory, metadata: metadata)
      for name in ["a", "b", "c"] { set.addPort(name: name) }
      _ = fill(set, ports: 3, frames: 2000)
      // As a checkpoint does, in the midst of it.
      let before = try set.bytesSoFar(port: 1)
      _ = fill(set, ports: 3, frames: 500)
      try set.finish(at: Instant(9))
      return [before] + (try (0..<3).map { try read(set, $0) })
    }
    let inMemory = try files(nil) { try $0.bytesSoFar(port: $1) }
    #expect(inMemory[1].count > 10 * CaptureStore.fullBuffer)
    #expect(try files(scratch.path + "/run") { contents($0.path(port: $1)) } == inMemory)
  }

  /// Whatever waited behind it goes back to its files, which have all their records.
  @Test func aFailureIsOneFilesAndTakesNothingFromOthers() throws {
    let set = try CaptureSet(directory: scratch.path, metadata: metadata)
    for name in ["a", "b", "c"] { set.addPort(name: name) }
    var kept = fill(set, ports: 3, frames: 400)
    // What is on its way is written, before the file is put out of reach.
    let before = try PcapngReader.packets(set.bytesSoFar(port: 1)).count
    #expect(before == 400)
    try FileManager.default.moveItem(atPath: scratch.path + "/b.pcapng", toPath: scratch.path + "/elsewhere")
    for (port, more) in fill(set, ports: 3, frames: 4000).enumerated() { kept[port] += more }
    #expect(set.failure?.description == "can't open \(scratch.path)/b.pcapng: No such file or directory")
    #expect(!set.stage(0, 1, udpFrame()))
    #expect(throws: CaptureError.self) { try set.finish(at: Instant(9)) }
    for port in [0, 2] {
      #expect(try UInt64(PcapngReader.packets(contents(set.path(port: port))).count) == kept[port])
      #expect(set.recordCount(port: port) == kept[port])
    }
    let left = try PcapngReader.packets(contents(scratch.path + "/elsewhere")).count
    #expect(left > 0 && set.recordCount(port: 1) == UInt64(left))
    #expect(set.store.heldBytes == 0)
  }

  /// A pipe takes only as much as its reader does.
  @Test func aSlowDiskStallsTheRun() async throws {
    let pipe = scratch.path + "/pipe"
    try #require(mkfifo(pipe, 0o600) == 0)
    let reader = open(pipe, O_RDWR)
    defer { close(reader) }
    let size = CaptureStore.fullBuffer
    let jobs = 60
    let handed = Atomic<Int>(0)
    let writer = CaptureWriter(failed: CaptureFlag())
    try #require(writer.isReady())
    let thread = Thread {
      var memory = CaptureBuffer.allocate(size)
      for number in 0..<jobs {
        memory.initializeMemory(as: UInt8.self, repeating: UInt8(number), count: size)
        memory = writer.write(
          .init(path: pipe, create: false, memory: .init(base: memory, capacity: size, count: size)))
        handed.add(1, ordering: .releasing)
      }
      memory.deallocate()
    }
    thread.start()
    // The one at work, those that wait, and the one that was one too many.
    let most = CaptureWriter.bound / size + 2
    while handed.load(ordering: .acquiring) < most - 1 { try await Task.sleep(for: .milliseconds(1)) }
    try await Task.sleep(for: .milliseconds(20))
    #expect(handed.load(ordering: .acquiring) <= most)
    var bytes = [UInt8](repeating: 0, count: size)
    for number in 0..<jobs {
      var got = 0
      while got < size { got += bytes.withUnsafeMutableBytes { read(reader, $0.baseAddress! + got, size - got) } }
      #expect(bytes.allSatisfy { $0 == UInt8(number) })
    }
    writer.drain()
    writer.stop()
    #expect(handed.load(ordering: .acquiring) == jobs)
  }
}
