// Rows of KeyEffectTests: the NAT and its packet filter.

extension KeyEffect {
  private static let second = ["expect": "{name: d, from: a, to: \"srv:7\"}, {name: e, from: b, to: \"srv:7/udp\"}"]
  private static let stun = [
    "programs": "{stun-server: {other: two}}", "probe": "nat: {via: srv}",
    "hosts": "two: {uplink: wan 203.0.113.10, programs: [{stun-server: {other: srv}}]}",
  ]
  private static let inward = ["from": "from: srv", "probe": "to: \"box:81\""]
  /// Each packet takes its time between the VM and its gateway, so that every state of a connection lasts.
  private static let slow = ["vm": "delay: 250 ms", "root": "duration: 8 s"]

  private static let far = slow.merging(["server-uplink": "delay: 250 ms"]) { first, _ in first }

  private static func axis(
    _ key: String, _ before: String, _ after: String, _ beside: [String: String] = [:], with base: String = ""
  )
    -> KeyEffect
  {
    func nat(_ value: String) -> String {
      let parts = [base, value.isEmpty ? "" : "\(key): \(value)"].filter { !$0.isEmpty }
      let more = beside["network"].map { ", \($0)" } ?? ""
      return "nat: {\(parts.joined(separator: ", "))}\(more)"
    }
    return .init("nat.\(key)", in: "network", nat(before), nat(after), beside)
  }

  private static func timeout(_ name: String, _ beside: [String: String], profile: String = "rfc") -> KeyEffect {
    .init(
      "timeouts.\(name)", in: "network", "nat: {profile: \(profile), timeouts: {\(name): 9 min}}",
      "nat: {profile: \(profile), timeouts: {\(name): 4 min}}", beside)
  }

  private static func limit(
    _ key: String, _ before: String, _ after: String, _ beside: [String: String] = [:], with base: String = "profile: rfc"
  )
    -> KeyEffect
  {
    let more = beside["limits"].map { "\($0), " } ?? ""
    return .init(
      "limits.\(key)", in: "network", "nat: {\(base), limits: {\(more)\(key): \(before)}}",
      "nat: {\(base), limits: {\(more)\(key): \(after)}}", beside)
  }

