// Rows of KeyEffectTests: disks and pools, programs that use them, backups, and checks of what is stored.

extension KeyEffect {
  private static let plain = "disks: [{name: r, size: 1 GiB}]"
  private static let store = "\(plain), programs: [kv-store]"
  private static let puts = "{http-put: {to: \"a:80\", count: 20, interval: 20 ms, size: 3000}}"
  private static let ofA = ["from": "vm: a"]

  private static func disk(
    _ key: String, _ before: String, _ after: String, events: String = "", puts: String = puts, _ beside: [String: String] = [:]
  ) -> KeyEffect {
    func text(_ disk: String) -> String {
      let name = disk.contains("name:") ? "" : "name: r, "
      return "disks: [{\(name)\(disk)}], programs: [kv-store]"
    }
    var slots = ["b-programs": puts]
    if !events.isEmpty { slots["events"] = events }
    return .init(key, in: "vm", text(before), text(after), slots.merging(beside) { $1 })
  }

  private static func program(_ key: String, _ before: String, _ after: String, _ beside: [String: String] = [:]) -> KeyEffect {
    .init(
      key, in: "vm", "disks: [{name: r, size: 1 GiB}, {name: s, size: 1 GiB}], programs: [{kv-store: {\(before)}}]",
      "disks: [{name: r, size: 1 GiB}, {name: s, size: 1 GiB}], programs: [{kv-store: {\(after)}}]",
      ["b-programs": puts].merging(beside) { $1 })
  }

