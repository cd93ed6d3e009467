import Foundation
import Testing
import WeftCore

@testable import WeftCapture

/// A run's directory is its own, and an earlier run's files go with it.
@Suite struct RunFolderTests {
  let scratch = ScratchDirectory()

  private func run(_ names: [String], _ format: CaptureFormat = .pcapng, seed: UInt64 = 1) throws {
    let set = try CaptureSet(
      directory: scratch.path, format: format, metadata: CaptureMetadata(version: "1", topology: "t", seed: seed))
    for name in names {
      set.stage(set.addPort(name: name), 1, udpFrame())
      set.commit(port: set.portCount - 1)
    }
    try set.finish(at: Instant(2))
  }

  private var visible: [String] { scratch.entries.filter { $0 != ".weft-run" } }

  @Test func whatAnEarlierRunHasWrittenGoes() throws {
    try run(["a", "b"])
    write([1], scratch.path + "/mine.pcapng")
    try run(["b", "c"])
    #expect(visible == ["b.pcapng", "c.pcapng", "mine.pcapng"])
    try run(["b"], .pcap)
    #expect(visible == ["b.pcap", "mine.pcapng"])
    CaptureSet.clear(scratch.path)
    #expect(scratch.entries == ["mine.pcapng"])
  }

  @Test func aRunThatSeesNothingLeavesNothing() throws {
    try run(["a"])
    let set = try CaptureSet(directory: scratch.path, metadata: metadata)
    set.addPort(name: "a")
    try set.finish(at: .start)
    #expect(scratch.entries == [])
  }

  /// A manifest may come from anywhere.
  @Test func nothingOutsideGoes() throws {
    let folder = scratch.path + "/run"
    try FileManager.default.createDirectory(atPath: folder + "/sub.pcapng", withIntermediateDirectories: true)
    for name in ["outside.pcapng", "run/notes.txt", "run/own.pcapng", "run/sub.pcapng/x.pcapng"] {
      write([1], "\(scratch.path)/\(name)")
    }
    try FileManager.default.createSymbolicLink(
      atPath: folder + "/link.pcapng", withDestinationPath: "../outside.pcapng")
    let lines = [
      "weft run 1", "file ../outside.pcapng", "file notes.txt", "file own.pcapng", "file sub.pcapng",
      "file link.pcapng",
      "file sub.pcapng/x.pcapng", "file ", "nonsense",
    ]
    write(Array((lines.joined(separator: "\n") + "\n").utf8), folder + "/.weft-run")
    CaptureSet.clear(folder)
    #expect(contents(scratch.path + "/outside.pcapng") == [1])
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: folder).sorted() == [
        "link.pcapng", "notes.txt", "sub.pcapng",
      ])
  }

  @Test func twoRunsAtOnceAreToldApart() throws {
    try run(["old"])
    let first = try CaptureSet(
      directory: scratch.path, metadata: CaptureMetadata(version: "1", topology: "t", seed: 7))
    first.stage(first.addPort(name: "a"), 1, udpFrame())
    first.commit(port: 0)
    let error = #expect(throws: CaptureError.self) { try CaptureSet(directory: scratch.path, metadata: metadata) }
    #expect(
      error?.description
        == "can't use \(scratch.path): another run (process \(getpid()), seed 7) is writing to it")
    // Nor is it swept.
    CaptureSet.clear(scratch.path)
    try first.finish(at: Instant(2))
    #expect(visible == ["a.pcapng"])
    try run(["b"])
    #expect(visible == ["b.pcapng"])
  }

  @Test func theManifestIsTheSameForTheSameRun() throws {
    try run(["b", "a"])
    let text = String(decoding: contents(scratch.path + "/.weft-run"), as: UTF8.self)
    #expect(text == "weft run 1\ntopology t\nseed 1\nfile a.pcapng\nfile b.pcapng\n")
  }

  /// As after `kill -9`: what is on disk can be read, and goes with the next run.
  @Test func aDeadRunsFilesAreWholeAndSwept() throws {
    var set: CaptureSet? = try CaptureSet(directory: scratch.path, metadata: metadata)
    set?.addPort(name: "a")
    for time in 0..<3000 as Range<UInt64> {
      set?.stage(0, time, udpFrame(payload: 500))
      set?.commit(port: 0)
    }
    let manifest = contents(scratch.path + "/.weft-run")
    let file = contents(scratch.path + "/a.pcapng")
    #expect(try PcapngReader.packets(file).count > 500)
    set = nil
    // Its lock is gone with it, its files are not.
    write(manifest, scratch.path + "/.weft-run")
    write(file, scratch.path + "/a.pcapng")
    try run(["b"])
    #expect(visible == ["b.pcapng"])
  }

  @Test func theLimitEndsCapturesAndNothingElse() throws {
    let set = try CaptureSet(directory: scratch.path, metadata: metadata, limit: 20_000)
    for name in ["a", "b"] { set.addPort(name: name) }
    for time in 0..<100 as Range<UInt64> {
      for port in 0..<2 {
        set.stage(port, time, udpFrame(payload: 400))
        set.commit(port: port)
      }
    }
    let kept = set.recordCount(port: 0) + set.recordCount(port: 1)
    #expect(set.cutOff == CaptureCutOff(limit: 20_000, from: Instant(kept / 2), missedFrames: 200 - kept))
    let resumed = try CaptureSet(
      resuming: try set.checkpoint(), directory: nil, metadata: metadata, limit: 20_000)
    #expect(!resumed.stage(0, 200, udpFrame()) && resumed.cutOff?.missedFrames == 201 - kept)
    #expect(resumed.cutOff?.from == Instant(kept / 2))
    try set.finish(at: Instant(100))
    let sizes = [0, 1].map { contents(set.path(port: $0)).count }
    #expect(sizes[0] + sizes[1] < 22_000 && sizes[0] + sizes[1] > 19_000)
    #expect(try PcapngReader.packets(contents(set.path(port: 0))).count == Int(set.recordCount(port: 0)))
  }
}
