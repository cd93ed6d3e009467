import Foundation
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

  private struct Bridge: Decodable {
    struct Info: Decodable { var info_data: Data }
    struct Data: Decodable {
      var root_id: String
      var bridge_id: String
    }
    var linkinfo: Info
  }

  @Test(
    "A Linux bridge and ours agree on root and blocked port, whoever has the better priority", .timeLimit(.minutes(1)),
    .enabled(if: KernelBridge.obstacle == nil, "\(KernelBridge.obstacle ?? "")"),
    arguments: [(SpanningTreeMode.rstp, UInt16(4096)), (.rstp, 61440), (.stp, 4096), (.stp, 61440)])
  func mixed(mode: SpanningTreeMode, priority: UInt16) async throws {
    // The quickest that the kernel takes.
    let kernel = try KernelBridge(ports: 2, "stp_state 1 forward_delay 400 hello_time 100 max_age 600 priority 32768")
    var settings = SpanningTreeSettings(mode)
    (settings.priority, settings.hello, settings.maxAge, settings.forwardDelay) = (priority, .seconds(1), .seconds(6), .seconds(4))
    var ours = VirtualSwitch(ports: 2)
    ours.setTree(
      settings, mac: MACAddress(rawValue: 0x02_00_00_00_00_77), rates: [10_000_000_000, 10_000_000_000], start: .start,
      phase: .milliseconds(500))
    let begun = ContinuousClock.now
    let pool = FramePool()
    while ContinuousClock.now - begun < .seconds(13) {
      let now = Instant(UInt64((ContinuousClock.now - begun) / .nanoseconds(1)))
      var out = Effects(pool: pool)
      if ours.deadline <= now { ours.wake(now: now, &out) }
      for port in 0..<2 {
        while let bytes = try kernel.sockets[port].receive() {
          ours.receive(pool.frame(bytes), on: PortIndex(port), now: now, &out)
        }
      }
      try Self.send(&out, over: kernel)
      try await Task.sleep(for: .milliseconds(2))
    }
    let tree = try #require(ours.tree)
    let bridges = try JSONDecoder().decode(
      [Bridge].self, from: Data(kernel.box.run(["ip", "-json", "-details", "link", "show", "br0"]).utf8))
    let theirs = try #require(bridges.first?.linkinfo.info_data)
    #expect(Self.identifier(theirs.root_id) == tree.root)
    #expect(tree.isRoot == (priority < 32768))
    #expect((theirs.root_id == theirs.bridge_id) == (priority > 32768))
    let links = try JSONDecoder().decode(
      [Link].self, from: Data(kernel.box.run(["bridge", "-json", "link", "show"]).utf8))
    let theirStates = links.map(\.state)
    let ourStates = tree.rows.map(\.state)
    // The root forwards on both; the other blocks one of its two.
    #expect(ourStates.count { $0 == .forwarding } == (priority < 32768 ? 2 : 1), "\(tree.rows)")
    #expect(theirStates.count { $0 == "forwarding" } == (priority < 32768 ? 1 : 2), "\(theirStates)")
    #expect(theirStates.count { $0 == "blocking" } == (priority < 32768 ? 1 : 0), "\(theirStates)")
  }

  /// `8000.2:0:0:0:0:77`, as iproute2 writes it.
  private static func identifier(_ text: String) -> BridgeIdentifier? {
    let parts = text.split(separator: ".")
    guard parts.count == 2, let priority = UInt16(parts[0], radix: 16) else { return nil }
    let octets = parts[1].split(separator: ":").compactMap { UInt64($0, radix: 16) }
    guard octets.count == 6 else { return nil }
    return BridgeIdentifier(priority: priority, mac: MACAddress(rawValue: octets.reduce(0) { $0 << 8 | $1 }))
  }

  private static func send(_ out: inout Effects, over kernel: KernelBridge) throws {
    for index in 0..<out.count {
      let entry = out[index]
      if entry.verdict == .transmit { try kernel.sockets[entry.port.index].transmit(entry.frame.withBytes { $0.array }) }
      _ = Frame(stored: entry.frame)
    }
    out.observations = []
    out.removeAll()
  }
}
