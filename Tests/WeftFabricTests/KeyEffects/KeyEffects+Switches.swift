// Rows of KeyEffectTests: switches, their cables, VLANs and spanning trees.

extension KeyEffect {
  /// Two switches and a cable, with the server at the far one.
  private static let apart = ["segment": "switches: [s1, s2], cables: [s1 s2]", "server-uplink": "switch: s2"]
  private static let office = "office: {subnet: 10.9.0.0/24, vlan: 10, on: wan, dhcp: true}"

  private static func cable(_ key: String, _ before: String, _ after: String, _ beside: [String: String] = [:]) -> KeyEffect {
    func segment(_ text: String) -> String { "switches: [s1, s2], cables: [{between: [s1, s2], \(text)}]" }
    return .init(
      "switch-cable.\(key)", in: "segment", segment(before), segment(after),
      ["server-uplink": "switch: s2"].merging(beside) { $1 })
  }

  /// Of a trunk's two ends one is a host of VLAN 10's, the other a bridge with a VM in it.
  private static func port(_ key: String, _ before: String, _ after: String, tree: String = "rstp") -> KeyEffect {
    .init(
      "port.\(key)", in: "segment", "stp: \(tree), switches: [s1, s2], cables: [s1 s2, {between: [s1, s2], port: {\(before)}}]",
      "stp: \(tree), switches: [s1, s2], cables: [s1 s2, {between: [s1, s2], port: {\(after)}}]",
      ["server-uplink": "switch: s2", "root": "duration: 6 s"])
  }

  private static func tree(_ key: String, _ before: String, _ after: String, mode: String = "rstp") -> KeyEffect {
    let rest = key == "mode" ? "" : "mode: \(mode), "
    return .init(
      "stp.\(key)", in: "segment", "switches: {s1: {stp: {\(rest)\(before)}}, s2: {stp: rstp}}, cables: [s1 s2, s1 s2]",
      "switches: {s1: {stp: {\(rest)\(after)}}, s2: {stp: rstp}}, cables: [s1 s2, s1 s2]",
      ["server-uplink": "switch: s2", "root": "duration: 8 s"])
  }

  private static let lan = ["hosts": "y: {uplink: {segment: wan, address: 203.0.113.7, switch: s2}, networks: {lan: bridge}}"]

  /// A NIC behind a bridge, with VLANs on it.
  private static func nics(_ key: String, _ before: String, _ after: String, _ beside: [String: String] = [:]) -> [KeyEffect] {
    let beside = apart.merging(lan) { $1 }.merging(["segments": office, "root": "duration: 4 s"]) { $1 }.merging(beside) { $1 }
    let ping = "programs: [{ping: 203.0.113.9}]"
    return [
      .init(
        "vm.\(key)", in: "vms", "z: {network: lan, address: 203.0.113.8, \(before), \(ping)}",
        "z: {network: lan, address: 203.0.113.8, \(after), \(ping)}", beside),
      .init(
        "nic.\(key)", in: "vms", "z: {nics: [{network: lan, address: 203.0.113.8, \(before)}], \(ping)}",
        "z: {nics: [{network: lan, address: 203.0.113.8, \(after)}], \(ping)}", beside),
      .init(
        "group.\(key)", in: "root",
        "groups: {z: {count: 1, network: lan, address: 203.0.113.8, \(before), \(ping)}}\nduration: 4 s",
        "groups: {z: {count: 1, network: lan, address: 203.0.113.8, \(after), \(ping)}}\nduration: 4 s", beside),
    ]
  }

  private static func mirror(_ key: String, _ before: String, _ after: String) -> KeyEffect {
    .init(key, in: "root", "name: lab\n\(before)", "name: lab\n\(after)", ["vms": "y: {network: home}\n  z: {network: home}"])
  }

  private static func uplink(_ key: String, _ before: String, _ after: String) -> KeyEffect {
    .init(
      "uplink.\(key)", in: "hosts",
      "y: {uplink: {segment: wan, address: 203.0.113.7, \(before)}, networks: {lan: bridge}, programs: [{ping: 203.0.113.9}]}",
      "y: {uplink: {segment: wan, address: 203.0.113.7, \(after)}, networks: {lan: bridge}, programs: [{ping: 203.0.113.9}]}",
      apart.merging(["segments": office, "root": "duration: 4 s"]) { $1 })
  }

