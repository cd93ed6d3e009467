import Testing
import WeftCore
import WeftTestSupport
import WeftWire

@testable import WeftCapture
@testable import WeftFabric

extension World {
  /// Delivers bytes to a port, as if they had come over its cable.
  mutating func inject(_ bytes: [UInt8], to node: NodeID, on port: Int) {
    deliver(pool.frame(bytes), to: node, on: PortIndex(port))
  }
}

/// No frame, however broken, crashes an element of a built world, or gives a capture that can't be read.
@Suite struct GarbageTests {
  /// Frames that a run really has, to be damaged.
  private static func material(_ topology: String) throws -> [[UInt8]] {
    var simulation = try Simulation(WeftFabricTests.topology(topology), captures: CaptureOptions(directory: nil))
    _ = try simulation.complete()
    return try simulation.captured().sorted { $0.key < $1.key }.flatMap { _, bytes in
      try PcapngReader.packets(bytes).map { Array($0.bytes) }
    }
  }

  @Test(arguments: 0..<8 as Range<UInt64>) func everyElementSurvivesEveryFrame(seed: UInt64) throws {
    let material = try Self.material(Labs.busy)
    try #require(material.count > 100)
    var random = RandomStream(seed: seed, owner: "garbage", purpose: "test")
    var simulation = try Simulation(topology(Labs.busy), captures: CaptureOptions(directory: nil))
    for step in 0..<60 {
      simulation.run(until: .start + .milliseconds(UInt64(step) * 20))
      for node in simulation.world.graph.nodes.ids {
        for port in 0..<simulation.world.graph.nodes[node].portCount {
          simulation.world.inject(Self.frame(&random, material), to: node, on: port)
        }
      }
    }
    let report = try simulation.complete()
    #expect(report.drops.contains { $0.reason.hasPrefix("malformed") }, "\(report.drops.map(\.reason))")
    #expect(report.drops.contains { $0.reason.hasPrefix("bad-") })
    for (port, bytes) in try simulation.captured() where !bytes.isEmpty {
      #expect((try? PcapngReader.packets(bytes)) != nil, "\(port)")
    }
    // The world lives: it can be saved and gone on with.
    #expect(report.events > 1000)
  }

  /// Random bytes, a real frame with a few bytes changed, cut off or made longer; some with the right checksum.
  private static func frame(_ random: inout RandomStream, _ material: [[UInt8]]) -> [UInt8] {
    func below(_ bound: Int) -> Int { Int(random.next(below: UInt64(bound))) }
    if below(10) == 0 { return (0..<below(1600)).map { _ in UInt8(truncatingIfNeeded: random.next()) } }
    var frame = material[below(material.count)]
    switch below(4) {
    case 0: frame = Array(frame.prefix(below(frame.count + 1)))
    case 1: frame += (0..<below(100)).map { _ in UInt8(truncatingIfNeeded: random.next()) }
    default: break
    }
    for _ in 0..<below(5) where !frame.isEmpty {
      // Mostly in the headers.
      frame[below(min(frame.count, below(3) == 0 ? 1600 : 64))] = UInt8(truncatingIfNeeded: random.next())
    }
    if below(2) == 0, frame.count >= 34, frame[12] == 8, frame[13] == 0 {
      let length = min(Int(frame[14] & 15) * 4, frame.count - 14)
      (frame[24], frame[25]) = (0, 0)
      var sum: UInt32 = 0
      for index in stride(from: 14, to: 14 + length - 1, by: 2) {
        sum += UInt32(frame[index]) << 8 | UInt32(frame[index + 1])
      }
      while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
      (frame[24], frame[25]) = (UInt8(~sum >> 8 & 255), UInt8(~sum & 255))
    }
    return frame
  }

  @Test func emptyAndLongestFramesAreDropped() throws {
    var simulation = try Simulation(topology(Labs.busy), captures: CaptureOptions(directory: nil))
    simulation.run(until: .start + .milliseconds(50))
    for count in [0, 1, 13, 14, 15, 1514, FramePool.maximumFrame] {
      for node in simulation.world.graph.nodes.ids {
        simulation.world.inject([UInt8](repeating: 0xff, count: count), to: node, on: 0)
      }
    }
    _ = try simulation.complete()
  }
}
