// Rows of KeyEffectTests: what is done to VMs, and checks of their states.

extension KeyEffect {
  private static let taken = "{at: 500 ms, snapshot: {vm: a, name: s}}, {at: 500 ms, snapshot: {vm: b, name: s}}"
  private static let ofB = ["from": "vm: b"]

  private static func event(_ key: String, _ before: String, _ after: String, _ beside: [String: String] = [:]) -> KeyEffect {
    .init(key, in: "events", before, after, beside)
  }

  static let lives: [KeyEffect] = [
    event("event.shutdown", "", "{at: 500 ms, shutdown: b}"), event("event.reset", "", "{at: 500 ms, reset: b}"),
    event("event.crash", "", "{at: 500 ms, crash: b}"), event("event.save", "", "{at: 500 ms, save: b}"),
    event("event.restore", "{at: 500 ms, save: b}", "{at: 500 ms, save: b}, {at: 2 s, restore: b}"),
    event("event.snapshot", "", "{at: 500 ms, snapshot: {vm: b, name: s}}"),
    event("event.revert", taken, taken + ", {at: 2 s, revert: {vm: b, to: s}}"),
    event("event.delete-snapshot", taken, taken + ", {at: 2 s, delete-snapshot: {vm: b, name: s}}"),
    event("shutdown.vm", "{at: 500 ms, shutdown: {vm: a}}", "{at: 500 ms, shutdown: {vm: b}}"),
    // Its peer is gone: it ends only as its time does.
    event(
      "shutdown.timeout", "{at: 1 s, link-down: srv.uplink}, {at: 1.1 s, shutdown: {vm: b, timeout: 1 s}}",
      "{at: 1 s, link-down: srv.uplink}, {at: 1.1 s, shutdown: {vm: b, timeout: 2 s}}",
      ["b-programs": "{bulk: {to: \"srv:5001\", size: 500 MB}}", "segment": "rate: 10 Mbit/s", "root": "duration: 5 s"]),
    event(
      "shutdown.then", "{at: 1 s, link-down: srv.uplink}, {at: 1.1 s, shutdown: {vm: b, timeout: 1 s, then: stop}}",
      "{at: 1 s, link-down: srv.uplink}, {at: 1.1 s, shutdown: {vm: b, timeout: 1 s, then: error}}",
      ["b-programs": "{bulk: {to: \"srv:5001\", size: 500 MB}}", "segment": "rate: 10 Mbit/s", "root": "duration: 5 s"]),
    event("snapshot.vm", "{at: 500 ms, snapshot: {vm: a, name: s}}", "{at: 500 ms, snapshot: {vm: b, name: s}}"),
    event("snapshot.name", "{at: 500 ms, snapshot: {vm: b, name: s}}", "{at: 500 ms, snapshot: {vm: b, name: t}}"),
    event("revert.vm", taken + ", {at: 2 s, revert: {vm: a, to: s}}", taken + ", {at: 2 s, revert: {vm: b, to: s}}"),
    event(
      "revert.to", taken + ", {at: 1 s, snapshot: {vm: b, name: t}}, {at: 2 s, revert: {vm: b, to: s}}",
      taken + ", {at: 1 s, snapshot: {vm: b, name: t}}, {at: 2 s, revert: {vm: b, to: t}}"),
    // The port of its next connection, and what that begins with.
    event(
      "revert.reseed", taken + ", {at: 2 s, revert: {vm: b, to: s, reseed: true}}",
      taken + ", {at: 2 s, revert: {vm: b, to: s, reseed: false}}", ["b-programs": "{http-get: {to: \"srv:80\", count: 5}}"]),
    event("event.clone", "", "{at: 500 ms, clone: {vm: b, name: c2, identity: keep}}"),
    event(
      "clone.vm", "{at: 500 ms, clone: {vm: a, name: c2, identity: keep}}",
      "{at: 500 ms, clone: {vm: b, name: c2, identity: keep}}"),
    event(
      "clone.name", "{at: 500 ms, clone: {vm: b, name: c2, identity: keep}}",
      "{at: 500 ms, clone: {vm: b, name: c3, identity: keep}}"),
    event(
      "clone.identity", "{at: 500 ms, clone: {vm: b, name: c2, identity: keep}}",
      "{at: 500 ms, clone: {vm: b, name: c2, identity: regenerate}}"),
    event(
      "clone.address", "{at: 500 ms, clone: {vm: z, name: c2, identity: regenerate, address: 10.0.0.71}}",
      "{at: 500 ms, clone: {vm: z, name: c2, identity: regenerate, address: 10.0.0.72}}",
      ["vms": "z: {network: home, address: 10.0.0.70}"]),
    event(
      "delete-snapshot.vm", taken + ", {at: 2 s, delete-snapshot: {vm: a, name: s}}",
      taken + ", {at: 2 s, delete-snapshot: {vm: b, name: s}}"),
    event(
      "delete-snapshot.name", taken + ", {at: 1 s, snapshot: {vm: b, name: t}}, {at: 2 s, delete-snapshot: {vm: b, name: s}}",
      taken + ", {at: 1 s, snapshot: {vm: b, name: t}}, {at: 2 s, delete-snapshot: {vm: b, name: t}}"),
    .init("expectation.vm", in: "from", "vm: a", "vm: b", ["probe": "state: running", "events": "{at: 500 ms, pause: b}"]),
    .init("expectation.state", in: "probe", "state: running", "state: paused", ofB),
    .init(
      "expectation.memory-equal", in: "probe", "memory-equal: s", "state: running",
      ofB.merging(["events": "{at: 500 ms, snapshot: {vm: b, name: s}}"]) { first, _ in first }),
    .init(
      "memory-equal.to", in: "probe", "memory-equal: {to: s}", "memory-equal: {to: t}",
      ofB.merging(["events": "{at: 500 ms, snapshot: {vm: b, name: s}}"]) { first, _ in first }),
  ]
}