  static let switches: [KeyEffect] =
    [
      .init("segment.switches", in: "segment", "delay: 0", "switches: [s1]"),
      .init(
        "segment.cables", in: "segment", "switches: [s1, s2]", "switches: [s1, s2], cables: [s1 s2]",
        ["server-uplink": "switch: s2"]),
      .init(
        "topology.allow", in: "root", "allow: [duplicate-mac, duplicate-address]", "allow: [duplicate-mac]",
        ["vms": "y: {network: home, lease: 10.0.0.77, programs: [http-server]}\n  z: {network: home, lease: 10.0.0.77}"]),
      mirror("topology.mirrors", "", "mirrors: [{to: z}]"), mirror("mirror.to", "mirrors: [{to: z}]", "mirrors: [{to: y}]"),
      mirror("mirror.from", "mirrors: [{to: z, from: [b]}]", "mirrors: [{to: z, from: [a]}]"),
      mirror("mirror.vlan", "mirrors: [{to: z}]", "mirrors: [{to: z, vlan: 10}]"),
      .init("segment.stp", in: "segment", "stp: off", "stp: rstp"),
      .init(
        "segment.vlan", in: "segments", "office: {subnet: 10.9.0.0/24, vlan: 10, on: wan}",
        "office: {subnet: 10.9.0.0/24, vlan: 20, on: wan}",
        apart.merging(["hosts": "x: {uplink: {segment: office, address: 10.9.0.7, switch: s2}, programs: [{ping: 10.9.0.9}]}"]) {
          $1
        }),
      .init(
        "segment.on", in: "segments", "m: 10.8.0.0/24, office: {subnet: 10.9.0.0/24, vlan: 10, on: wan, dhcp: true}",
        "m: 10.8.0.0/24, office: {subnet: 10.9.0.0/24, vlan: 10, on: m, dhcp: true}",
        ["hosts": "x: {uplink: office}"]),
      .init(
        "switch.stp", in: "segment", "switches: {s1: {stp: off}, s2: {}}, cables: [s1 s2]",
        "switches: {s1: {stp: rstp}, s2: {}}, cables: [s1 s2]"),
      .init(
        "switch-cable.between", in: "segment", "switches: [s1, s2, s3], cables: [{between: [s1, s3]}, {between: [s1, s2]}]",
        "switches: [s1, s2, s3], cables: [{between: [s2, s3]}, {between: [s1, s2]}]", ["server-uplink": "switch: s3"]),
      .init(
        "switch-cable.port", in: "segment", "stp: rstp, switches: [s1, s2], cables: [{between: [s1, s2], port: {cost: 4}}]",
        "stp: rstp, switches: [s1, s2], cables: [{between: [s1, s2], port: {cost: 400}}]", ["server-uplink": "switch: s2"]),
      cable("vlan", "vlan: 1", "vlan: 10", ["segments": office]),
      cable("trunk", "trunk: [10]", "trunk: [1, 10]", ["segments": office]),
      cable("native", "trunk: all", "trunk: all, native: 1", ["segments": office]),
      cable("delay", "delay: 0", "delay: 1 ms"), cable("rate", "rate: 1 Gbit/s", "rate: 1 Mbit/s"),
      cable("loss", "loss: 0 %", "loss: 100 %"), cable("mtu", "mtu: 1500", "mtu: 68", ["probe": "http: \"http://srv\""]),
      cable(
        "queue", "queue: 1000", "queue: 1",
        ["vm": "programs: [{udp-rate: {to: \"srv:9\", interval: 1 us, count: 50}}]", "root": "duration: 3 s"]),
      .init("network.stp", in: "network", "stp: off", "stp: rstp"),
      uplink("switch", "switch: s1", "switch: s2"), uplink("port", "port: {}", "port: {learning: false}"),
      uplink("vlan", "vlan: 1", "vlan: 10"), uplink("trunk", "trunk: [1]", "trunk: [10]"),
      uplink("native", "trunk: [10]", "trunk: [10], native: 1"),
      tree("mode", "mode: rstp", "mode: stp"), tree("priority", "priority: 4096", "priority: 61440"),
      tree("hello", "hello: 2 s", "hello: 1 s"), tree("max-age", "max-age: 20 s", "max-age: 10 s"),
      tree("forward-delay", "forward-delay: 15 s", "forward-delay: 20 s"),
      port("edge", "edge: false", "edge: true"), port("cost", "cost: 20000", "cost: 1"),
      port("priority", "priority: 128", "priority: 16"),
      port("bpdu-guard", "bpdu-guard: false", "bpdu-guard: true"),
      .init(
        "port.root-guard", in: "segment",
        "stp: rstp, switches: [s1, s2], cables: [{between: [s1, s2], port: {root-guard: false}}]",
        "stp: rstp, switches: [s1, s2], cables: [{between: [s1, s2], port: {root-guard: true}}]",
        ["server-uplink": "switch: s2", "root": "duration: 6 s"]),
      port("learning", "learning: true, cost: 1", "learning: false, cost: 1"),
      .init(
        "port.flooding", in: "server-uplink", "port: {flooding: true}", "port: {flooding: false}",
        [
          "hosts": "x: {uplink: {segment: wan, address: 203.0.113.77}, programs: [{attack: {kind: fdb-flood, count: 20}}]}",
          "root": "duration: 3 s",
        ]),
    ] + nics("port", "port: {}", "port: {learning: false}") + nics("vlan", "vlan: 1", "vlan: 30")
    + nics("trunk", "trunk: [1], native: 1", "trunk: [10]") + nics("native", "trunk: [10], native: 1", "trunk: [10], native: 2")
}
