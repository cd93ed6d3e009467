import Foundation
import Testing
import WeftCore

@testable import WeftCapture

@Suite struct ResumeTests {
  let scratch = ScratchDirectory()

  private func run(_ name: String, _ format: CaptureFormat, _ layout: CaptureLayout, stopAt stop: Int?) throws
    -> [[UInt8]]
  {
    let directory = "\(scratch.path)/\(name)"
    var set = try CaptureSet(directory: directory, format: format, layout: layout, metadata: metadata)
    // The third port stays idle.
    for name in ["a", "b", "c"] { set.addPort(name: name, speed: 10) }
    scenario(set, 0..<(stop ?? 40))
    if let stop {
      // As another process would get it.
      let saved = try JSONEncoder().encode(try set.checkpoint())
      set = try CaptureSet(
        resuming: try JSONDecoder().decode(CaptureCheckpoint.self, from: saved), directory: directory + "-resumed",
        metadata: metadata)
      scenario(set, stop..<40)
    }
    try set.finish(at: Instant(100))
    return (0..<3).map { contents(set.path(port: $0)) }
  }

  @Test(arguments: [CaptureFormat.pcapng, .pcap], [CaptureLayout.filePerPort, .oneFile(name: "all")])
  func resumedRunWritesTheSameBytesFromEveryRecordOn(format: CaptureFormat, layout: CaptureLayout) throws {
    let whole = try run("whole", format, layout, stopAt: nil)
    #expect(whole.map(\.isEmpty) == [false, false, layout == .filePerPort])
    for stop in 0...40 {
      #expect(try run("stop\(stop)", format, layout, stopAt: stop) == whole, "stopped before step \(stop)")
    }
  }

  @Test func resumingLongFilesWorksThroughTheDisk() throws {
    var finished: [[UInt8]] = []
    for stops in [[], [3000]] as [[Int]] {
      var set = try CaptureSet(directory: scratch.path + "/\(stops.count)", metadata: metadata)
      set.addPort(name: "a")
      for step in 0..<6000 {
        if stops.contains(step) {
          let checkpoint = try set.checkpoint()
          // The first run goes on, too: it's a fork.
          set = try CaptureSet(resuming: checkpoint, directory: scratch.path + "/fork", metadata: metadata)
        }
        set.stage(0, UInt64(step), udpFrame(payload: step % 400))
        set.comment(port: 0, "step \(step)")
        set.commit(port: 0)
      }
      let before = try set.bytesSoFar(port: 0)
      #expect(before.count > CaptureStore.fullBuffer)
      try set.finish(at: .start)
      finished.append(contents(set.path(port: 0)))
      #expect(finished.last?.starts(with: before) == true)
    }
    #expect(finished[0] == finished[1])
  }

  @Test func prefixLeavesTheStagedRecordOut() throws {
    let set = try CaptureSet(directory: nil, metadata: metadata)
    set.addPort(name: "a")
    #expect(try set.bytesSoFar(port: 0) == [])
    set.stage(0, 1, udpFrame())
    set.commit(port: 0)
    let one = try set.bytesSoFar(port: 0)
    set.stage(0, 2, udpFrame())
    #expect(try set.bytesSoFar(port: 0) == one)
    #expect(try PcapngReader.packets(one).count == 1)
  }

  @Test func checkpointThatDoesNotFitIsRefused() throws {
    let set = try CaptureSet(directory: nil, metadata: metadata)
    set.addPort(name: "a")
    var checkpoint = try set.checkpoint()
    checkpoint.ports[0].file = 5
    #expect(throws: CaptureError.self) { try CaptureSet(resuming: checkpoint, directory: nil, metadata: metadata) }
  }
}
