import Foundation
import Testing
import WeftCore

@testable import WeftCapture

@Suite struct CaptureSetTests {
  let scratch = ScratchDirectory()

  @Test(arguments: [CaptureFormat.pcapng, .pcap])
  func filesAppearAtFinishUnderTheirNames(format: CaptureFormat) throws {
    let set = try CaptureSet(directory: scratch.path, format: format, metadata: metadata)
    for name in ["home/wan", "home-wan", "Home/WAN", "web/eth0"] { set.addPort(name: name) }
    scenario(set, 0..<4000)
    #expect(scratch.entries.allSatisfy { $0.hasPrefix(".") })
    try set.finish(at: Instant(9))
    let end = format.rawValue
    #expect(scratch.entries == ["Home-WAN-3.\(end)", "home-wan-2.\(end)", "home-wan.\(end)", "web-eth0.\(end)"])
    #expect(set.path(port: 1) == "\(scratch.path)/home-wan-2.\(end)")
  }

  @Test func namesAreSafe() {
    var names = CaptureFileNames()
    #expect(
      ["", "..", "-rf", "a b\n", "../../etc/passwd", "ü"].map { names.claim(for: $0) } == [
        "port", "_.", "_rf", "a-b-", "_.-..-etc-passwd", "_-",
      ])
    #expect(names.claim(for: String(repeating: "x", count: 999)).utf8.count == 180)
  }

  @Test func earlierFilesAreReplacedAndDirectoriesMade() throws {
    let directory = scratch.path + "/a/b"
    for seed in [1, 2] as [UInt64] {
      let set = try CaptureSet(
        directory: directory, metadata: CaptureMetadata(version: "1", topology: "t", seed: seed))
      set.addPort(name: "p")
      try set.finish(at: .start)
    }
    var reader = PcapngReader(contents(directory + "/p.pcapng"))
    guard case .section(let section) = try reader.next() else { throw PcapngError(reason: .notPcapng, offset: 0) }
    #expect(section.comments == ["topology: t", "seed: 2", "weft: 1"])
  }

  @Test func abandonLeavesNothing() throws {
    let directory = scratch.path + "/new/run"
    var set: CaptureSet? = try CaptureSet(directory: directory, metadata: metadata)
    for name in ["a", "b"] { set?.addPort(name: name) }
    scenario(try #require(set), 0..<10_000)
    #expect(FileManager.default.fileExists(atPath: directory))
    set?.abandon()
    // What still comes is ignored.
    #expect(set?.stage(0, 1, udpFrame()) == false)
    set?.commit(port: 0)
    #expect(scratch.entries == [])
    // So does a set that's just forgotten.
    set = try CaptureSet(directory: directory, metadata: metadata)
    set?.addPort(name: "a")
    set = nil
    #expect(scratch.entries == [])
  }

  @Test func abandonKeepsForeignFiles() throws {
    let directory = scratch.path + "/run"
    let set = try CaptureSet(directory: directory, metadata: metadata)
    write([1], directory + "/mine")
    set.abandon()
    #expect(contents(directory + "/mine") == [1])
  }

  @Test func unusableDirectoryIsAnErrorAtOnce() throws {
    let file = scratch.path + "/file"
    write([1], file)
    for directory in [file, file + "/sub", file + "/sub/deeper"] {
      let error = #expect(throws: CaptureError.self) { try CaptureSet(directory: directory, metadata: metadata) }
      #expect(error?.description == "can't make the directory \(directory): Not a directory")
    }
    #expect(scratch.entries == ["file"])
  }

  @Test func directoryInTheWayFailsWhole() throws {
    try FileManager.default.createDirectory(
      atPath: scratch.path + "/b.pcapng", withIntermediateDirectories: true)
    let set = try CaptureSet(directory: scratch.path, metadata: metadata)
    for name in ["a", "b", "c"] { set.addPort(name: name) }
    let error = #expect(throws: CaptureError.self) { try set.finish(at: .start) }
    #expect(error?.description == "can't put in place \(scratch.path)/b.pcapng: a directory is in the way")
    #expect(scratch.entries == ["b.pcapng"])
  }

  @Test func directoryRemovedUnderneathIsReported() throws {
    let directory = scratch.path + "/run"
    let set = try CaptureSet(directory: directory, metadata: metadata)
    set.addPort(name: "a")
    try FileManager.default.removeItem(atPath: directory)
    let error = #expect(throws: CaptureError.self) { try set.finish(at: .start) }
    #expect(error?.reason == "No such file or directory")
  }

  @Test(.enabled(if: getuid() == 0 && Tool.has("mount", "umount"), "needs root to mount a tiny file system"))
  func fullDiskLeavesNothing() throws {
    let disk = ScratchDirectory()
    let mounted = try Tool.run("mount", ["-t", "tmpfs", "-o", "size=600k", "none", disk.path])
    guard mounted.status == 0 else {
      print("fullDiskLeavesNothing skipped: can't mount here: \(mounted.errors)")
      return
    }
    defer { _ = try? Tool.run("umount", [disk.path]) }
    for format in [CaptureFormat.pcapng, .pcap] {
      let set = try CaptureSet(directory: disk.path + "/run", format: format, metadata: metadata)
      for name in ["a", "b"] { set.addPort(name: name) }
      for _ in 0..<2000 {
        for port in 0..<2 {
          set.stage(port, 1, udpFrame(payload: 1000))
          set.comment(port: port, "x")
          set.commit(port: port)
        }
      }
      #expect(set.failure?.code == ENOSPC)
      let error = #expect(throws: CaptureError.self) { try set.finish(at: .start) }
      #expect(error?.description.hasSuffix(".\(format): No space left on device") == true)
      #expect(try FileManager.default.contentsOfDirectory(atPath: disk.path) == [])
    }
  }

  @Test func filteredFramesAreCountedButNotWritten() throws {
    let set = try CaptureSet(
      directory: nil, metadata: metadata, filter: try CaptureFilter(expression: "udp dst port 53"))
    let port = set.addPort(name: "p")
    for destination in [7, 53, 80, 53] as [UInt16] {
      let staged = set.stage(port, 5, udpFrame(destinationPort: destination))
      #expect(staged == (destination == 53))
      set.comment(port: port, "seen")
      set.commit(port: port)
    }
    #expect(set.frameNumber(port: port) == 3)
    try set.finish(at: Instant(10))
    var reader = PcapngReader(try set.bytesSoFar(port: port))
    var statistics: PcapngBlock.Statistics?
    while let block = try reader.next() { if case .statistics(let found) = block { statistics = found } }
    let epoch = CaptureSet.defaultEpoch
    #expect(reader.packetCount == 2)
    #expect(
      statistics == .init(interface: 0, received: 4, dropped: 0, startNanos: epoch, endNanos: epoch + 10))
  }

  @Test(arguments: [CaptureFormat.pcapng, .pcap])
  func snaplenCutsBytesButKeepsTheLength(format: CaptureFormat) throws {
    let set = try CaptureSet(directory: scratch.path, format: format, metadata: metadata, snaplen: 34)
    let port = set.addPort(name: "p")
    set.stage(port, 7, udpFrame(payload: 100))
    set.commit(port: port)
    try set.finish(at: Instant(8))
    let packets = try CaptureReader.packets(path: set.path(port: port))
    #expect(
      packets == [
        CapturedPacket(
          timestampNanos: CaptureSet.defaultEpoch + 7, bytes: Array(udpFrame(payload: 100).prefix(34)),
          originalLength: 142)
      ])
  }

  @Test(arguments: [CaptureFormat.pcapng, .pcap])
  func bothReadersAgreeWithWhatWasCaptured(format: CaptureFormat) throws {
    let set = try CaptureSet(directory: scratch.path, format: format, metadata: metadata)
    let port = set.addPort(name: "p")
    let frames = (0..<3000).map { udpFrame(payload: $0 % 1473) } + [[], [1], [UInt8](repeating: 9, count: 262_144)]
    for (number, frame) in frames.enumerated() {
      set.stage(port, UInt64(number), frame)
      set.commit(port: port)
    }
    try set.finish(at: .start)
    let path = set.path(port: port)
    #expect(try CaptureReader.packets(path: path).map(\.bytes) == frames)
    if format == .pcapng { #expect(try PcapngReader.packets(contents(path)).map(\.bytes) == frames) }
  }

  @Test func threeThousandPortsNeedLittleMemoryAndFewDescriptors() throws {
    let set = try CaptureSet(directory: scratch.path, metadata: metadata)
    for number in 0..<3000 { set.addPort(name: "vm\(number)/eth0") }
    #expect(set.store.heldBytes == 0)
    #expect(MemoryLayout<CaptureFile>.stride + MemoryLayout<CaptureSet.Port>.stride < 400)
    let frame = udpFrame(payload: 1000)
    for number in 0..<3000 {
      for time in 0..<60 as Range<UInt64> {
        set.stage(number, time, frame)
        set.commit(port: number)
      }
    }
    // 3,000 ports of 65 KiB each would be 190 MiB.
    #expect(set.store.heldBytes < CaptureStore.budget + 3000 * CaptureStore.frugalBuffer)
    try set.finish(at: Instant(60))
    #expect(set.store.heldBytes == 0)
    #expect(scratch.entries.count == 3000)
    for port in [0, 1500, 2999] { #expect(try CaptureReader.packets(path: set.path(port: port)).count == 60) }
  }

  @Test func threadsWritingDifferentPortsGiveTheSameFiles() async throws {
    func run(_ name: String, parallel: Bool) async throws -> [[UInt8]] {
      let set = try CaptureSet(directory: "\(scratch.path)/\(name)", metadata: metadata)
      for number in 0..<4 { set.addPort(name: "p\(number)") }
      @Sendable func capture(_ port: Int) {
        for time in 0..<900 as Range<UInt64> {
          set.stage(port, time, udpFrame(payload: Int(time) % 900), id: time)
          set.commentDrop(port: port, by: "home", .queueFull)
          set.commit(port: port, dropped: true)
        }
      }
      await withTaskGroup(of: Void.self) { group in
        for port in 0..<4 {
          group.addTask { capture(port) }
          if !parallel { await group.waitForAll() }
        }
      }
      try set.finish(at: Instant(1))
      return (0..<4).map { contents(set.path(port: $0)) }
    }
    #expect(try await run("alone", parallel: false) == run("together", parallel: true))
  }
}
