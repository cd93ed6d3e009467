import Foundation
import Testing
import WeftCore
import WeftTestSupport
import WeftTopology

@testable import WeftFabric

/// Values of a checkpoint's state, one at a time, set to what no run would have put there: an error, or a run that goes
/// on. A trap ends the tests; standing still fails them. A sample of what Fuzz/Mutate/checkpoints does ten thousand times.
@Suite struct CheckpointSweepTests {
  private static let labs = [
    // Fragments, hold-down, expiring sessions, echoes.
    """
    segments: {lan: {subnet: 192.0.2.0/24, delay: 2 ms}}
    hosts:
      h: {uplink: lan 192.0.2.1, networks: {home: {mode: nat, subnet: 10.0.0.0/24, nat: {unsolicited: refuse-late, mtu: 700, limits: {hold-down: 2 s}, timeouts: {udp: 30 ms, icmp: 50 ms}, rules: [{deny: in, protocol: tcp, port: 25}]}}}}
      p: {uplink: lan 192.0.2.9, programs: [udp-echo, tcp-echo, http-server, {stun-server: {other: q}}]}
      q: {uplink: lan 192.0.2.8, programs: [{stun-server: {other: p}}]}
    vms:
      w:
        network: home
        programs:
          - {udp-rate: {to: "p:7", size: 2000, interval: 20 ms}}
          - {ping: {to: p, interval: 15 ms, count: 200, size: 1500}}
          - {http-get: {to: "p:80", count: 100, interval: 8 ms}}
          - {nat-probe: p}
      x: {network: home, rings: {rx: 4}, programs: [{ping: {to: w, interval: 9 ms, count: 100}}]}
    events: [{at: 180 ms, pause: x}, {at: 500 ms, resume: x}]
    expect:
      - {from: p, to: "h:81", is: dropped, at: 190 ms, timeout: 9 s, within: 10 s}
      - {from: w, http: "http://p/", status: 200, at: 196 ms}
      - {from: x, nat: {via: p}, at: 150 ms}
    """,
    """
    segments: {lan: {subnet: 192.0.2.0/24, delay: 3 ms, rate: 2 Mbit/s, loss: 5 %, queue: 6}}
    hosts:
      h: {uplink: lan 192.0.2.1, networks: {private: {mode: host-only, subnet: 10.0.0.0/24}}}
      p: {uplink: lan 192.0.2.9, programs: [{sink: 9}, {rendezvous: 3480}, {tcp-echo: 7}]}
      q: {uplink: lan 192.0.2.8, programs: [{bulk: {to: "p:9", size: 30 kB}}, {syn-flood: {to: "p:9", pps: 50}}]}
    vms:
      v: {network: private, rate: 1 Mbit/s, queue: 2, rings: {tx: 4}, programs: [{udp-rate: {to: "10.0.0.1:9", size: 900, interval: 2 ms}}]}
    expect:
      - {from: h, punch: {peer: q, via: p}, at: 180 ms}
      - {from: q, throughput: {to: "p:9", size: 10 kB}, at: 170 ms}
      - {from: h, idle: {to: "p:7", for: 1 s}, at: 120 ms}
    """,
  ]

  private enum Step: Hashable {
    case key(String)
    case index(Int)
  }

  @Test(arguments: 0..<2, 0..<3) func aDamagedValueIsAnErrorOrARun(lab: Int, part: Int) throws {
    var simulation = try Simulation(topology(Self.labs[lab]))
    simulation.run(until: .start + .milliseconds(200))
    let state = try JSONSerialization.jsonObject(with: JSONEncoder().encode(simulation.image()))
    var kinds: [String: [[Step]]] = [:]
    Self.walk(state, []) { path in
      let kind = path.map { if case .key(let key) = $0 { key } else { "*" } }.joined(separator: "/")
      kinds[kind, default: []].append(path)
    }
    try #require(kinds.count > 200)
    var random = RandomStream(seed: UInt64(lab), owner: "sweep", purpose: "test")
    for (number, kind) in kinds.keys.sorted().enumerated() where number % 9 == part * 3 + lab {
      let paths = kinds[kind] ?? []
      let path = paths[Int(random.next(below: UInt64(paths.count)))]
      let value = Self.values[Int(random.next(below: UInt64(Self.values.count)))]
      Self.resume(Self.replace(state, path[...], value), "\(kind) = \(value)")
    }
  }

  private static var values: [Any] {
    [
      0, 1, 7, 65535, UInt32.max, Int.max, UInt64.max, -1, Int.min, 150_000_000, 1_000_000_000,
    ]
  }

  private static func resume(_ state: Any, _ what: String) {
    guard let data = try? JSONSerialization.data(withJSONObject: state),
      var simulation = try? DamagedCheckpointTests.resume(String(decoding: data, as: UTF8.self))
    else { return }
    let began = simulation.now
    let goesOn = simulation.run(until: began + .milliseconds(300), events: 30_000)
    #expect(!goesOn || simulation.now > began, "\(what): time stands still")
  }

  /// Calls `body` for each number and each truth.
  private static func walk(_ value: Any, _ path: [Step], _ body: ([Step]) -> Void) {
    if let object = value as? [String: Any] {
      for (key, item) in object { walk(item, path + [.key(key)], body) }
    } else if let list = value as? [Any] {
      // Of a frame's octets some.
      for index in stride(from: 0, to: list.count, by: max(1, list.count / 12)) {
        walk(list[index], path + [.index(index)], body)
      }
    } else if value is NSNumber {
      body(path)
    }
  }

  private static func replace(_ value: Any, _ path: ArraySlice<Step>, _ new: Any) -> Any {
    guard let first = path.first else { return new }
    switch first {
    case .key(let key):
      guard var object = value as? [String: Any], let old = object[key] else { return value }
      object[key] = replace(old, path.dropFirst(), new)
      return object
    case .index(let index):
      guard var list = value as? [Any], list.indices.contains(index) else { return value }
      list[index] = replace(list[index], path.dropFirst(), new)
      return list
    }
  }
}
