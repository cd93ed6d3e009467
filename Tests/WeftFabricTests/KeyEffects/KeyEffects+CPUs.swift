// Rows of KeyEffectTests: cpus, of hosts and of VMs, and what they cost.

extension KeyEffect {
  private static let hog = "c: {network: home, lease: 10.0.0.60, programs: [spin]}"
  private static let short = "duration: 3 s"
  private static let scheduled = ["host": "cpus: 1", "vms": hog, "root": short, "probe": "ping: b"]

  private static func host(_ key: String, _ before: String, _ after: String, _ more: [String: String] = [:]) -> KeyEffect {
    .init(key, in: "host", before, after, ["vms": hog, "root": short, "probe": "ping: b"].merging(more) { $1 })
  }

  private static func vm(_ key: String, _ before: String, _ after: String) -> KeyEffect {
    .init(key, in: "vm", before, after, scheduled)
  }

  private static func cost(_ key: String, _ before: String, _ after: String, _ more: [String: String] = [:]) -> KeyEffect {
    .init(
      "costs.\(key)", in: "root", "\(short)\ncosts: {\(key): \(before)}", "\(short)\ncosts: {\(key): \(after)}",
      ["host": "cpus: 2", "probe": "ping: b"].merging(more) { $1 })
  }

  private static func look(_ key: String, _ before: String, _ after: String) -> KeyEffect {
    .init(
      key, in: "probe", before, after, ["host": "cpus: 1", "vms": hog, "root": short, "from": "vm: b", "programs": "{ping: b}"])
  }

  /// Its peer's cable may be cut: then a system ends only as its time does.
  private static func system(_ key: String, _ before: String, _ after: String) -> KeyEffect {
    .init(
      key, in: "events", before, after,
      [
        "host": "cpus: 1, hypervisor: none", "root": short, "vm": "autostart: false", "segment": "rate: 10 Mbit/s",
        "b-programs": "{bulk: {to: \"srv:5001\", size: 500 MB}}", "probe": "ping: srv",
        "vms": "c: {network: home, autostart: false}, d: {network: home, autostart: false}".replacing(", d", with: "\n  d"),
      ])
  }

  private static func group(_ key: String, _ before: String, _ after: String) -> KeyEffect {
    func lab(_ keys: String) -> String {
      "\(short)\ngroups: {x: {count: 2, network: home, programs: [spin, {ping: srv}], \(keys)}}"
    }
    return .init("group.\(key)", in: "root", lab("\(key): \(before)"), lab("\(key): \(after)"), ["host": "cpus: 2", "vms": hog])
  }

