// Rows of KeyEffectTests: guards, attacks, and what is noticed of them.

extension KeyEffect {
  private static func attack(_ keys: String) -> [String: String] {
    ["b-programs": "{attack: {\(keys), start: 500 ms}}", "root": "duration: 4 s"]
  }

  private static let spoof = "kind: arp-spoof, victim: a"
  private static let storm = "kind: broadcast-storm, pps: 500"

  private static func `guard`(_ key: String, _ before: String, _ after: String, _ attack: [String: String]) -> KeyEffect {
    .init(key, in: "network", "guards: {\(before)}", "guards: {\(after)}", attack)
  }

  static let guards: [KeyEffect] =
    [
      .init("network.guards", in: "network", "guards: {}", "guards: {arp-inspection: true}", attack(spoof)),
      .init(
        "vm.guards", in: "vms", "z: {network: home, \(starving)}", "z: {network: home, guards: {dhcp-guard: true}, \(starving)}"),
      .init(
        "nic.guards", in: "vms", "z: {nics: [{network: home}], \(starving)}",
        "z: {nics: [{network: home, guards: {dhcp-guard: true}}], \(starving)}"),
      .init(
        "group.guards", in: "root", "groups: {z: {count: 1, network: home, \(starving)}}",
        "groups: {z: {count: 1, network: home, guards: {dhcp-guard: true}, \(starving)}}"),
      `guard`("guards.port-security", "", "port-security: 1", attack("kind: mac-spoof, victim: a")),
      `guard`(
        "guards.source-guard", "source-guard: false", "source-guard: true", attack("kind: ip-spoof, victim: 10.0.0.9, to: a")),
      `guard`("guards.arp-inspection", "arp-inspection: false", "arp-inspection: true", attack(spoof)),
      `guard`("guards.dhcp-guard", "dhcp-guard: false", "dhcp-guard: true", attack("kind: dhcp-starvation")),
      `guard`("guards.storm-control", "", "storm-control: 100/s", attack(storm)),
      `guard`("guards.isolated", "isolated: false", "isolated: true", ["vm": "programs: [{ping: b}]"]),
      `guard`("guards.rate", "rate: 1 Mbit/s", "rate: 10 kbit/s, burst: 1514", attack(storm)),
      `guard`("guards.burst", "rate: 10 kbit/s, burst: 10 kB", "rate: 10 kbit/s, burst: 2 kB", attack(storm)),
      .init(
        "guards.trusted", in: "vms", "z: {network: home, guards: {trusted: false}, \(starving)}",
        "z: {network: home, guards: {trusted: true}, \(starving)}", ["network": "guards: {dhcp-guard: true}"]),
      `guard`(
        "port-security.macs", "port-security: {macs: 1}", "port-security: {macs: 9}", attack("kind: fdb-flood, count: 20")),
      `guard`(
        "port-security.on-violation", "port-security: {on-violation: drop}", "port-security: {on-violation: shutdown}",
        attack("kind: fdb-flood, count: 20")),
      `guard`("storm-control.broadcast", "storm-control: {broadcast: 400/s}", "storm-control: {broadcast: 50/s}", attack(storm)),
      `guard`(
        "storm-control.multicast", "storm-control: {multicast: 400/s}", "storm-control: {multicast: 1/s, burst: 1}",
        ["b-programs": "{udp-rate: {to: \"239.1.1.1:9\", interval: 10 ms, count: 50}}", "root": "duration: 3 s"]),
      `guard`(
        "storm-control.unknown", "storm-control: {unknown: 400/s}", "storm-control: {unknown: 50/s}",
        attack("kind: fdb-flood, pps: 500")),
      `guard`(
        "storm-control.burst", "storm-control: {broadcast: 50/s, burst: 90}", "storm-control: {broadcast: 50/s, burst: 9}",
        attack(storm)),
      .init(
        "fdb.limit-per-port", in: "network", "fdb: {limit-per-port: 100}", "fdb: {limit-per-port: 5}",
        attack("kind: fdb-flood, count: 50")),
      .init("program.attack", in: "b-programs", "", "{attack: {\(spoof)}}", ["root": "duration: 3 s"]),
      program("kind", storm, "kind: fdb-flood, pps: 500"), program("victim", spoof, "kind: arp-spoof, victim: 10.0.0.9"),
      program("to", spoof, spoof + ", to: a"), program("pps", spoof + ", pps: 10", spoof + ", pps: 20"),
      program("count", spoof + ", count: 10", spoof + ", count: 20"),
      program("start", spoof + ", start: 1 s", spoof + ", start: 2 s"),
      .init("expectation.event", in: "probe", "event: mac-flap", "event: duplicate-address", lab(spoof)),
      .init(
        "event-check.kind", in: "probe", "event: {kind: mac-flap}", "event: {kind: duplicate-address}", lab(spoof)),
      .init(
        "event-check.count", in: "probe", "event: {kind: duplicate-address, count: \">= 1\"}",
        "event: {kind: duplicate-address, count: 0}", lab(spoof)),
      .init(
        "event-check.network", in: "probe", "event: {kind: duplicate-address, network: home}",
        "event: {kind: duplicate-address, network: wan}", lab(spoof)),
    ]

  private static let starving = "programs: [{attack: {kind: dhcp-starvation, count: 20}}]"

  private static func program(_ key: String, _ before: String, _ after: String) -> KeyEffect {
    .init(
      "attack.\(key)", in: "b-programs", "{attack: {\(before)}}", "{attack: {\(after)}}", ["root": "duration: 4 s"])
  }

  /// A check without a machine.
  private static func lab(_ attack: String) -> [String: String] {
    ["from": "at: 3 s", "b-programs": "{attack: {\(attack)}}", "check": "within: 0 s", "root": "duration: 4 s"]
  }
}
