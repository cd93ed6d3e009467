import WeftCore
import WeftSettings
import WeftSwitch
import WeftWire

/// Switches joined by cables that take 1 us, and nothing else.
final class SwitchNet {
  struct End: Hashable { var node: Int, port: Int }
  struct Cable { var a: End, b: End, isUp = true }
  struct Flight { var at: Instant, order: Int, to: End, bytes: [UInt8] }

  let pool = FramePool()
  var switches: [VirtualSwitch] = []
  private(set) var cables: [Cable] = []
  private(set) var now = Instant.start
  private var flights: [Flight] = []
  private var order = 0
  private(set) var delivered = 0
  /// Frames that reach a port without a cable, where machines would be.
  private(set) var heard: [(at: Instant, end: End, bytes: [UInt8])] = []

  /// Each with `ports`, `cables` from switch to switch in the order of their ports, and some ports for machines.
  init(
    _ count: Int, _ pairs: [(Int, Int)], spare: Int = 1, settings: (Int) -> SpanningTreeSettings,
    port: (End) -> SwitchPortSettings = { _ in SwitchPortSettings() }, seed: UInt64 = 1
  ) {
    var next = [Int](repeating: 0, count: count)
    for (a, b) in pairs {
      cables.append(Cable(a: End(node: a, port: next[a]), b: End(node: b, port: next[b] + (a == b ? 1 : 0))))
      next[a] += 1
      next[b] += 1
    }
    var stream = RandomStream(seed: seed, owner: "net", purpose: "test")
    for node in 0..<count {
      var bridge = VirtualSwitch(ports: next[node] + spare)
      for index in 0..<next[node] + spare {
        let own = port(End(node: node, port: index))
        if !own.isEmpty { bridge.setPort(own, on: PortIndex(index)) }
      }
      bridge.setTree(
        settings(node), mac: MACAddress(rawValue: 0x0200_0000_0000 + UInt64(node + 1)), rates: [],
        start: Instant(stream.next(below: 1_000_000)), phase: Nanoseconds(1 + stream.next(below: 999_999_999)))
      switches.append(bridge)
    }
  }

  func cable(_ end: End) -> Int? { cables.firstIndex { $0.a == end || $0.b == end } }

  /// Until `end`, and what is due by then; false where more frames go about than `limit`.
  @discardableResult
  func run(until end: Instant, limit: Int = 200_000) -> Bool {
    var left = limit
    while true {
      let wake = switches.indices.min { switches[$0].deadline < switches[$1].deadline }
      let wakeAt = wake.map { switches[$0].deadline } ?? .never
      let flight = flights.indices.min { (flights[$0].at, flights[$0].order) < (flights[$1].at, flights[$1].order) }
      if let flight, flights[flight].at <= wakeAt {
        guard flights[flight].at <= end else { break }
        left -= 1
        guard left > 0 else { return false }
        let own = flights.remove(at: flight)
        now = own.at
        delivered += 1
        act(own.to.node) { $0.receive(pool.frame(own.bytes), on: PortIndex(own.to.port), now: now, &$1) }
      } else if let wake, wakeAt <= end {
        now = wakeAt
        act(wake) { $0.wake(now: now, &$1) }
      } else {
        break
      }
    }
    now = end
    return true
  }

  func send(_ bytes: [UInt8], at end: End) {
    act(end.node) { $0.receive(pool.frame(bytes), on: PortIndex(end.port), now: now, &$1) }
  }

  func setUp(_ cable: Int, _ isUp: Bool) {
    cables[cable].isUp = isUp
    if !isUp { flights.removeAll { self.cable($0.to) == cable } }
    for end in [cables[cable].a, cables[cable].b] {
      act(end.node) { $0.linkChanged(PortIndex(end.port), up: isUp, now: now, &$1) }
    }
  }

  private func act(_ node: Int, _ body: (inout VirtualSwitch, inout Effects) -> Void) {
    var out = Effects(pool: pool)
    body(&switches[node], &out)
    for index in 0..<out.count {
      let entry = out[index]
      let bytes = entry.frame.withBytes { $0.array }
      switch entry.verdict {
      case .transmit: launch(bytes, from: End(node: node, port: entry.port.index))
      case .flood:
        for port in 0..<switches[node].portCount where port != entry.port.index {
          launch(bytes, from: End(node: node, port: port))
        }
      case .drop: break
      }
      _ = Frame(stored: entry.frame)
    }
    out.observations = []
    out.removeAll()
  }

  private func launch(_ bytes: [UInt8], from end: End) {
    guard let cable = cable(end) else { return heard.append((now, end, bytes)) }
    guard cables[cable].isUp else { return }
    let to = cables[cable].a == end ? cables[cable].b : cables[cable].a
    flights.append(Flight(at: now + .microseconds(1), order: order, to: to, bytes: bytes))
    order += 1
  }

  // MARK: What has come about

  private func row(_ end: End) -> TreePortFact? { switches[end.node].tree?.rows[end.port] }

  /// Which switches reach each other over cables that are up, as group numbers.
  func groups(_ carries: (Cable) -> Bool) -> [Int] {
    var group = Array(switches.indices)
    var hasChanged = true
    while hasChanged {
      hasChanged = false
      for cable in cables where carries(cable) {
        let least = min(group[cable.a.node], group[cable.b.node])
        if group[cable.a.node] != least || group[cable.b.node] != least { hasChanged = true }
        (group[cable.a.node], group[cable.b.node]) = (least, least)
      }
    }
    return group
  }

  func forwards(_ cable: Cable) -> Bool {
    cable.isUp && row(cable.a)?.state == .forwarding && row(cable.b)?.state == .forwarding
  }

  /// What is wrong with the tree, if anything is: all that is joined by cables is joined by the tree, by no more cables than that takes,
  /// and agrees on the least identifier as its root.
  var fault: String? {
    let (physical, active) = (groups(\.isUp), groups(forwards))
    if physical != active { return "apart: \(active), and cables join \(physical)" }
    let count = cables.filter(forwards).count
    let needed = switches.count - Set(physical).count
    if count != needed { return "\(count) cables carry, and \(needed) make a tree" }
    for node in switches.indices {
      let members = switches.indices.filter { physical[$0] == physical[node] }
      let least = members.compactMap { switches[$0].tree?.identifier }.min()
      if switches[node].tree?.root != least { return "switch \(node) takes \(switches[node].tree!.root) for the root" }
    }
    return nil
  }
}
