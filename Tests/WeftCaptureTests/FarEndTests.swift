import Testing
import WeftCore

@testable import WeftCapture

/// What the far end of a cable says of a frame stands in the record of its leaving, as had it been known at once.
@Suite struct FarEndTests {
  let scratch = ScratchDirectory()

  /// Frame 1000 + n leaves at n; every 10th is dropped at the far end, told at once or `lag` frames later.
  private func bytes(_ frames: Int, lag: Int?, in directory: String?, limit: UInt64 = .max) throws -> [UInt8] {
    let set = try CaptureSet(directory: directory, metadata: metadata, limit: limit)
    set.addPort(name: "web/eth0")
    let frame = udpFrame(payload: 200)
    for number in 0..<frames + (lag ?? 0) {
      if number < frames, set.stage(0, UInt64(number), frame, inbound: false, id: UInt64(1000 + number)) {
        if lag == nil, number % 10 == 0 { set.commentDrop(port: 0, by: "lan", .hairpinPort) }
        set.commit(port: 0, dropped: lag == nil && number % 10 == 0)
      }
      if let lag, number >= lag, (number - lag) % 10 == 0 {
        let left = number - lag
        let found = set.commentFarDrop(
          port: 0, packetID: UInt64(1000 + left), since: Instant(UInt64(left)), by: "lan", .hairpinPort)
        #expect(found == UInt64(left + 1))
      }
    }
    try set.finish(at: Instant(99_999_999))
    return try set.bytesSoFar(port: 0)
  }

  @Test(arguments: [0, 1, 25, 1500]) func aLateCommentGivesTheSameBytes(lag: Int) throws {
    let atOnce = try bytes(4000, lag: nil, in: nil)
    #expect(atOnce.count > 3 * CaptureStore.fullBuffer)
    #expect(try bytes(4000, lag: lag, in: nil) == atOnce)
    // On disk some of the records are flushed before the comment comes.
    #expect(try bytes(4000, lag: lag, in: scratch.path) == atOnce)
    #expect(contents(scratch.path + "/web-eth0.pcapng") == atOnce)
  }

  @Test func whereThereIsNoRecordNothingIsWritten() throws {
    let set = try CaptureSet(directory: nil, metadata: metadata)
    set.addPort(name: "web/eth0")
    func drop(_ packetID: UInt64, since: UInt64) -> UInt64? {
      set.commentFarDrop(port: 0, packetID: packetID, since: Instant(since), by: "lan", .hairpinPort)
    }
    #expect(drop(1, since: 0) == nil)
    for number in 1...3 as ClosedRange<UInt64> {
      #expect(set.stage(0, number * 10, udpFrame(), inbound: number == 3, id: number))
      set.commit(port: 0)
    }
    let before = try set.bytesSoFar(port: 0)
    #expect(drop(9, since: 0) == nil, "no such packet")
    #expect(drop(1, since: 11) == nil, "it left before that")
    #expect(drop(3, since: 0) == nil, "it came in")
    #expect(try set.bytesSoFar(port: 0) == before)
    #expect(drop(1, since: 10) == 1)
    #expect(try set.bytesSoFar(port: 0) != before)
  }
}
