import Testing
import WeftCore
import WeftTopology

@testable import WeftFabric

/// Two VMs of a host with cpus, and a client outside over a cable of 1 ms.
struct CPULab {
  var host = "cpus: 1, speed: 1 GHz"
  var web = "programs: [udp-echo, http-server, {sink: 5001}]"
  /// More VMs.
  var vms = ""
  var client = ""
  var root = "duration: 5 s"
  var events = ""
  var expect = ""

  var text: String {
    """
    name: cpus
    \(root)
    segments: {net: {subnet: 203.0.113.0/24}}
    hosts:
      server: {uplink: net 203.0.113.2, networks: {lan: bridge}, \(host)}
      client: {uplink: {segment: net, address: 203.0.113.9, delay: 1 ms}, programs: [\(client)]}
    vms:
      web: {network: lan, address: 203.0.113.10, \(web)}
    \(vms.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n"))
    events: [\(events)]
    expect: [\(expect)]
    """
  }

  func simulation(captured: Bool = true) throws -> Simulation {
    try Simulation(topology(text), captures: captured ? CaptureOptions(directory: nil) : nil)
  }

  func report() throws -> Report { try run(text) }
}

extension Report {
  func exits(_ name: String) -> [String: UInt64] {
    let found = vcpus.first { $0.name == name }?.exits ?? []
    return Dictionary(found.map { ($0.reason, $0.count) }) { first, _ in first }
  }

  func roundTrips(_ machine: String) -> (least: Nanoseconds, most: Nanoseconds, count: UInt64)? {
    programs.first { $0.machine == machine && $0.report.rtt != nil }?.report.rtt.map { ($0.minimum, $0.maximum, $0.count) }
  }
}
