import Testing
import WeftCore
import WeftSettings
import WeftTopology

@testable import WeftFabric

/// What hosts take, by the model: idle + (peak − idle) × utilisation.
@Suite struct EnergyTests {
  /// Ten hosts, each with a VM that uses 8 % of its cpu.
  private static func lab(_ events: String = "", _ expect: String = "") -> String {
    let hosts = (1...10).map {
      "h\($0): {uplink: campus 10.0.0.\($0), networks: {lan\($0): bridge}, cpus: 1, memory: 16 MiB, power: {idle: 100 W, peak: 250 W}}"
    }
    let vms = (1...10).map {
      "v\($0): {network: lan\($0), address: 10.0.0.\(100 + $0), memory: 1 MiB, programs: [{spin: {duty: 8 %, period: 100 ms}}]}"
    }
    return """
      duration: 6 s
      segments: {campus: {subnet: 10.0.0.0/24, delay: 10 us, rate: 1 Gbit/s}}
      hosts:
        \(hosts.joined(separator: "\n  "))
      vms:
        \(vms.joined(separator: "\n  "))
      events: [\(events)]
      expect: [\(expect)]
      """
  }

  @Test func tenHostsOfEightPercentFitOnOneAndTheEnergyIsTheFormulasToTheMillijoule() throws {
    let checks = """
      {name: one, hosts-in-use: 1, at: 5.5 s, within: 0 s}, {name: less, energy: {at-most: 3.5 kJ}, at: 6 s, within: 0 s},
        {name: one host, energy: {host: h2, at-most: 400 J, at-least: 100 J}, at: 6 s, within: 0 s}
      """
    let report = try run(Self.lab("{at: 1 s, consolidate: {policy: first-fit, off: true}}", checks))
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)") }
    #expect(report.energy.count == 10)
    for host in report.energy {
      let cpus = try #require(report.cpus.first { $0.name == host.host })
      let off = report.hosts.first { $0.name == host.host }?.offAt
      let on = (off ?? report.endedAt) - .start
      // mW · ns, exactly.
      let exact = 100_000 * UInt128(on.rawValue) + 150_000 * UInt128(cpus.ran.rawValue)
      #expect(host.millijoules == UInt64(exact / 1_000_000_000), "\(host)")
      #expect((host.host == "h1") == (off == nil))
    }
    // The one that has them all is busy for 80 % of the time, the others were idle for the most part, then off.
    let all = report.energy.reduce(0) { $0 + $1.millijoules }
    let spread = try run(Self.lab()).energy.reduce(0) { $0 + $1.millijoules }
    // 10 × (100 + 150 × 0.08) W × 6 s.
    #expect(abs(Double(spread) / 6_720_000 - 1) < 0.01, "\(spread)")
    #expect(Double(all) < 0.5 * Double(spread), "\(all)")
  }

  @Test func aHostThatFailsTakesNothingMoreAndOneWithoutCPUsIsIdle() throws {
    let report = try run(
      """
      duration: 4 s
      segments: {campus: {subnet: 10.0.0.0/24}}
      hosts:
        a: {uplink: campus 10.0.0.1, networks: {lan: bridge}, power: {idle: 50 W, peak: 60 W}}
        b: {uplink: campus 10.0.0.2, power: {idle: 1500 mW, peak: 1 kW}}
      vms: {v: {network: lan, address: 10.0.0.9}}
      events: [{at: 1 s, fail-host: a}]
      """)
    #expect(report.energy.map(\.millijoules) == [50_000, 6_000])
    #expect(report.energy[0].line == "a: 50.000 J in 1 s, busy 0.0 % (modelled: 50 W idle, 60 W peak)")
  }

  @Test(arguments: [
    ("power: {idle: 100 W, peak: 90 W}", "\"peak\" is below \"idle\""), ("power: {idle: 100 W}", "\"peak\""),
    ("power: {idle: 100, peak: 200 W}", "needs a unit"), ("power: {idle: 1 W, peak: 2000 kW}", "out of range"),
  ])
  func powerThatCantBeIsAnErrorInItsPlace(power: String, message: String) {
    let text = "segments: {s: {subnet: 10.0.0.0/24}}\nhosts:\n  a: {uplink: s 10.0.0.1, \(power)}\n"
    let found = Topology.load(text: text, file: "t.yaml").diagnostics
    #expect(found.contains { $0.message.contains(message) && $0.line == 3 }, "\(found.map(\.message))")
  }
}