  private static func put(_ key: String, _ before: String, _ after: String) -> KeyEffect {
    func text(_ keys: String) -> String { "{http-put: {\(keys.contains("to:") ? "" : "to: \"a:80\", ")\(keys)}}" }
    return .init(key, in: "b-programs", text(before), text(after), ["vm": store])
  }

  /// Of a VM whose disk is in a pool, with another pool beside it, and a second host with one.
  private static func storage(_ key: String, _ before: String, _ after: String, _ beside: [String: String] = [:]) -> KeyEffect {
    let slots = [
      "host": "pools: {p: {}, v: {rate: 1 Mbit/s}}", "vm": "disks: [{name: r, size: 1 GiB, pool: p}], programs: [kv-store]",
      "b-programs": puts, "root": "duration: 8 s",
      "hosts": "other: {networks: {o: {mode: isolated, subnet: 10.9.0.0/24}}, pools: {v: {}, w: {}}}",
    ]
    return .init(key, in: "events", before, after, slots.merging(beside) { $1 })
  }

  private static let copied = "{at: 2 s, backup: {vm: a, to: v}}"
  private static let off = copied + ", {at: 4 s, stop: a}"

  private static func check(
    _ key: String, _ before: String, _ after: String, events: String = "{at: 500 ms, snapshot: {vm: a, name: s}}"
  )
    -> KeyEffect
  {
    .init(
      key, in: "probe", before, after,
      ofA.merging(["vm": store, "b-programs": puts, "events": events, "host": "pools: {v: {}}", "check": "at: 3 s, within: 0 s"])
      { $1 })
  }

  static let disks: [KeyEffect] = [
    .init("vm.disks", in: "vm", "programs: []", plain),
    .init(
      "group.disks", in: "root", "groups: {x: {count: 1, network: home}}", "groups: {x: {count: 1, network: home, \(plain)}}"),
    .init("vm.from", in: "vms", "x: {network: home}", "x: {from: none.vm}"),
    .init("vm.networks", in: "vms", "x: {network: home}", "x: {network: home, networks: {a: home}}"),
    .init(
      "group.from", in: "root", "groups: {x: {count: 1, network: home}}", "groups: {x: {count: 1, network: home, from: x.vm}}"),
    .init(
      "group.networks", in: "root", "groups: {x: {count: 1, network: home}}",
      "groups: {x: {count: 1, network: home, networks: {a: home}}}"),
    .init(
      "host.pools", in: "host", "pools: {p: {}}", "pools: {q: {}, p: {}}", ["vm": plain, "events": "{at: 1 s, fail-media: p}"]),
    .init("pool.size", in: "host", "pools: {p: {size: 2 GiB}}", "pools: {p: {size: 1 MiB}}", ["vm": plain]),
    .init(
      "pool.rate", in: "host", "pools: {p: {}, v: {}}", "pools: {p: {}, v: {rate: 1 Mbit/s}}", ["vm": store, "events": copied]),
    disk("disk.name", "name: r, size: 1 GiB", "name: s, size: 1 GiB"),
    disk("disk.size", "size: 1 GiB", "size: 2 GiB"),
    disk(
      "disk.pool", "size: 1 GiB, pool: p", "size: 1 GiB, pool: q", events: "{at: 1 s, fail-media: p}",
      ["host": "pools: {p: {}, q: {}}"]),
    disk(
      "disk.cache", "size: 1 GiB, rate: 2 kB/s, cache: write-back", "size: 1 GiB, rate: 2 kB/s, cache: write-through",
      events: "{at: 1 s, stop: a}"),
    disk("disk.flush", "size: 1 GiB", "size: 1 GiB, flush: ignored", events: "{at: 1 s, stop: a}"),
    disk("disk.rate", "size: 1 GiB, rate: 1 MB/s", "size: 1 GiB, rate: 10 kB/s"),
    disk("disk.image", "size: 1 GiB", "size: 1 GiB, image: none.qcow2"),
    .init("program.kv-store", in: "vm", plain, store),
    .init("program.http-put", in: "b-programs", "{ping: srv}", puts, ["vm": store]),
    program("kv-store.port", "port: 80", "port: 81"), program("kv-store.disk", "disk: r", "disk: s"),
    program("kv-store.write-back", "port: 80", "write-back: 500 ms"),
    program("kv-store.journal", "journal: log", "journal: none"),
    program("kv-store.start", "start: 0", "start: 9 s", ["root": "duration: 3 s"]),
    put("http-put.to", "to: \"a:80\"", "to: \"a:81\""), put("http-put.path", "path: /x", "path: /y"),
    put("http-put.size", "size: 100", "size: 200"), put("http-put.count", "count: 2", "count: 3"),
    put("http-put.keys", "count: 9, interval: 10 ms", "count: 9, interval: 10 ms, keys: 2"),
    put("http-put.start", "start: 100 ms", "start: 900 ms"),
    put("http-put.interval", "count: 3, interval: 10 ms", "count: 3, interval: 20 ms"),
    storage("event.backup", "", copied), storage("event.fail-media", "", "{at: 2 s, fail-media: p}"),
    storage("event.restore-backup", off, off + ", {at: 5 s, restore-backup: {from: v/a}}"),
    storage("backup.vm", copied, "{at: 2 s, backup: {vm: b, to: v}}"),
    storage("backup.to", copied, "{at: 2 s, backup: {vm: a, to: w}}"),
    storage("backup.host", copied, "{at: 2 s, backup: {vm: a, to: v, host: other}}"),
    storage(
      "backup.kind", copied + ", {at: 4 s, backup: {vm: a, to: v, kind: full}}",
      copied + ", {at: 4 s, backup: {vm: a, to: v, kind: incremental}}"),
    storage("backup.quiesce", copied, "{at: 2 s, backup: {vm: a, to: v, quiesce: false}}"),
    storage(
      "backup.keep", copied + ", {at: 4 s, backup: {vm: a, to: v, keep: 2}}",
      copied + ", {at: 4 s, backup: {vm: a, to: v, keep: 1}}"),
    storage("fail-media.pool", "{at: 2 s, fail-media: {pool: p}}", "{at: 2 s, fail-media: {pool: w}}"),
    storage("fail-media.host", "{at: 2 s, fail-media: {pool: v, host: box}}", "{at: 2 s, fail-media: {pool: v, host: other}}"),
    storage(
      "restore-backup.from", off + ", {at: 5 s, restore-backup: {from: v/a}}",
      off + ", {at: 5 s, restore-backup: {from: \"v/a#2\"}}"),
    storage(
      "restore-backup.vm", off + ", {at: 5 s, restore-backup: {from: v/a, vm: a}}",
      off + ", {at: 5 s, restore-backup: {from: v/a, vm: b}}"),
    storage(
      "restore-backup.host", off + ", {at: 5 s, restore-backup: {from: v/a}}",
      off + ", {at: 5 s, restore-backup: {from: v/a, host: other}}"),
    .init(
      "snapshot.memory", in: "events", "{at: 500 ms, snapshot: {vm: a, name: s}}, {at: 2 s, revert: {vm: a, to: s}}",
      "{at: 500 ms, snapshot: {vm: a, name: s, memory: false}}, {at: 2 s, revert: {vm: a, to: s}}", ["vm": store]),
    check("expectation.disk-equal", "disk-equal: a", "state: running"),
    check("disk-equal.to", "disk-equal: {to: s}", "disk-equal: {to: b}"),
    check("disk-equal.disk", "disk-equal: {to: a}", "disk-equal: {to: a, disk: q}"),
    check("expectation.backup-verifies", "backup-verifies: v", "state: running"),
    check("backup-verifies.in", "backup-verifies: {in: v}", "backup-verifies: {in: w}", events: copied),
    check("expectation.stored", "stored: {what: disk r, at-least: 1}", "state: running"),
    check("stored.what", "stored: {what: disk r, at-least: 1}", "stored: {what: snapshot s, at-least: 1}"),
    check("stored.at-most", "stored: {what: disk r, at-most: 1 MiB}", "stored: {what: disk r, at-most: 1}"),
    check("stored.at-least", "stored: {what: disk r, at-least: 1}", "stored: {what: disk r, at-least: 1 GiB}"),
  ]
}
