import Foundation

// Rows of KeyEffectTests: hosts' and VMs' memory, migrations, placement, and what fails.

extension KeyEffect {
  /// Two hosts, and a VM between them.
  private static let hosts = """
    h1: {uplink: wan 203.0.113.21, networks: {l1: bridge}}
      h2: {uplink: wan 203.0.113.22, networks: {l2: bridge}}
      h3: {uplink: wan 203.0.113.23, networks: {l3: bridge, m3: isolated}}
    """
  /// With a way of their own between the first two.
  private static let linked = hosts.replacingOccurrences(of: "h1: {", with: "h1: {links: {far: 198.51.100.1}, ")
    .replacingOccurrences(of: "h2: {", with: "h2: {links: {far: 198.51.100.2}, ")
  private static func beside(_ vm: String, _ more: [String: String] = [:]) -> [String: String] {
    let vms = "m: {network: l1, address: 203.0.113.31, memory: 1 MiB, \(vm)}"
    return ["hosts": hosts, "vms": vms, "root": "duration: 6 s"].merging(more) { $1 }
  }

  private static let dirty = "programs: [{dirty: {rate: 100/s, set: 512 KiB}}]"
  private static let slow = "max-bandwidth: 512 KiB/s"

  private static func migrate(_ key: String, _ before: String, _ after: String, _ vm: String = dirty) -> KeyEffect {
    func event(_ keys: String) -> String { "{at: 1 s, migrate: {vm: m, \(keys)}}" }
    return .init(key, in: "events", event(before), event(after), beside(vm))
  }

  private static func program(_ key: String, _ before: String, _ after: String) -> KeyEffect {
    func vm(_ keys: String) -> String {
      "m: {network: l1, address: 203.0.113.31, memory: 1 MiB, programs: [{dirty: {\(keys)}}]}"
    }
    return .init(
      key, in: "vms", vm(before), vm(after),
      ["hosts": hosts, "root": "duration: 6 s", "events": "{at: 1 s, migrate: {vm: m, to: h2, \(slow)}}"])
  }

  private static let moved = ["events": "{at: 1 s, migrate: {vm: m, to: h2}}"]

  private static func check(_ key: String, _ before: String, _ after: String) -> KeyEffect {
    .init(key, in: "probe", before, after, beside("programs: [http-server]", moved.merging(["from": "vm: m"]) { $1 }))
  }

  private static let isFailing = "{at: 1 s, fail-host: h1}"

