// Rows of KeyEffectTests: expectations.

extension KeyEffect {
  private static func check(_ key: String, _ before: String, _ after: String, _ beside: [String: String] = [:]) -> KeyEffect {
    .init("expectation.\(key)", in: "check", before, after, beside)
  }

  private static func probe(_ key: String, _ before: String, _ after: String, _ beside: [String: String] = [:]) -> KeyEffect {
    .init(key, in: "probe", before, after, beside)
  }

  private static let http = ["probe": "http: \"http://srv/\""]
  private static let refused = ["probe": "to: \"srv:81\""]
  private static let inward = ["from": "from: srv", "probe": "to: \"box:81\""]
  private static let delay = ["segment": "delay: 2 ms"]
  private static let stun = [
    "programs": "{stun-server: {other: two}}",
    "hosts": "two: {uplink: wan 203.0.113.10, programs: [{stun-server: {other: srv}}]}",
  ]
  private static let punch = [
    "programs": "rendezvous, {rendezvous: 3500}", "hosts": "two: {uplink: wan 203.0.113.10, programs: [{rendezvous: 3500}]}",
  ]

  static let checks: [KeyEffect] = [
    .init("expectation.name", in: "expect", "{name: d, from: a, ping: srv}", "{name: e, from: a, ping: srv}"),
    .init("expectation.from", in: "from", "from: a", "from: b"),
    probe("expectation.to", "to: \"srv:80\"", "to: \"srv:81\""), probe("expectation.ping", "ping: srv", "ping: b"),
    probe("expectation.http", "http: \"http://srv/a\"", "http: \"http://srv/b\""),
    probe("expectation.throughput", "throughput: {to: \"srv:5001\"}", "throughput: {to: \"srv:5001\", size: 1 kB}"),
    probe("expectation.nat", "nat: {via: srv}", "nat: {via: two}", stun),
    probe("expectation.punch", "punch: {peer: b, via: srv}", "punch: {peer: box, via: srv}", punch),
    probe("expectation.idle", "idle: {to: \"srv:7/udp\", for: 1 s}", "idle: {to: \"srv:7/udp\", for: 2 s}"),
    probe("expectation.lease", "lease: true", "ping: srv"),
    check("is", "is: open", "is: refused"), check("seen-as", "seen-as: 203.0.113.2", "seen-as: 203.0.113.3"),
    check("reaches", "reaches: srv", "reaches: b"),
    check("by", "is: refused, by: srv", "is: refused, by: box", refused),
    check("by", "is: dropped, by: home", "is: dropped, by: a", inward),
    check("reason", "is: refused, reason: port-closed", "is: refused, reason: no-route", refused),
    check("reason", "is: dropped, reason: no-port-forward", "is: dropped, reason: filtered", inward),
    check("status", "status: 200", "status: 404", http),
    check(
      "body", "body: hell", "body: help",
      ["probe": "http: \"http://x/\"", "vms": "x: {network: home, address: 10.0.0.7, programs: [{http-server: {body: hello}}]}"]),
    check("rtt", "rtt: < 1 s", "rtt: < 1 ms", delay), check("at", "at: 1 s", "at: 2 s"),
    check("after", "after: snapshot", "after: reset", ["events": "{at: 1 s, snapshot: {vm: a, name: s}}, {at: 3 s, reset: a}"]),
    check("within", "is: refused, within: 2 s", "is: refused, within: 3 s", refused),
    check("timeout", "is: dropped, timeout: 500 ms, within: 1 s", "is: dropped, timeout: 900 ms, within: 1 s", inward),
    check("never-during", "is: refused, never-during: [1 s, 3 s]", "is: refused, never-during: [2 s, 3 s]"),
    check("always-after", "always-after: 1 s", "always-after: 2 s"),
    check("always-after", "always-after: {from: 1 s, to: 3 s}", "always-after: {from: 1 s, to: 3 s, every: 500 ms}"),
    .init(
      "window.from", in: "check", "is: refused, never-during: {from: 1 s, to: 3 s}",
      "is: refused, never-during: {from: 2 s, to: 3 s}"),
    .init(
      "window.to", in: "check", "is: refused, never-during: {from: 1 s, to: 3 s}",
      "is: refused, never-during: {from: 1 s, to: 4 s}"),
    .init(
      "window.every", in: "check", "is: refused, never-during: {from: 1 s, to: 3 s, every: 1 s}",
      "is: refused, never-during: {from: 1 s, to: 3 s, every: 500 ms}"),
    .init("rtt.at-most", in: "check", "rtt: {at-most: 1 s}", "rtt: {at-most: 1 ms}", delay),
    .init("rtt.at-least", in: "check", "rtt: {at-least: 1 ms}", "rtt: {at-least: 1 s}", delay),
    probe("throughput.to", "throughput: {to: \"srv:5001\"}", "throughput: {to: \"srv:5002\"}"),
    probe("throughput.size", "throughput: {to: \"srv:5001\", size: 1 kB}", "throughput: {to: \"srv:5001\", size: 2 kB}"),
    probe(
      "throughput.at-least", "throughput: {to: \"srv:5001\", at-least: 1 kbit/s}",
      "throughput: {to: \"srv:5001\", at-least: 1 Tbit/s}", delay),
    probe(
      "throughput.at-most", "throughput: {to: \"srv:5001\", at-most: 1 Tbit/s}",
      "throughput: {to: \"srv:5001\", at-most: 1 kbit/s}", delay),
    probe("probe-ping.to", "ping: {to: srv}", "ping: {to: b}"),
    probe("probe-ping.size", "ping: {to: srv, size: 1}", "ping: {to: srv, size: 2}"),
    probe("probe-ping.ttl", "ping: {to: srv, ttl: 1}", "ping: {to: srv, ttl: 2}"),
    probe("probe-nat.via", "nat: {via: srv}", "nat: {via: two}", stun),
    probe("probe-nat.port", "nat: {via: srv}", "nat: {via: srv, port: 3479}", stun),
    probe(
      "probe-nat.mapping", "nat: {via: srv, mapping: endpoint-independent}", "nat: {via: srv, mapping: address-dependent}", stun),
    probe(
      "probe-nat.filtering", "nat: {via: srv, filtering: address-and-port-dependent}",
      "nat: {via: srv, filtering: address-dependent}", stun),
    probe("probe-nat.hairpin", "nat: {via: srv, hairpin: true}", "nat: {via: srv, hairpin: false}", stun),
    probe("probe-punch.peer", "punch: {peer: b, via: srv}", "punch: {peer: box, via: srv}", punch),
    probe("probe-punch.via", "punch: {peer: b, via: srv, port: 3500}", "punch: {peer: b, via: two, port: 3500}", punch),
    probe("probe-punch.port", "punch: {peer: b, via: srv}", "punch: {peer: b, via: srv, port: 3500}", punch),
    probe(
      "probe-punch.protocol", "punch: {peer: b, via: srv, protocol: udp}", "punch: {peer: b, via: srv, protocol: tcp}", punch),
    probe("probe-idle.to", "idle: {to: \"srv:7/udp\", for: 1 s}", "idle: {to: \"srv:7/tcp\", for: 1 s}"),
    probe("probe-idle.for", "idle: {to: \"srv:7/udp\", for: 1 s}", "idle: {to: \"srv:7/udp\", for: 2 s}"),
  ]
}
