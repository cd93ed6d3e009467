import Testing
import WeftCore
import WeftSettings
import WeftSwitch
import WeftWire

/// Spanning trees of many shapes: what IEEE 802.1D-2004 promises of all of them.
@Suite struct SpanningTreeTests {
  static func settings(_ mode: SpanningTreeMode, priority: UInt16 = 32768) -> SpanningTreeSettings {
    var settings = SpanningTreeSettings(mode)
    settings.priority = priority
    return settings
  }

  /// A connected graph with loops and parallel cables.
  static func shape(_ count: Int, more: Int, _ stream: inout RandomStream) -> [(Int, Int)] {
    var pairs: [(Int, Int)] = []
    for node in 1..<count { pairs.append((Int(stream.next(below: UInt64(node))), node)) }
    for _ in 0..<more {
      let a = Int(stream.next(below: UInt64(count)))
      let b = Int(stream.next(below: UInt64(count)))
      if a != b { pairs.append((a, b)) }
    }
    return pairs
  }

  @Test("Rapid spanning tree makes a tree of any graph, and of what cuts and repairs leave of it", arguments: 1...40)
  func rapidTreesOfRandomGraphs(seed: UInt64) {
    var stream = RandomStream(seed: seed, owner: "shape", purpose: "test")
    let count = 2 + Int(stream.next(below: 7))
    let pairs = Self.shape(count, more: Int(stream.next(below: 8)), &stream)
    let priorities = (0..<count).map { _ in UInt16(stream.next(below: 4)) * 4096 }
    let net = SwitchNet(count, pairs, settings: { Self.settings(.rstp, priority: priorities[$0]) }, seed: seed)
    #expect(net.run(until: .start + .seconds(6)))
    #expect(net.fault == nil, "after 6 s, \(pairs)")
    // A root that is gone may be heard of in a loop until what is said of it is too old (20 s).
    let wait: UInt64 = 30
    for _ in 0..<4 {
      let cable = Int(stream.next(below: UInt64(pairs.count)))
      net.setUp(cable, !net.cables[cable].isUp)
      #expect(net.run(until: net.now + .seconds(wait)))
      #expect(net.fault == nil, "\(wait) s after a change of cable \(cable) of \(pairs): \(net.cables.map(\.isUp))")
    }
  }

  @Test("The old protocol makes a tree too, in at most max-age and twice forward-delay", arguments: 1...15)
  func oldTreesOfRandomGraphs(seed: UInt64) {
    var stream = RandomStream(seed: seed, owner: "shape", purpose: "old")
    let count = 2 + Int(stream.next(below: 5))
    let pairs = Self.shape(count, more: Int(stream.next(below: 5)), &stream)
    let net = SwitchNet(count, pairs, settings: { _ in Self.settings(.stp) }, seed: seed)
    #expect(net.run(until: .start + .seconds(52)))
    #expect(net.fault == nil, "\(pairs)")
    let cable = Int(stream.next(below: UInt64(pairs.count)))
    net.setUp(cable, false)
    #expect(net.run(until: net.now + .seconds(52)))
    #expect(net.fault == nil, "without cable \(cable) of \(pairs)")
  }

  @Test("Rapid and old switches side by side make one tree", arguments: 1...15)
  func mixedTrees(seed: UInt64) {
    var stream = RandomStream(seed: seed, owner: "shape", purpose: "mixed")
    let count = 3 + Int(stream.next(below: 4))
    let pairs = Self.shape(count, more: Int(stream.next(below: 5)), &stream)
    let modes = (0..<count).map { _ in stream.next(below: 2) == 0 ? SpanningTreeMode.rstp : .stp }
    let net = SwitchNet(count, pairs, settings: { Self.settings(modes[$0]) }, seed: seed)
    #expect(net.run(until: .start + .seconds(60)))
    #expect(net.fault == nil, "\(pairs) \(modes)")
  }

  @Test("A ring of 50 switches stands within the time of a BPDU around it and a few seconds")
  func fifty() {
    let pairs = (0..<50).map { ($0, ($0 + 1) % 50) }
    var settings = Self.settings(.rstp)
    // A BPDU may be 40 hops old.
    settings.maxAge = .seconds(40)
    settings.forwardDelay = .seconds(21)
    let net = SwitchNet(50, pairs, settings: { _ in settings })
    #expect(net.run(until: .start + .seconds(10), limit: 1_000_000))
    #expect(net.fault == nil)
  }

