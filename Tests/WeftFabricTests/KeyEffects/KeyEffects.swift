// The rows of KeyEffectTests, table by table. Each says in its two values what a user would change.

extension KeyEffect {
  static let all: [KeyEffect] =
    root + cables + networks + machines + programs + nat + rules + events + lives + checks + guards + switches
    + migrations + standbys + discs + disks + futures + cpus

  private static let duration = ["root": "duration: 4 s"]
  /// Fifty datagrams at once.
  private static let burst = "programs: [{udp-rate: {to: \"srv:5001\", size: 1000 B, pps: 100000, count: 50, start: 500 ms}}]"
  private static let bulk = "programs: [{bulk: {to: \"srv:5001\", size: 200 kB}}]"

  static let root: [KeyEffect] = [
    .init("topology.name", in: "root", "name: lab", "name: other"),
    .init("topology.seed", in: "root", "seed: 1", "seed: 2", ["segment": "loss: 30 %"]),
    .init("topology.duration", in: "root", "duration: 4 s", "duration: 5 s"),
    .init(
      "topology.segments", in: "segments", "far: {subnet: 198.51.100.0/24, dhcp: true}",
      "far: {subnet: 192.0.2.0/24, dhcp: true}", ["hosts": "x: {uplink: far}"]),
    .init("topology.hosts", in: "hosts", "", "x: {uplink: wan 203.0.113.7}"),
    .init("topology.vms", in: "vms", "", "x: {network: home}"),
    .init("topology.groups", in: "root", "name: lab", "groups: {g: {count: 2, network: home}}"),
    .init("topology.defaults", in: "root", "name: lab", "defaults: {segment: {delay: 1 ms}}"),
    .init("topology.events", in: "events", "", "{at: 2 s, stop: b}"),
    .init("topology.expect", in: "expect", "", "{name: d, from: a, ping: srv}"),
    .init("topology.capture", in: "root", "name: lab", "capture: tcp"),
    .init("capture.filter", in: "root", "capture: {filter: tcp}", "capture: {filter: udp}"),
    .init("capture.snaplen", in: "root", "capture: {snaplen: 200}", "capture: {snaplen: 60}"),
    .init("capture.ports", in: "root", "capture: {ports: [\"a/*\"]}", "capture: {ports: [\"b/*\"]}"),
    .init("capture.limit", in: "root", "capture: {limit: 1 MB}", "capture: {limit: 70 kB}", ["vm": bulk]),
    .init("defaults.segment", in: "root", "defaults: {segment: {}}", "defaults: {segment: {delay: 1 ms}}"),
    .init("defaults.host", in: "root", "defaults: {host: {}}", "defaults: {host: {ip-forwarding: false}}"),
    .init("defaults.network", in: "root", "defaults: {network: {}}", "defaults: {network: {delay: 1 ms}}"),
    .init("defaults.vm", in: "root", "defaults: {vm: {}}", "defaults: {vm: {delay: 1 ms}}"),
  ]

  /// The cable of each kind of node; `to` is what makes it full.
  private static func cable(_ table: String, in slot: String, _ other: String = "", _ beside: [String: String] = [:])
    -> [KeyEffect]
  {
    func row(_ key: String, _ before: String, _ after: String, _ more: [String: String] = [:]) -> KeyEffect {
      let fill = { (text: String) in other.isEmpty ? text : other.replacing("@", with: text) }
      return KeyEffect(
        "\(table).\(key)", in: slot, fill(before), fill(after), beside.merging(more) { first, _ in first })
    }
    let full = ["vms": "z: {network: home, \(burst)}", "root": "duration: 3 s"]
    return [
      row("delay", "delay: 1 ms", "delay: 7 ms"), row("rate", "rate: 1 Gbit/s", "rate: 100 kbit/s"),
      row("loss", "loss: 0 %", "loss: 100 %"), row("mtu", "mtu: 1500", "mtu: 600", full),
      row("queue", "rate: 100 kbit/s, queue: 1000", "rate: 100 kbit/s, queue: 1", full),
    ]
  }

