import Foundation
import KernelLab
import Testing
import WeftCore
import WeftSettings
import WeftSwitch
import WeftWire

/// Our switch and the kernel's in one spanning tree, over two cables: a loop that one of them has to cut.
@Suite struct SpanningTreeVsLinuxTests {
  private struct Link: Decodable {
    var ifname: String
    var state: String
  }

  @Test(
    "A Linux bridge and ours agree on root and blocked port, whoever has the better priority",
    .enabled(if: KernelBridge.obstacle == nil, "\(KernelBridge.obstacle ?? "")"),
    arguments: [(SpanningTreeMode.rstp, UInt16(4096)), (.rstp, 61440), (.stp, 4096), (.stp, 61440)])
  func mixed(mode: SpanningTreeMode, priority: UInt16) async throws {
    let (words, states, ours) = try await onAThread {
      // The quickest that the kernel takes.
      let kernel = try KernelBridge(ports: 2, "stp_state 1 forward_delay 400 hello_time 100 max_age 600 priority 32768")
      var settings = SpanningTreeSettings(mode)
      (settings.priority, settings.hello, settings.maxAge, settings.forwardDelay) = (
        priority, .seconds(1), .seconds(6), .seconds(4)
      )
      var ours = Self.bridge(settings)
      try Self.run(&ours, over: kernel.sockets, for: .seconds(13))
      // Its first port's designated bridge is the root, be it itself or ours: iproute2 says its own identifier for the root's.
      let words = try kernel.box.run(["ip", "-details", "link", "show", "p0"]).split(whereSeparator: \.isWhitespace).map(
        String.init)
      let states = try JSONDecoder().decode(
        [Link].self, from: Data(kernel.box.run(["bridge", "-json", "link", "show"]).utf8)
      ).map(\.state)
      return (words, states, ours.tree)
    }
    let tree = try #require(ours)
    let place = try #require(words.firstIndex(of: "designated_bridge"))
    #expect(Self.identifier(words[place + 1]) == tree.root)
    #expect(tree.isRoot == (priority < 32768))
    // The root forwards on both; the other blocks one of its two.
    #expect(tree.rows.count { $0.state == .forwarding } == (priority < 32768 ? 2 : 1), "\(tree.rows)")
    #expect(states.count { $0 == "forwarding" } == (priority < 32768 ? 1 : 2), "\(states)")
    #expect(states.count { $0 == "blocking" } == (priority < 32768 ? 1 : 0), "\(states)")
  }

  private static func bridge(_ settings: SpanningTreeSettings) -> VirtualSwitch {
    var bridge = VirtualSwitch(ports: 2)
    bridge.setTree(
      settings, mac: MACAddress(rawValue: 0x02_00_00_00_00_77), rates: [10_000_000_000, 10_000_000_000], start: .start,
      phase: .milliseconds(500))
    return bridge
  }

  /// `8000.2:0:0:0:0:77`, as iproute2 writes it.
  private static func identifier(_ text: String) -> BridgeIdentifier? {
    let parts = text.split(separator: ".")
    guard parts.count == 2, let priority = UInt16(parts[0], radix: 16) else { return nil }
    let octets = parts[1].split(separator: ":").compactMap { UInt64($0, radix: 16) }
    guard octets.count == 6 else { return nil }
    return BridgeIdentifier(priority: priority, mac: MACAddress(rawValue: octets.reduce(0) { $0 << 8 | $1 }))
  }

  /// In real time.
  private static func run(_ ours: inout VirtualSwitch, over sockets: [PacketSocket], for time: Duration) throws {
    let begun = ContinuousClock.now
    let pool = FramePool()
    while ContinuousClock.now - begun < time {
      let now = Instant(UInt64((ContinuousClock.now - begun) / .nanoseconds(1)))
      var out = Effects(pool: pool)
      if ours.deadline <= now { ours.wake(now: now, &out) }
      for (port, socket) in sockets.enumerated() {
        while let bytes = try socket.receive() { ours.receive(pool.frame(bytes), on: PortIndex(port), now: now, &out) }
      }
      try send(&out, over: sockets)
      usleep(2_000)
    }
  }

  private static func send(_ out: inout Effects, over sockets: [PacketSocket]) throws {
    for index in 0..<out.count {
      let entry = out[index]
      if entry.verdict == .transmit { try sockets[entry.port.index].transmit(entry.frame.withBytes { $0.array }) }
      _ = Frame(stored: entry.frame)
    }
    out.observations = []
    out.removeAll()
  }

  /// The state of a port after `rstp/show`'s table: name, role, state, cost, priority.
  private static func states(_ text: String) -> [String] {
    text.split(separator: "\n").compactMap { line in
      let words = line.split(whereSeparator: \.isWhitespace)
      guard words.count >= 3, words[0].hasPrefix("p"), words[0].dropFirst().allSatisfy(\.isNumber) else { return nil }
      return String(words[2])
    }
  }

  @Test(
    "Open vSwitch's rapid spanning tree and ours block the right port within seconds",
    .enabled(if: OpenVSwitch.obstacle == nil, "\(OpenVSwitch.obstacle ?? "")"), arguments: [UInt16(4096), 61440])
  func openVSwitch(priority: UInt16) async throws {
    let (shown, ours) = try await onAThread {
      let judge = try OpenVSwitch(ports: 2, "rstp_enable=true other_config:rstp-priority=32768")
      var settings = SpanningTreeSettings(.rstp)
      settings.priority = priority
      var ours = Self.bridge(settings)
      try Self.run(&ours, over: judge.sockets, for: .seconds(10))
      return (try judge.ask("rstp/show br0"), ours.tree)
    }
    let tree = try #require(ours)
    #expect(tree.isRoot == (priority < 32768), "\(shown)")
    #expect(shown.contains("This bridge is the root") == (priority > 32768), "\(shown)")
    #expect(tree.rows.count { $0.state == .forwarding } == (priority < 32768 ? 2 : 1), "\(tree.rows)")
    #expect(Self.states(shown).count { $0 == "Forwarding" } == (priority < 32768 ? 1 : 2), "\(shown)")
  }
}

/// In real time, which tests that wait for their turn on the pool don't have: on a thread of its own, with the test waiting.
private func onAThread<Value: Sendable>(_ body: @escaping @Sendable () throws -> Value) async throws -> Value {
  try await withCheckedThrowingContinuation { (done: CheckedContinuation<Value, any Error>) in
    Thread { done.resume(with: Result { try body() }) }.start()
  }
}