  static let nat: [KeyEffect] = [
    axis("profile", "rfc", "linux"),
    axis("mapping", "endpoint-independent", "address-and-port-dependent", stun, with: "ports: random"),
    axis("filtering", "endpoint-independent", "address-and-port-dependent", stun),
    axis("ports", "preserve", "random"), axis("ports", "preserve", "sequential"), axis("ports", "preserve", "block"),
    // Masquerade shares ports, and still chooses them.
    axis("ports", "preserve", "random", with: "profile: linux"), axis("ports", "preserve", "sequential", with: "profile: linux"),
    axis("ports", "preserve", "block", with: "profile: linux"),
    axis("block-size", "64", "1", second, with: "ports: block"),
    axis(
      "block-size", "64", "1", ["expect": "{name: d, from: a, ping: srv}, {name: e, from: b, to: \"srv:80\"}"],
      with: "profile: linux, ports: block"),
    axis("parity", "false", "true", with: "ports: sequential"),
    axis("parity", "false", "true", with: "profile: linux, ports: sequential"),
    axis("overload", "true", "false", ["expect": "{name: d, from: b, to: \"srv:7\"}"], with: "profile: linux, port-range: 50000"),
    axis("port-range", "1-65535", "50000-50100"),
    axis("pooling", "paired", "arbitrary", second, with: "addresses: [203.0.113.20]"),
    axis("hairpin", "true", "false", ["probe": "to: \"box:81\"", "network": "forwards: [\"81:b:80\"]"]),
    axis("unsolicited", "drop", "refuse", inward),
    axis(
      "local-forwards", "false", "true",
      ["from": "from: box", "probe": "to: \"localhost:81\"", "network": "forwards: [\"81:b:80\"]"]),
    axis("tcp-machine", "rfc6146", "netfilter", ["probe": "to: \"srv:81\""]),
    axis("window-tracking", "strict", "off", with: "timeouts: {tcp-unacknowledged: 3 s}"),
    axis(
      "loose", "false", "true",
      [
        "vm": "programs: [{bulk: {to: \"srv:5001\", size: 4 MB}}]", "segment": "rate: 10 Mbit/s",
        "events": "{at: 1 s, flush-conntrack: home}",
      ]),
    axis("report-exhaustion", "false", "true", second, with: "port-range: 50000"),
    axis(
      "inbound-refresh", "false", "true",
      [
        "programs": "{udp-rate: {to: \"box:9\", count: 6, interval: 1 s}}", "network": "forwards: [\"9:b:5009/udp\"]",
        "b-programs": "{sink: 5009}",
      ], with: "timeouts: {udp: 2 s}"),
    axis("mtu", "1500", "1000", ["probe": "ping: {to: srv, size: 1400}"]),
    axis("mss-clamp", "false", "true", ["probe": "throughput: {to: \"srv:5001\", size: 10 kB}"], with: "mtu: 1000"),
    axis("addresses", "[203.0.113.20]", "[203.0.113.21]", ["from": "from: srv", "probe": "ping: 203.0.113.20"]),
    axis(
      "one-to-one", "{a: 203.0.113.20}", "{a: 203.0.113.21}", with: "profile: one-to-one, addresses: [203.0.113.20, 203.0.113.21]"
    ),
    axis("timeouts", "{}", "{tcp-transitory: 9 s}"), axis("limits", "{}", "{table: 1}", second),
    axis("rules", "[]", "[{deny: any}]"),

    timeout("tcp-transitory", slow), timeout("tcp-syn-sent", far), timeout("tcp-syn-recv", slow),
    timeout("tcp-established", ["vm": "programs: [{bulk: {to: \"srv:5001\", size: 1 MB}}]", "segment": "rate: 1 Mbit/s"]),
    timeout("tcp-fin-wait", far, profile: "linux"), timeout("tcp-close-wait", far, profile: "linux"),
    timeout("tcp-last-ack", slow, profile: "linux"), timeout("tcp-time-wait", slow),
    timeout(
      "tcp-close",
      [
        "vm": "programs: [{bulk: {to: \"srv:5001\", size: 1 MB}}]", "segment": "rate: 1 Mbit/s", "hosts": "", "from": "from: srv",
        "probe": "to: \"box:82\"", "networks": "", "events": "{at: 2 s, stop: a}, {at: 2100 ms, start: a}",
        "root": "duration: 20 s",
      ], profile: "linux"),
    timeout(
      "tcp-max-retrans",
      [
        "vm": "programs: [{bulk: {to: \"srv:5001\", size: 1 MB}}]", "segment": "rate: 1 Mbit/s",
        "events": "{at: 1 s, link-down: srv}", "root": "duration: 25 s",
      ]),
    timeout(
      "tcp-unacknowledged",
      ["vm": "programs: [{bulk: {to: \"srv:5001\", size: 1 MB}}]", "segment": "rate: 1 Mbit/s, delay: 300 ms"]),
    timeout("udp", ["probe": "to: \"srv:7/udp\""]),
    timeout("udp-stream", ["vm": "programs: [{udp-rate: {to: \"srv:7\", count: 6, interval: 1 s}}]"], profile: "linux"),
    timeout("icmp", ["probe": "ping: srv"]),

    limit("table", "100", "1", second.merging(["limits": "early-drop: false"]) { first, _ in first }),
    limit("sessions-per-vm", "100", "1", second), limit("mappings-per-vm", "100", "1", second),
    limit("mappings-per-vm", "100", "1", second, with: "profile: linux, overload: false"),
    limit(
      "early-drop", "true", "false",
      second.merging(["limits": "table: 1", "probe": "to: \"srv:5001/udp\""]) { first, _ in first }),
    limit(
      "hold-down", "0", "60 s",
      ["probe": "to: \"srv:7/udp\"", "expect": "{name: d, from: b, to: \"srv:7/udp\", at: 9 s, within: 3 s}"],
      with: "profile: rfc, port-range: 50000, timeouts: {udp: 2 s, udp-stream: 2 s}"),
    // Where they mean nothing, check says so.
    limit("hold-down", "0", "60 s", with: "profile: linux"),
    limit("hold-down", "0", "60 s", with: "profile: one-to-one, addresses: [203.0.113.20, 203.0.113.21]"),
    .init(
      "limits.mappings-per-vm", in: "network", "nat: {profile: linux, limits: {}}",
      "nat: {profile: linux, limits: {mappings-per-vm: 1}}"),
    .init(
      "limits.mappings-per-vm", in: "network", "nat: {profile: one-to-one, limits: {}}",
      "nat: {profile: one-to-one, limits: {mappings-per-vm: 1}}"),
  ]

  private static func rule(_ key: String, _ before: String, _ after: String, _ beside: [String: String] = [:]) -> KeyEffect {
    .init(
      "rule.\(key)", in: "network", "nat: {profile: linux, rules: [{\(before)}]}", "nat: {profile: linux, rules: [{\(after)}]}",
      beside)
  }

  static let rules: [KeyEffect] = [
    rule("allow", "allow: in", "allow: forwarded"), rule("deny", "deny: in", "deny: forwarded"),
    rule("reject", "reject: in", "reject: forwarded"),
    rule("reset", "reset: in", "reset: forwarded"), rule("deny", "deny: out", "deny: in", ["from": "from: box"]),
    rule("deny", "deny: in", "deny: out", ["probe": "ping: {to: srv, ttl: 1}"]),
    rule(
      "from", "allow: forwarded, from: inside", "allow: forwarded, from: outside",
      ["vm": "programs: [{udp-rate: {to: \"srv:5001\", count: 3}}]"]),
    rule("from", "deny: forwarded, state: established", "deny: forwarded, from: inside, state: established"),
    rule(
      "to", "allow: forwarded, to: outside", "allow: forwarded, to: inside",
      ["vm": "programs: [{udp-rate: {to: \"srv:5001\", count: 3}}]"]),
    rule("state", "deny: forwarded, from: outside, state: established", "deny: forwarded, from: outside, state: new"),
    rule("state", "deny: any, state: related", "deny: any, state: invalid", ["probe": "to: \"srv:8/udp\""]),
    rule("source", "deny: forwarded, source: 10.0.0.0/24", "deny: forwarded, source: 203.0.113.9"),
    rule("destination", "deny: forwarded, destination: 203.0.113.9", "deny: forwarded, destination: 203.0.113.2"),
    rule("protocol", "deny: forwarded, protocol: tcp", "deny: forwarded, protocol: udp"),
    rule("port", "deny: forwarded, port: 80", "deny: forwarded, port: 81"),
    rule("source-port", "deny: forwarded, source-port: 80", "deny: forwarded, source-port: 81"),
  ]
}