  static let cpus: [KeyEffect] = [
    group("vcpus", "1", "2"), group("weight", "256", "512"), group("cap", "100 %", "20 %"),
    group("execution", "paravirtual", "emulation"), group("nic-model", "virtio", "e1000"),
    host("host.cpus", "", "cpus: 1", ["vms": ""]), host("host.speed", "cpus: 1, speed: 1 GHz", "cpus: 1, speed: 2 GHz"),
    host("host.hypervisor", "cpus: 1, hypervisor: type1", "cpus: 1, hypervisor: type2"),
    host("hypervisor.type1", "cpus: 1, hypervisor: {type1: {}}", "cpus: 1, hypervisor: {type1: {driver-domain: c}}"),
    host(
      "type1.driver-domain", "cpus: 1, hypervisor: {type1: {driver-domain: a}}",
      "cpus: 1, hypervisor: {type1: {driver-domain: c}}"),
    host("host.scheduler", "cpus: 1", "cpus: 1, scheduler: {boost: false}"),
    host(
      "scheduler.slice", "cpus: 1, scheduler: {boost: false, slice: 30 ms}", "cpus: 1, scheduler: {boost: false, slice: 5 ms}"),
    host("scheduler.boost", "cpus: 1, scheduler: {boost: true}", "cpus: 1, scheduler: {boost: false}"),
    host("scheduler.ratelimit", "cpus: 1, scheduler: {ratelimit: 0 s}", "cpus: 1, scheduler: {ratelimit: 7 ms}"),
    host(
      "scheduler.accounting", "cpus: 1, scheduler: {ratelimit: 0 s, accounting: exact}",
      "cpus: 1, scheduler: {ratelimit: 0 s, accounting: sampled}", ["vm": "programs: [{spin: {duty: 95 %}}]"]),
    .init(
      "vm.vcpus", in: "vm", "vcpus: 1, programs: [spin]", "vcpus: 2, programs: [spin]",
      ["host": "cpus: 2", "root": short, "probe": "ping: b"]),
    vm("vm.weight", "weight: 256, programs: [spin]", "weight: 512, programs: [spin]"),
    vm("vm.cap", "programs: [spin]", "cap: 20 %, programs: [spin]"),
    vm("vm.execution", "execution: paravirtual", "execution: emulation"),
    vm("vm.nic-model", "nic-model: virtio", "nic-model: e1000"),
    .init("topology.costs", in: "root", short, "\(short)\ncosts: {hypervisor: 2 us}", ["host": "cpus: 1"]),
    cost("exit-light", "1 us", "2 us"), cost("exit-heavy", "1 us", "2 us", ["vm": "nic-model: e1000"]),
    cost("hypercall", "1 us", "2 us"), cost("translation", "7", "70", ["vm": "execution: emulation"]),
    cost("emulated-access", "200", "300", ["vm": "execution: emulation"]), cost("guest-receive", "1000", "2000"),
    cost("guest-send", "1000", "2000"), cost("guest-timer", "1000", "2000"), cost("hypervisor", "1 us", "2 us"),
    cost("driver-domain", "1000", "2000", ["host": "cpus: 2, hypervisor: {type1: {driver-domain: b}}"]),
    cost("host-wakeup", "1 us", "2 us", ["host": "cpus: 2, hypervisor: type2"]),
    cost("host-process", "1 us", "2 us", ["host": "cpus: 2, hypervisor: type2"]),
    .init(
      "cost-time.value", in: "root", "\(short)\ncosts: {hypervisor: {value: 1 us}}",
      "\(short)\ncosts: {hypervisor: {value: 2 us}}",
      ["host": "cpus: 1"]),
    .init(
      "cost-time.source", in: "root", "\(short)\ncosts: {hypervisor: {value: 1 us, source: one}}",
      "\(short)\ncosts: {hypervisor: {value: 1 us, source: other}}", ["host": "cpus: 1"]),
    .init(
      "cost-count.value", in: "root", "\(short)\ncosts: {guest-send: {value: 10}}", "\(short)\ncosts: {guest-send: {value: 20}}",
      ["host": "cpus: 1"]),
    .init(
      "cost-count.source", in: "root", "\(short)\ncosts: {guest-send: {value: 10, source: one}}",
      "\(short)\ncosts: {guest-send: {value: 10, source: other}}", ["host": "cpus: 1"]),
    system("event.boot-into", "", "{at: 1 s, boot-into: c}"),
    system("boot-into.vm", "{at: 1 s, boot-into: {vm: c}}", "{at: 1 s, boot-into: {vm: d}}"),
    system("boot-into.boot", "{at: 1 s, boot-into: {vm: c}}", "{at: 1 s, boot-into: {vm: c, boot: 500 ms}}"),
    system(
      "boot-into.timeout", "{at: 1 s, link-down: srv.uplink}, {at: 1.1 s, boot-into: {vm: c, timeout: 500 ms}}",
      "{at: 1 s, link-down: srv.uplink}, {at: 1.1 s, boot-into: {vm: c, timeout: 1 s}}"),
    .init("program.spin", in: "b-programs", "", "spin", scheduled),
    .init("spin.duty", in: "b-programs", "{spin: {duty: 10 %}}", "{spin: {duty: 20 %}}", scheduled),
    .init(
      "spin.period", in: "b-programs", "{spin: {duty: 10 %, period: 10 ms}}", "{spin: {duty: 10 %, period: 30 ms}}", scheduled),
    .init("spin.start", in: "b-programs", "{spin: {start: 100 ms}}", "{spin: {start: 1 s}}", scheduled),
    look("expectation.exits", "exits: {at-least: 1}", "state: running"),
    look("expectation.steal", "steal: \"< 50 %\"", "state: running"),
    look("expectation.ran", "ran: \"> 1 ns\"", "state: running"),
    look("exits.reason", "exits: {reason: kick, at-least: 1}", "exits: {reason: tx-doorbell, at-least: 1}"),
    look("exits.equals", "exits: {reason: icr-read, equals: 0}", "exits: {reason: icr-read, equals: 1000}"),
    look("exits.at-most", "exits: {at-most: 0}", "exits: {at-most: 100000}"),
    look("exits.at-least", "exits: {at-least: 0}", "exits: {at-least: 100000}"),
    look("steal.at-most", "steal: {at-most: 100 %}", "steal: {at-most: 0 %}"),
    look("steal.at-least", "steal: {at-least: 0 %}", "steal: {at-least: 99 %}"),
    look("ran.at-most", "ran: {at-most: 1 ns}", "ran: {at-most: 1 h}"),
    look("ran.at-least", "ran: {at-least: 1 ns}", "ran: {at-least: 1 h}"),
  ]
}