  static let cables: [KeyEffect] =
    cable("segment", in: "segment") + cable("uplink", in: "uplink") + cable("network", in: "network")
    + cable("vm", in: "vms", "z: {network: home, @, \(burst)}", ["from": "from: z", "vms": ""])
    + cable("nic", in: "vms", "z: {nics: [{network: home, @}], \(burst)}", ["from": "from: z", "vms": ""])
    + cable("group", in: "root", "groups: {z: {count: 1, network: home, @, \(burst)}}", ["from": "from: z1"])
    + [
      .init(
        "set-link.delay", in: "events", "{at: 500 ms, set-link: {link: a, loss: 0 %, delay: 1 ms}}",
        "{at: 500 ms, set-link: {link: a, loss: 0 %, delay: 9 ms}}"),
      .init(
        "set-link.rate", in: "events", "{at: 500 ms, set-link: {link: a, rate: 1 Gbit/s}}",
        "{at: 500 ms, set-link: {link: a, rate: 9 kbit/s}}"),
      .init(
        "set-link.loss", in: "events", "{at: 500 ms, set-link: {link: a, loss: 0 %}}",
        "{at: 500 ms, set-link: {link: a, loss: 100 %}}"),
      .init(
        "set-link.link", in: "events", "{at: 500 ms, set-link: {link: a, loss: 100 %}}",
        "{at: 500 ms, set-link: {link: b, loss: 100 %}}"),
      .init(
        "queue.frames", in: "segment", "rate: 100 kbit/s, queue: {frames: 100}", "rate: 100 kbit/s, queue: {frames: 2}",
        ["vm": burst]),
      .init(
        "queue.bytes", in: "segment", "rate: 100 kbit/s, queue: {bytes: 100 kB}", "rate: 100 kbit/s, queue: {bytes: 2 kB}",
        ["vm": burst]),
    ]

