import Testing
import WeftCapture
import WeftCore
import WeftTopology
import WeftWire

@testable import WeftFabric

/// A key of the file, and two labs that differ in nothing but it: whoever runs them must see a difference.
struct KeyEffect: Sendable, CustomTestStringConvertible {
  /// `table.key`
  var key: String
  /// Where in the lab the key stands.
  var slot: String
  var before: String
  var after: String
  /// What else is in the lab, in both.
  var beside: [String: String]

  init(_ key: String, in slot: String, _ before: String, _ after: String, _ beside: [String: String] = [:]) {
    self.key = key
    self.slot = slot
    self.before = before
    self.after = after
    self.beside = beside
  }

  var testDescription: String { "\(key): \(before) | \(after)" }

  /// A VM behind NAT that asks a server outside; `<…>` are the slots.
  static let template = """
    <root>
    segments: {wan: {subnet: 203.0.113.0/24, <segment>}, <segments>}
    hosts:
      box: {uplink: {segment: wan, address: 203.0.113.2, <uplink>}, networks: {home: {mode: nat, subnet: 10.0.0.0/24, <network>}, <networks>}, <host>}
      srv: {uplink: {segment: wan, address: 203.0.113.9, <server-uplink>}, programs: [http-server, {tcp-echo: 7}, {udp-echo: 7}, {sink: 5001}, <programs>]}
      <hosts>
    vms:
      a: {<a-network>, <vm>}
      b: {network: home, lease: 10.0.0.50, programs: [http-server, {udp-echo: 9}, <b-programs>]}
      <vms>
    events: [<events>]
    expect: [{name: c, <from>, <probe>, <check>}, <expect>]
    """

  func lab(_ value: String) -> String {
    var slots = ["a-network": "network: home", "from": "from: a", "probe": "to: \"srv:80\"", "root": "name: lab"]
    for (slot, text) in beside { slots[slot] = text }
    slots[slot] = value
    var text = Self.template
    for (slot, value) in slots { text = text.replacing("<\(slot)>", with: value) }
    // What is left of slots: `, <x>`, `<x>, `, or a line.
    text = text.replacing(/, <[a-z-]+>/, with: "").replacing(/<[a-z-]+>,? ?/, with: "")
    return text
  }

  /// All that a user can see of a file: its diagnostics, its report, its captures, the connections at each tenth of a
  /// second. What a check asks for is what the file says, and no effect.
  static func seen(_ text: String) throws -> [String] {
    let load = Topology.load(
      text: text, file: "lab.yaml", filterChecker: CaptureFilter.problem, portNames: \.portNames)
    var seen = load.diagnostics.map { "\($0.severity.rawValue): \($0.message) \($0.hint ?? "")" }
    guard let topology = load.topology else { return seen }
    var simulation = try Simulation(topology, captures: CaptureOptions(directory: nil))
    var moment = Instant.start
    var last: [String] = []
    for _ in 0..<300 where !simulation.isOver {
      moment = moment + .milliseconds(100)
      simulation.run(until: moment)
      let lines = simulation.connections(at: simulation.now).map(\.line)
      if lines != last { seen += lines }
      last = lines
    }
    var report = try simulation.finish()
    try simulation.tellFutures(in: &report, captures: { _ in nil }) { future in
      future.run()
      return true
    }
    for index in report.expectations.indices { report.expectations[index].expected = "" }
    seen.append(String(decoding: try encode(report), as: UTF8.self))
    for (port, bytes) in try simulation.captured().sorted(by: { $0.key < $1.key }) {
      var hash: UInt64 = 0xcbf2_9ce4_8422_2325
      for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
      seen.append("\(port): \(hash)")
    }
    return seen
  }
}