  static let migrations: [KeyEffect] = [
    .init("event.migrate", in: "events", "", "{at: 1 s, migrate: {vm: m, to: h2}}", beside(dirty)),
    migrate("migrate.to", "to: h2", "to: h3"),
    .init(
      "migrate.vm", in: "events", "{at: 1 s, migrate: {vm: m, to: h2}}", "{at: 1 s, migrate: {vm: n, to: h2}}",
      beside("programs: []}\n  n: {network: l1, address: 203.0.113.32, memory: 1 MiB")),
    migrate(
      "migrate.policy", "to: h2, rounds: 1, downtime-limit: 1 ms, \(slow)",
      "to: h2, rounds: 1, downtime-limit: 1 ms, \(slow), policy: force"),
    migrate("migrate.downtime-limit", "to: h2, downtime-limit: 10 ms, \(slow)", "to: h2, downtime-limit: 400 ms, \(slow)"),
    migrate("migrate.max-bandwidth", "to: h2", "to: h2, \(slow)"),
    migrate(
      "migrate.rounds", "to: h2, policy: force, downtime-limit: 1 ms, \(slow), rounds: 1",
      "to: h2, policy: force, downtime-limit: 1 ms, \(slow), rounds: 2"),
    migrate("migrate.activation", "to: h2", "to: h2, activation: 40 ms"),
    .init(
      "migrate.via", in: "events", "{at: 1 s, migrate: {vm: m, to: h2}}", "{at: 1 s, migrate: {vm: m, to: h2, via: far}}",
      beside(dirty, ["hosts": linked, "segments": "far: {subnet: 198.51.100.0/24, rate: 2 Mbit/s}"])),
    .init(
      "host.links", in: "host", "", "links: {far: 198.51.100.7}", ["segments": "far: {subnet: 198.51.100.0/24}"]),
    migrate("migrate.adaptive-rate", "to: h2, \(slow)", "to: h2, \(slow), adaptive-rate: {}"),
    migrate("adaptive-rate.from", "to: h2, adaptive-rate: {from: 4 Mbit/s}", "to: h2, adaptive-rate: {from: 8 Mbit/s}"),
    migrate(
      "adaptive-rate.to", "to: h2, adaptive-rate: {from: 4 Mbit/s, step: 1 Mbit/s, to: 4 Mbit/s, rest: 0 B}",
      "to: h2, adaptive-rate: {from: 4 Mbit/s, step: 1 Mbit/s, to: 20 Mbit/s, rest: 0 B}"),
    migrate(
      "adaptive-rate.step", "to: h2, adaptive-rate: {from: 4 Mbit/s, to: 20 Mbit/s, step: 1 Mbit/s, rest: 0 B}",
      "to: h2, adaptive-rate: {from: 4 Mbit/s, to: 20 Mbit/s, step: 19 Mbit/s, rest: 0 B}"),
    migrate(
      "adaptive-rate.rest", "to: h2, adaptive-rate: {from: 4 Mbit/s, rest: 0 B}",
      "to: h2, adaptive-rate: {from: 4 Mbit/s, rest: 4 MiB}"),
    migrate("migrate.networks", "to: h3", "to: h3, networks: {l1: m3}"),
    .init(
      "event.cancel-migration", in: "events", "{at: 1 s, migrate: {vm: m, to: h2, \(slow)}}",
      "{at: 1 s, migrate: {vm: m, to: h2, \(slow)}}, {at: 1.5 s, cancel-migration: m}", beside(dirty)),
    .init("program.dirty", in: "b-programs", "", "{dirty: {}}"),
    program("dirty.rate", "rate: 10/s, set: 512 KiB", "rate: 100/s, set: 512 KiB"),
    program("dirty.start", "set: 512 KiB, start: 500 ms", "set: 512 KiB, start: 1500 ms"),
    program("dirty.set", "set: 128 KiB", "set: 512 KiB"), program("dirty.fill", "set: 4096", "set: 4096, fill: 1 MiB"),
    program(
      "dirty.instructions", "rate: fastest, set: 512 KiB, instructions: 10000000",
      "rate: fastest, set: 512 KiB, instructions: 100000000"),
    .init(
      "vm.memory", in: "vms", "m: {network: l1, address: 203.0.113.31, memory: 1 MiB}",
      "m: {network: l1, address: 203.0.113.31, memory: 2 MiB}", ["hosts": hosts].merging(moved) { $1 }),
    .init(
      "group.memory", in: "root", "groups: {m: {count: 1, name: m, network: l1, address: 203.0.113.31, memory: 1 MiB}}",
      "groups: {m: {count: 1, name: m, network: l1, address: 203.0.113.31, memory: 2 MiB}}",
      ["hosts": hosts].merging(moved) { $1 }),
    .init("host.memory", in: "host", "memory: 1 GiB", "memory: 200 MiB"),
    check("expectation.downtime", "downtime: < 1 s", "downtime: < 1 ns"),
    check("time-bounds.at-most", "downtime: {at-most: 1 s}", "downtime: {at-most: 1 ns}"),
    check("time-bounds.at-least", "downtime: {at-least: 1 ns}", "downtime: {at-least: 1 s}"),
    check("expectation.alive-on", "alive-on: h2", "alive-on: h3"),
    check("alive-on.host", "alive-on: {host: h2}", "alive-on: {host: h3}"),
    .init(
      "expectation.connection-survives", in: "probe", "connection-survives: \"srv:5001\"", "connection-survives: \"srv:5002\"",
      [
        "from": "vm: b", "b-programs": "{bulk: {to: \"srv:5001\", size: 500 MB}}", "root": "duration: 4 s",
        "segment": "rate: 10 Mbit/s",
      ]),
    .init(
      "connection-survives.to", in: "probe", "connection-survives: {to: \"srv:5001\"}", "connection-survives: {to: \"srv:5002\"}",
      [
        "from": "vm: b", "b-programs": "{bulk: {to: \"srv:5001\", size: 500 MB}}", "root": "duration: 4 s",
        "segment": "rate: 10 Mbit/s",
      ]),
    .init("event.drain", in: "events", "", "{at: 1 s, drain: h1}", beside("")),
    .init("drain.host", in: "events", "{at: 1 s, drain: {host: h1}}", "{at: 1 s, drain: {host: h2}}", beside("")),
    .init(
      "drain.policy", in: "events", "{at: 1 s, drain: {host: h1}}", "{at: 1 s, drain: {host: h1, policy: spread}}",
      beside("}\n  n: {network: l2, address: 203.0.113.32, memory: 1 MiB")),
    .init(
      "event.consolidate", in: "events", "", "{at: 1 s, consolidate: {}}",
      beside("}\n  n: {network: l2, address: 203.0.113.32, memory: 2 MiB")),
    .init(
      "consolidate.policy", in: "events", "{at: 1 s, consolidate: {}}", "{at: 1 s, consolidate: {policy: best-fit}}",
      [
        "root": "duration: 6 s", "vms": "m: {network: l1, address: 203.0.113.31, memory: 1 MiB}",
        "hosts": hosts.replacingOccurrences(of: "h2: {", with: "h2: {memory: 1 MiB, "),
      ]),
    .init(
      "consolidate.off", in: "events", "{at: 1 s, consolidate: {}}", "{at: 1 s, consolidate: {off: true}}",
      beside(
        "}\n  n: {network: l2, address: 203.0.113.32, memory: 2 MiB",
        ["expect": "{name: d, from: srv, ping: 203.0.113.22, at: 5 s, within: 0 s}"])),
    .init(
      "host.overcommit", in: "host", "memory: 200 MiB, overcommit: balloon", "memory: 200 MiB, overcommit: refuse"),
    .init("vm.start-order", in: "vm", "start-order: 1", "start-order: 3"),
    .init(
      "group.start-order", in: "root", "groups: {g: {count: 1, network: home, start-order: 1}}",
      "groups: {g: {count: 1, network: home, start-order: 3}}"),
    .init("event.fail-host", in: "events", "", isFailing, beside("programs: [http-server]")),
    .init(
      "vm.on-host-failure", in: "vms", "m: {network: l1, address: 203.0.113.31}",
      "m: {network: l1, address: 203.0.113.31, on-host-failure: restart}",
      ["hosts": hosts, "events": isFailing, "root": "duration: 4 s"]),
    .init(
      "group.on-host-failure", in: "root", "groups: {m: {count: 1, name: m, network: l1, address: 203.0.113.31}}\nduration: 4 s",
      "groups: {m: {count: 1, name: m, network: l1, address: 203.0.113.31, on-host-failure: restart}}\nduration: 4 s",
      ["hosts": hosts, "events": isFailing]),
    .init(
      "expectation.hosts-in-use", in: "expect", "{name: d, hosts-in-use: 1}", "{name: d, hosts-in-use: 2}"),
  ]
}