  static let networks: [KeyEffect] = [
    .init(
      "segment.subnet", in: "segments", "far: {subnet: 198.51.100.0/24, dhcp: true}", "far: {subnet: 192.0.2.0/24, dhcp: true}",
      ["hosts": "x: {uplink: far}"]),
    .init("segment.dhcp", in: "segment", "dhcp: false", "dhcp: true"),
    .init("segment.gateway", in: "segment", "delay: 0", "gateway: 203.0.113.1", ["probe": "to: \"198.51.100.1:80\""]),
    .init(
      "uplink.segment", in: "hosts", "x: {uplink: {segment: wan}}", "x: {uplink: {segment: far}}",
      ["segments": "far: {subnet: 198.51.100.0/24, dhcp: true}", "segment": "dhcp: true"]),
    .init(
      "uplink.address", in: "hosts", "x: {uplink: {segment: wan, address: 203.0.113.7}}",
      "x: {uplink: {segment: wan, address: 203.0.113.8}}"),
    .init("uplink.dhcp", in: "uplink", "delay: 0", "dhcp: true"),
    .init(
      "uplink.lease", in: "hosts", "x: {uplink: {segment: wan, lease: 203.0.113.7}}",
      "x: {uplink: {segment: wan, lease: 203.0.113.8}}", ["segment": "dhcp: true"]),
    .init("uplink.gateway", in: "uplink", "delay: 0", "gateway: 203.0.113.1", ["probe": "to: \"198.51.100.1:80\""]),
    .init("uplink.mac", in: "uplink", "mac: 52:54:00:00:01:01", "mac: 52:54:00:00:01:02"),
    .init("host.uplink", in: "hosts", "x: {}", "x: {uplink: wan 203.0.113.7}"),
    .init("host.networks", in: "networks", "", "own: {mode: host-only, subnet: 10.9.0.0/24}"),
    .init("host.programs", in: "host", "programs: []", "programs: [tcp-echo]"),
    .init("host.ip-forwarding", in: "host", "ip-forwarding: true", "ip-forwarding: false"),
    .init("network.mode", in: "networks", "own: host-only", "own: isolated"),
    .init(
      "network.subnet", in: "networks", "own: {mode: host-only, subnet: 10.1.0.0/24}",
      "own: {mode: host-only, subnet: 10.2.0.0/24}", ["vms": "x: {network: own}"]),
    .init("network.gateway", in: "network", "gateway: 10.0.0.1", "gateway: 10.0.0.2"),
    .init("network.dhcp", in: "network", "dhcp: true", "dhcp: false"),
    .init(
      "network.forwards", in: "network", "forwards: []", "forwards: [\"80:b:80\"]",
      ["from": "from: srv", "probe": "to: \"box:80\""]),
    .init("network.nat", in: "network", "nat: rfc", "nat: linux"),
    .init("network.fdb", in: "network", "fdb: {}", "fdb: {limit: 1}"),
    .init("fdb.limit", in: "network", "fdb: {limit: 100}", "fdb: {limit: 1}"),
    .init(
      "fdb.ageing", in: "network", "fdb: {ageing: 300 s}", "fdb: {ageing: 100 ms}",
      ["vm": "programs: [{ping: {to: b, interval: 2 s, count: 2}}]"]),
    .init("dhcp.server", in: "network", "dhcp: {server: 10.0.0.200}", "dhcp: {server: 10.0.0.201}"),
    .init("dhcp.range", in: "network", "dhcp: {range: 10.0.0.10-10.0.0.60}", "dhcp: {range: 10.0.0.20-10.0.0.60}"),
    .init("dhcp.lease-time", in: "network", "dhcp: {lease-time: 1 h}", "dhcp: {lease-time: 2 s}"),
    .init(
      "forward.from", in: "network", "forwards: [{from: 80, to: \"b:80\"}]", "forwards: [{from: 81, to: \"b:80\"}]",
      ["from": "from: srv", "probe": "to: \"box:80\""]),
    .init(
      "forward.to", in: "network", "forwards: [{from: 80, to: \"b:80\"}]", "forwards: [{from: 80, to: \"b:81\"}]",
      ["from": "from: srv", "probe": "to: \"box:80\""]),
    .init(
      "forward.address", in: "network", "nat: {addresses: [203.0.113.3]}, forwards: [{from: 80, to: \"b:80\"}]",
      "nat: {addresses: [203.0.113.3]}, forwards: [{from: 80, to: \"b:80\", address: 203.0.113.3}]",
      ["from": "from: srv", "probe": "to: \"box:80\""]),
    .init(
      "forward.protocol", in: "network", "forwards: [{from: 9, to: \"b:9\", protocol: udp}]",
      "forwards: [{from: 9, to: \"b:9\", protocol: tcp}]", ["from": "from: srv", "probe": "to: \"box:9/udp\""]),
  ]

  static let machines: [KeyEffect] =
    [("vm", "vms", "x: {@}"), ("nic", "vms", "x: {nics: [{@}]}"), ("group", "root", "groups: {x: {count: 1, @}}")].flatMap {
      table, slot, form in
      func row(_ key: String, _ before: String, _ after: String, _ beside: [String: String] = [:]) -> KeyEffect {
        KeyEffect(
          "\(table).\(key)", in: slot, form.replacing("@", with: before), form.replacing("@", with: after), beside)
      }
      return [
        row("network", "network: home", "network: own", ["networks": "own: host-only"]),
        row("address", "network: home, address: 10.0.0.7", "network: home, address: 10.0.0.8"),
        row("lease", "network: home, lease: 10.0.0.7", "network: home, lease: 10.0.0.8"),
        row("mac", "network: home, mac: 52:54:00:00:01:01", "network: home, mac: 52:54:00:00:01:02"),
        row(
          "rings", "network: home, rings: {rx: 256}", "network: home, address: 10.0.0.7, rings: {rx: 1}"),
      ]
        + (table == "nic"
          ? []
          : [
            row("host", "network: home, host: box", "network: home, host: srv"),
            row("nics", "nics: [{network: home}]", "nics: [{network: home}, {network: home}]"),
            row("programs", "network: home, programs: []", "network: home, programs: [{ping: srv}]"),
            row("autostart", "network: home, autostart: true", "network: home, autostart: false"),
          ])
    } + [
      .init("group.count", in: "root", "groups: {x: {count: 1, network: home}}", "groups: {x: {count: 2, network: home}}"),
      .init(
        "group.name", in: "root", "groups: {x: {count: 1, network: home}}",
        "groups: {x: {count: 1, name: \"y{n}\", network: home}}"),
      .init(
        "rings.rx", in: "vms", "x: {network: home, address: 10.0.0.7, rings: {rx: 100}}",
        "x: {network: home, address: 10.0.0.7, rings: {rx: 1}}",
        [
          "vm": "programs: [{ping: {to: x, count: 5, interval: 100 ms, start: 1 s}}]",
          "events": "{at: 500 ms, pause: x}, {at: 2 s, resume: x}",
        ]),
      .init(
        "rings.tx", in: "vm", "rate: 100 kbit/s, queue: 1, rings: {tx: 100}, \(burst)",
        "rate: 100 kbit/s, queue: 1, rings: {tx: 1}, \(burst)"),
    ]

