// Rows of KeyEffectTests: standbys, and what hosts take.

extension KeyEffect {
  private static let hosts = """
    h1: {uplink: wan 203.0.113.21, networks: {l1: bridge}}
      h2: {uplink: wan 203.0.113.22, networks: {l2: bridge}}
      h3: {uplink: wan 203.0.113.23, networks: {l3: bridge}}
    """

  private static func standby(_ key: String, _ before: String, _ after: String) -> KeyEffect {
    func vm(_ keys: String) -> String {
      "m: {network: l1, address: 203.0.113.31, memory: 1 MiB, programs: [{ping: {to: srv, count: 100, interval: 7 ms}}]\(keys)}"
    }
    return .init(key, in: "vms", vm(before), vm(after), ["hosts": hosts, "root": "duration: 2 s"])
  }

  private static func group(_ keys: String) -> String {
    "groups: {m: {count: 1, name: m, network: l1, address: 203.0.113.31, memory: 1 MiB\(keys)}}\nduration: 2 s"
  }

  private static func power(_ key: String, _ before: String, _ after: String) -> KeyEffect {
    .init(key, in: "host", before, after)
  }

  private static func energy(_ key: String, _ before: String, _ after: String) -> KeyEffect {
    .init(
      key, in: "expect", "{name: d, energy: \(before), at: 2 s, within: 0 s}",
      "{name: d, energy: \(after), at: 2 s, within: 0 s}",
      [
        "host": "power: {idle: 100 W, peak: 200 W}", "root": "duration: 3 s",
        "hosts": "h1: {uplink: wan 203.0.113.21, power: {idle: 10 W, peak: 20 W}}",
      ])
  }

  static let standbys: [KeyEffect] = [
    standby("vm.standby", "", ", standby: {host: h2}"),
    .init("group.standby", in: "root", group(""), group(", standby: {host: h2}"), ["hosts": hosts]),
    standby("standby.host", ", standby: {host: h2}", ", standby: {host: h3}"),
    standby("standby.epoch", ", standby: {host: h2}", ", standby: {host: h2, epoch: 100 ms}"),
    standby("standby.hold-output", ", standby: {host: h2}", ", standby: {host: h2, hold-output: false}"),
    standby("standby.copy", ", standby: {host: h2}", ", standby: {host: h2, copy: 100 us}"),
    power("host.power", "", "power: {idle: 100 W, peak: 200 W}"),
    power("power.idle", "power: {idle: 100 W, peak: 200 W}", "power: {idle: 110 W, peak: 200 W}"),
    power("power.peak", "power: {idle: 100 W, peak: 200 W}", "power: {idle: 100 W, peak: 210 W}"),
    energy("expectation.energy", "{at-most: 1 kJ}", "{at-most: 1 J}"),
    energy("energy.host", "{host: box, at-most: 100 J}", "{host: h1, at-most: 100 J}"),
    energy("energy.at-most", "{at-most: 1 kJ}", "{at-most: 1 J}"),
    energy("energy.at-least", "{at-least: 1 J}", "{at-least: 1 kJ}"),
  ]
}
