import Foundation
import Testing
import WeftCore

@testable import WeftCapture

@Suite struct CaptureSetTests {
  let scratch = ScratchDirectory()

  @Test(arguments: [CaptureFormat.pcapng, .pcap])
  func filesHaveTheirPortsNames(format: CaptureFormat) throws {
    let set = try CaptureSet(directory: scratch.path, format: format, metadata: metadata)
    for name in ["home/wan", "home-wan", "Home/WAN", "web/eth0"] { set.addPort(name: name) }
    scenario(set, 0..<4000)
    try set.finish(at: Instant(9))
    let end = format.rawValue
    // The third and the fourth saw nothing.
    #expect(scratch.entries == [".weft-run", "home-wan-2.\(end)", "home-wan.\(end)"])
    #expect(set.path(port: 1) == "\(scratch.path)/home-wan-2.\(end)")
    #expect(set.path(port: 2) == "\(scratch.path)/Home-WAN-3.\(end)")
    #expect((0..<4).map { set.isWritten(port: $0) } == [true, true, false, false])
  }

  @Test func namesAreSafe() {
    var names = CaptureFileNames()
    #expect(
      ["", "..", "-rf", "a b\n", "../../etc/passwd", "ü"].map { names.claim(for: $0) } == [
        "port", "_.", "_rf", "a-b-", "_.-..-etc-passwd", "_-",
      ])
    #expect(names.claim(for: String(repeating: "x", count: 999)).utf8.count == 180)
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

  @Test func aDirectoryInTheWayFailsBeforeTheRun() throws {
    try FileManager.default.createDirectory(
      atPath: scratch.path + "/b.pcapng", withIntermediateDirectories: true)
    let set = try CaptureSet(directory: scratch.path, metadata: metadata)
    for name in ["a", "b", "c"] { set.addPort(name: name) }
    #expect(set.failure != nil && !set.stage(0, 1, udpFrame()))
    let error = #expect(throws: CaptureError.self) { try set.finish(at: .start) }
    #expect(error?.description == "can't open \(scratch.path)/b.pcapng: a directory is in the way")
    #expect(scratch.entries == ["b.pcapng"])
  }

  @Test func directoryRemovedUnderneathIsReported() throws {
    let directory = scratch.path + "/run"
    let set = try CaptureSet(directory: directory, metadata: metadata)
    set.addPort(name: "a")
    set.stage(0, 1, udpFrame())
    set.commit(port: 0)
    try FileManager.default.removeItem(atPath: directory)
    let error = #expect(throws: CaptureError.self) { try set.finish(at: .start) }
    #expect(error?.reason == "No such file or directory")
  }

  /// What was written before stays, whole records, and there is room for what the run has to say.
  @Test(
    .enabled(if: getuid() == 0 && Tool.has("mount", "umount"), "needs root to mount a tiny file system"),
    arguments: [CaptureFormat.pcapng, .pcap], [16, 600, 3000])
  func fullDiskKeepsWholeRecords(format: CaptureFormat, size: Int) throws {
    let disk = ScratchDirectory()
    let mounted = try Tool.run("mount", ["-t", "tmpfs", "-o", "size=\(size)k", "none", disk.path])
    guard mounted.status == 0 else {
      print("fullDiskKeepsWholeRecords skipped: can't mount here: \(mounted.errors)")
      return
    }
    defer { _ = try? Tool.run("umount", ["-l", disk.path]) }
    let set = try CaptureSet(directory: disk.path + "/run", format: format, metadata: metadata)
    for name in ["a", "b", "quiet", "silent"] { set.addPort(name: name) }
    set.stage(2, 1, udpFrame())
    set.commit(port: 2)
    for time in 0..<4000 as Range<UInt64> {
      for port in 0..<2 {
        set.stage(port, time, udpFrame(payload: 1000))
        set.comment(port: port, "x")
        set.commit(port: port)
      }
    }
    #expect(set.failure?.code == ENOSPC && set.failure?.isForSpace == true)
    let error = #expect(throws: CaptureError.self) { try set.finish(at: .start) }
    #expect(error?.description.hasSuffix(".\(format): No space left on device") == true)
    let names = try FileManager.default.contentsOfDirectory(atPath: disk.path + "/run").filter { !$0.hasPrefix(".") }
    if size > 16 {
      #expect(names.sorted() == ["a.\(format)", "b.\(format)", "quiet.\(format)"])
      let free = try FileManager.default.attributesOfFileSystem(forPath: disk.path)[.systemFreeSize] as? Int
      #expect(free ?? 0 > 60_000)
    }
    for port in 0..<3 where names.contains(set.path(port: port).split(separator: "/").last.map(String.init) ?? "") {
      let packets = try CaptureReader.packets(path: set.path(port: port))
      #expect(UInt64(packets.count) == set.recordCount(port: port))
    }
    if size == 3000 { #expect(set.recordCount(port: 0) > 500 && set.recordCount(port: 2) == 1) }
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
    #expect(MemoryLayout<CaptureFile>.stride + MemoryLayout<CaptureSet.Port>.stride < 460)
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
    #expect(scratch.entries.count == 3001)
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