  private static func program(_ name: String, _ key: String, _ before: String, _ after: String, _ beside: [String: String] = [:])
    -> KeyEffect
  {
    .init("\(name).\(key)", in: "vm", "programs: [{\(name): {\(before)}}]", "programs: [{\(name): {\(after)}}]", beside)
  }

  private static let stun = [
    "programs": "{stun-server: {other: two}}",
    "hosts": "two: {uplink: wan 203.0.113.10, programs: [{stun-server: {other: srv}}]}",
  ]

  static let programs: [KeyEffect] =
    [
      "http-server", "tcp-echo", "udp-echo", "sink", "stun-server", "rendezvous",
    ].flatMap { name -> [KeyEffect] in
      [
        .init("program.\(name)", in: "vm", "programs: []", "programs: [\(name)]"),
        program(name, "port", "port: 8000", "port: 8001"),
        program(name, "start", "start: 0", "start: 9 s", ["root": "duration: 3 s"]),
      ]
    }
    + [
      ("http-get", "to: \"srv:80\""), ("ping", "to: srv"), ("bulk", "to: \"srv:5001\""),
      ("udp-rate", "to: \"srv:5001\", count: 5"),
      ("nat-probe", "via: srv"), ("syn-flood", "to: \"srv:80\", count: 5"),
    ].flatMap { name, to -> [KeyEffect] in
      [
        .init("program.\(name)", in: "vm", "programs: []", "programs: [{\(name): {\(to)}}]", stun),
        program(name, "start", "\(to), start: 100 ms", "\(to), start: 900 ms", stun),
      ]
    } + [
      .init("program.start", in: "vm", "programs: [{ping: srv, start: 100 ms}]", "programs: [{ping: srv, start: 2 s}]"),
      program("http-server", "status", "status: 200", "status: 404", ["from": "from: b", "probe": "http: \"http://a/\""]),
      program("http-server", "body", "body: x", "body: y", ["from": "from: b", "probe": "http: \"http://a/\""]),
      program("http-server", "size", "size: 10", "size: 20", ["from": "from: b", "probe": "http: \"http://a/\""]),
      program("http-get", "to", "to: \"srv:80\"", "to: \"b:80\""),
      program("http-get", "path", "to: \"srv:80\", path: /a", "to: \"srv:80\", path: /b"),
      program("http-get", "count", "to: \"srv:80\", count: 1", "to: \"srv:80\", count: 2"),
      program("http-get", "interval", "to: \"srv:80\", count: 2, interval: 1 s", "to: \"srv:80\", count: 2, interval: 2 s"),
      program("ping", "to", "to: srv", "to: b"), program("ping", "count", "to: srv, count: 1", "to: srv, count: 2"),
      program("ping", "interval", "to: srv, interval: 1 s", "to: srv, interval: 2 s"),
      program("ping", "size", "to: srv, size: 1", "to: srv, size: 2"),
      program("ping", "ttl", "to: srv, ttl: 1", "to: srv, ttl: 2"),
      program("bulk", "to", "to: \"srv:5001\"", "to: \"srv:5002\""),
      program("bulk", "size", "to: \"srv:5001\", size: 1 kB", "to: \"srv:5001\", size: 2 kB"),
      program("udp-rate", "to", "to: \"srv:5001\", count: 5", "to: \"srv:7\", count: 5"),
      program("udp-rate", "size", "to: \"srv:5001\", count: 5, size: 1", "to: \"srv:5001\", count: 5, size: 2"),
      program("udp-rate", "interval", "to: \"srv:5001\", count: 5, interval: 1 ms", "to: \"srv:5001\", count: 5, interval: 2 ms"),
      program("udp-rate", "rate", "to: \"srv:5001\", count: 5, rate: 1 Mbit/s", "to: \"srv:5001\", count: 5, rate: 2 Mbit/s"),
      program("udp-rate", "pps", "to: \"srv:5001\", count: 5, pps: 10", "to: \"srv:5001\", count: 5, pps: 20"),
      program("udp-rate", "count", "to: \"srv:5001\", count: 5", "to: \"srv:5001\", count: 6"),
      program("syn-flood", "to", "to: \"srv:80\", count: 5", "to: \"srv:81\", count: 5"),
      program("syn-flood", "pps", "to: \"srv:80\", count: 5, pps: 10", "to: \"srv:80\", count: 5, pps: 20"),
      program("syn-flood", "count", "to: \"srv:80\", count: 5", "to: \"srv:80\", count: 6"),
      .init(
        "stun-server.other", in: "programs", "{stun-server: {}}", "{stun-server: {other: two}}",
        ["hosts": stun["hosts"] ?? "", "probe": "nat: {via: srv}"]),
      program("nat-probe", "via", "via: srv", "via: two", stun),
      program("nat-probe", "port", "via: srv, port: 3478", "via: srv, port: 3400", stun),
    ]