  @Test("A cut cable of a ring is bridged by the blocked one within milliseconds")
  func rapidRecovery() {
    let net = SwitchNet(
      4, [(0, 1), (1, 2), (2, 3), (3, 0)], settings: { Self.settings(.rstp, priority: $0 == 0 ? 4096 : 32768) })
    net.run(until: .start + .seconds(8))
    #expect(net.fault == nil)
    net.setUp(0, false)
    net.run(until: net.now + .milliseconds(5))
    #expect(net.fault == nil)
  }

  @Test("A machine's port of the old protocol hears nothing for 30 s, an edge port at once")
  func listeningAndLearning() {
    func heardAt(_ mode: SpanningTreeMode, edge: Bool?) -> [Nanoseconds] {
      var own = SwitchPortSettings()
      own.edge = edge
      let net = SwitchNet(1, [], spare: 2, settings: { _ in Self.settings(mode) }, port: { _ in own })
      let broadcast = [UInt8](repeating: 0xff, count: 6) + [2, 0, 0, 0, 0, 9, 0x88, 0xb5] + [UInt8](repeating: 0, count: 46)
      for tenth in 0..<400 {
        net.run(until: .start + .milliseconds(100 * UInt64(tenth + 1)))
        net.send(broadcast, at: .init(node: 0, port: 0))
      }
      return net.heard.filter { $0.end.port == 1 && $0.bytes[0] == 0xff }.prefix(1).map { $0.at - .start }
    }
    let old = heardAt(.stp, edge: nil).first ?? .zero
    #expect(old > .seconds(29) && old < .milliseconds(31_200), "\(old.rawValue)")
    let found = heardAt(.rstp, edge: nil).first ?? .zero
    #expect(found > .seconds(2) && found < .seconds(4), "\(found)")
    #expect(heardAt(.rstp, edge: true).first == .milliseconds(100))
    #expect(heardAt(.stp, edge: true).first == .milliseconds(100))
  }

  @Test("The BPDU guard shuts a port behind which a switch is, the root guard blocks it while the better root speaks")
  func guards() {
    func state(_ make: (inout SwitchPortSettings) -> Void) -> [TreePortFact] {
      var own = SwitchPortSettings()
      make(&own)
      let net = SwitchNet(
        2, [(0, 1)], settings: { Self.settings(.rstp, priority: $0 == 1 ? 0 : 32768) },
        port: { $0 == .init(node: 0, port: 0) ? own : SwitchPortSettings() })
      net.run(until: .start + .seconds(8))
      return net.switches[0].tree!.rows
    }
    #expect(state { $0.bpduGuard = true }[0].isShut)
    let guarded = state { $0.rootGuard = true }[0]
    #expect(guarded.state == .discarding && !guarded.isShut)
    #expect(state { _ in }[0].role == .root)
  }

  @Test("Whatever comes as a BPDU traps nothing, and the tree stands again when it is over", arguments: 1...20)
  func hostileMessages(seed: UInt64) {
    var stream = RandomStream(seed: seed, owner: "shape", purpose: "hostile")
    let net = SwitchNet(3, [(0, 1), (1, 2), (2, 0)], spare: 2, settings: { _ in Self.settings(.rstp) }, seed: seed)
    net.run(until: .start + .seconds(5))
    for _ in 0..<400 {
      var bytes: [UInt8] = [0x01, 0x80, 0xc2, 0, 0, 0, 2, 0, 0, 0, 0, 77, 0, 39, 0x42, 0x42, 0x03, 0, 0, 2, 2]
      while bytes.count < 14 + Int(stream.next(below: 50)) { bytes.append(UInt8(truncatingIfNeeded: stream.next())) }
      if stream.next(below: 3) == 0, bytes.count > 25 { bytes[Int(stream.next(below: UInt64(bytes.count)))] ^= 0xff }
      net.send(bytes, at: .init(node: Int(stream.next(below: 3)), port: 2 + Int(stream.next(below: 2))))
      #expect(net.run(until: net.now + .milliseconds(stream.next(below: 300))))
    }
    net.run(until: net.now + .seconds(150), limit: 2_000_000)
    #expect(net.fault == nil)
  }
}