  /// All of them against those that match.
  private static func flush(_ key: String, _ what: String, _ beside: [String: String] = [:]) -> KeyEffect {
    .init(
      "flush-conntrack.\(key)", in: "events", "{at: 3 s, flush-conntrack: {network: home}}",
      "{at: 3 s, flush-conntrack: {\(what)}}", ["root": "duration: 5 s"].merging(beside) { first, _ in first })
  }

  static let events: [KeyEffect] = [
    .init("event.at", in: "events", "{at: 2 s, stop: b}", "{at: 3 s, stop: b}"),
    .init("event.link-down", in: "events", "", "{at: 500 ms, link-down: a}"),
    .init("event.link-up", in: "events", "{at: 500 ms, link-down: a}", "{at: 500 ms, link-down: a}, {at: 3 s, link-up: a}"),
    .init("event.start", in: "events", "", "{at: 500 ms, start: x}", ["vms": "x: {network: home, autostart: false}"]),
    .init("event.pause", in: "events", "", "{at: 500 ms, pause: a}"),
    .init("event.resume", in: "events", "{at: 500 ms, pause: a}", "{at: 500 ms, pause: a}, {at: 3 s, resume: a}"),
    .init("event.stop", in: "events", "", "{at: 500 ms, stop: a}"),
    .init("event.set-link", in: "events", "", "{at: 500 ms, set-link: {link: a, delay: 5 ms}}"),
    .init("event.ip-forwarding", in: "events", "", "{at: 500 ms, ip-forwarding: {host: box, enabled: false}}"),
    .init("event.add-forward", in: "events", "", "{at: 500 ms, add-forward: {network: home, forward: \"80:b:80\"}}", outside),
    .init(
      "event.remove-forward", in: "events", "", "{at: 500 ms, remove-forward: {network: home, forward: \"80:b:80\"}}",
      outside.merging(["network": "forwards: [\"80:b:80\"]"]) { first, _ in first }),
    .init("event.flush-conntrack", in: "events", "", "{at: 3 s, flush-conntrack: home}", ["root": "duration: 5 s"]),
    flush(
      "network", "network: own", ["hosts": "x: {uplink: wan 203.0.113.7, networks: {own: {mode: nat, subnet: 10.1.0.0/24}}}"]),
    flush("protocol", "network: home, protocol: 47"), flush("source", "network: home, source: 10.9.9.9"),
    flush("destination", "network: home, destination: 10.9.9.9"), flush("source-port", "network: home, source-port: 1"),
    flush("port", "network: home, port: 1"),
    .init(
      "set-ip-forwarding.host", in: "events", "{at: 500 ms, ip-forwarding: {host: box, enabled: false}}",
      "{at: 500 ms, ip-forwarding: {host: srv, enabled: false}}"),
    .init(
      "set-ip-forwarding.enabled", in: "events", "{at: 500 ms, ip-forwarding: {host: box, enabled: false}}",
      "{at: 500 ms, ip-forwarding: {host: box, enabled: true}}"),
    .init(
      "add-forward.network", in: "events", "{at: 500 ms, add-forward: {network: home, forward: \"80:10.0.0.50:80\"}}",
      "{at: 500 ms, add-forward: {network: own, forward: \"80:10.1.0.50:80\"}}",
      outside.merging(["networks": "own: {mode: nat, subnet: 10.1.0.0/24}"]) { first, _ in first }),
    .init(
      "add-forward.forward", in: "events", "{at: 500 ms, add-forward: {network: home, forward: \"80:b:80\"}}",
      "{at: 500 ms, add-forward: {network: home, forward: \"81:b:80\"}}", outside),
    .init(
      "remove-forward.network", in: "events", "{at: 500 ms, remove-forward: {network: home, forward: \"80:10.0.0.50:80\"}}",
      "{at: 500 ms, remove-forward: {network: own, forward: \"80:10.1.0.50:80\"}}",
      outside.merging(["network": "forwards: [\"80:10.0.0.50:80\"]", "networks": "own: {mode: nat, subnet: 10.1.0.0/24}"]) {
        first, _ in first
      }),
    .init(
      "remove-forward.forward", in: "events", "{at: 500 ms, remove-forward: {network: home, forward: \"80:b:80\"}}",
      "{at: 500 ms, remove-forward: {network: home, forward: \"81:b:80\"}}",
      outside.merging(["network": "forwards: [\"80:b:80\", \"81:b:80\"]"]) { first, _ in first }),
    .init(
      "remove-forward.keep", in: "events", "{at: 2500 ms, remove-forward: {network: home, forward: \"9:b:9/udp\", keep: true}}",
      "{at: 2500 ms, remove-forward: {network: home, forward: \"9:b:9/udp\", keep: false}}",
      ["network": "forwards: [\"9:b:9/udp\"]", "programs": "{udp-rate: {to: \"box:9\", count: 4, interval: 1 s, start: 500 ms}}"]),
    .init("event.remove-vm", in: "events", "", "{at: 500 ms, remove-vm: b}"),
    .init("event.add-nic", in: "events", "", "{at: 500 ms, add-nic: {vm: b, nic: {network: home}}}"),
    .init("event.remove-nic", in: "events", "", "{at: 500 ms, remove-nic: a}"),
    .init("event.plug", in: "events", "", "{at: 500 ms, plug: {nic: a, into: own}}", other),
    .init(
      "add-nic.vm", in: "events", "{at: 500 ms, add-nic: {vm: a, nic: {network: home}}}",
      "{at: 500 ms, add-nic: {vm: b, nic: {network: home}}}"),
    .init(
      "add-nic.nic", in: "events", "{at: 500 ms, add-nic: {vm: a, nic: {network: home}}}",
      "{at: 500 ms, add-nic: {vm: a, nic: {network: own}}}", other),
    .init("plug.nic", in: "events", "{at: 500 ms, plug: {nic: a, into: own}}", "{at: 500 ms, plug: {nic: b, into: own}}", other),
    .init(
      "plug.into", in: "events", "{at: 500 ms, plug: {nic: a, into: home}}", "{at: 500 ms, plug: {nic: a, into: own}}", other),
  ]

  private static let other = ["networks": "own: {mode: nat, subnet: 10.1.0.0/24}"]
  private static let outside = ["from": "from: srv", "probe": "to: \"box:80\""]
}
