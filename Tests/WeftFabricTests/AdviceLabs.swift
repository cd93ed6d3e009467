// The files of which advice is asked.
extension AdviceTests {
  static let labs = reported.merging(hunted) { $1 }

  private static let reported: [String: String] = [
    // r01-more-advice of the public reports, and more of its kind.
    "more": """
    name: more
    segments: {net: {subnet: 203.0.113.0/24, delay: 1 ms}, far: {subnet: 198.51.100.0/24}}
    hosts:
      k:
        uplink: net 203.0.113.1
        networks:
          n: {mode: nat, subnet: 192.168.1.0/24, forwards: ["2222:off:22", "83:late:80", "84:web:8000", "53:web:53/udp"]}
          i: {mode: isolated, subnet: 10.9.0.0/24}
          h: {mode: host-only, subnet: 10.8.0.0/24}
          n2: {mode: nat, subnet: 192.168.7.0/24}
      nofwd:
        uplink: net 203.0.113.3
        ip-forwarding: false
        networks: {m: {mode: nat, subnet: 192.168.1.0/24, forwards: ["80:v:80"]}}
      c: {uplink: net 203.0.113.2, programs: [http-server, {sink: 9}]}
      d: {uplink: far 198.51.100.2}
      g: {uplink: {segment: net, address: 203.0.113.4, gateway: 203.0.113.99}}
    vms:
      off: {network: n, autostart: false}
      web: {network: n, programs: [http-server, {udp-echo: 53}]}
      late: {network: n, programs: [{http-server: {start: 1 min}}]}
      v: {network: m, programs: [http-server]}
      iso: {network: i, address: 10.9.0.1}
      own: {network: h}
      w2: {network: n2}
    """,
    "hairpin": """
    name: hairpin
    segments: {internet: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      pc:
        uplink: internet 203.0.113.2
        networks:
          home: {mode: nat, subnet: 192.168.122.0/24, nat: linux, forwards: ["8080:web:80", "53:web:53/udp"]}
          shut: {mode: nat, nat: linux}
      off: {uplink: internet 203.0.113.3, networks: {no: {mode: nat, nat: {hairpin: off}, forwards: ["80:self:80"]}}}
    vms:
      client: {network: home}
      web: {network: home, programs: [http-server, {udp-echo: 53}]}
      self: {network: no, programs: [http-server]}
    """,
    // explain-paused of the verdicts' reports.
    "paused": """
    name: paused
    duration: 40 s
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      laptop: {uplink: wan 203.0.113.2, networks: {home: {mode: nat, forwards: ["80:web:80"]}, lan: bridge}}
      visitor: {uplink: wan 203.0.113.9, programs: [http-server]}
    vms:
      web: {network: home, programs: [http-server]}
      pub: {network: lan, address: 203.0.113.20, programs: [http-server]}
      off: {network: lan, address: 203.0.113.21, autostart: false}
      soon: {network: lan, address: 203.0.113.22, autostart: false}
    events:
      - {at: 2 s, pause: web}
      - {at: 2 s, pause: pub}
      - {at: 8 s, resume: web}
      - {at: 8 s, resume: pub}
      - {at: 10 s, stop: web}
      - {at: 10 s, stop: pub}
      - {at: 11 s, start: soon}
      - {at: 32 s, link-down: visitor.uplink}
      - {at: 33 s, link-up: visitor.uplink}
      - {at: 34 s, link-down: visitor}
    """,
    "events": """
    name: events
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      laptop: {uplink: wan 203.0.113.2, networks: {home: {mode: nat, forwards: ["80:web:80"]}}}
      visitor: {uplink: wan 203.0.113.9}
    vms: {web: {network: home, programs: [http-server]}}
    events:
      - {at: 5 s, remove-forward: {network: home, forward: "80:web:80"}}
      - {at: 15 s, add-forward: {network: home, forward: "80:web:80"}}
      - {at: 20 s, ip-forwarding: {host: laptop, enabled: false}}
      - {at: 30 s, ip-forwarding: {host: laptop, enabled: true}}
    """,
    "loss": """
    name: loss
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      one: {uplink: wan 203.0.113.2, programs: [{tcp-echo: 7}, {udp-echo: 7}, {udp-rate: {to: "two:9", count: 1}}]}
      two: {uplink: wan 203.0.113.9, programs: [{sink: 9}]}
      three:
        uplink: {segment: wan, address: 203.0.113.10, loss: 100 %}
    events:
      - {at: 3 s, set-link: {link: two, loss: 100 %}}
    """,
    "rules": """
    name: rules
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      box:
        uplink: wan 203.0.113.2
        networks:
          home:
            mode: nat
            forwards: ["7:web:7/udp"]
            nat:
              rules:
                - {deny: any, from: outside}
      server: {uplink: wan 203.0.113.9}
    vms: {web: {network: home, programs: [udp-echo]}}
    """,
    "nested": """
    name: nested
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms, gateway: 203.0.113.1}}
    hosts:
      isp: {uplink: wan 203.0.113.2, networks: {cgn: {mode: nat, subnet: 100.64.0.0/24, forwards: ["8080:home:80"]}}}
      home: {uplink: {segment: cgn, address: 100.64.0.7}, networks: {in: {mode: nat, forwards: ["80:web:80"]}}}
      visitor: {uplink: wan 203.0.113.9, programs: [http-server, {udp-echo: 7}]}
      strict: {uplink: wan 203.0.113.5, networks: {den: {mode: nat, nat: {unsolicited: refuse, limits: {table: 1}}}}}
    vms:
      web: {network: in, programs: [http-server]}
      d1: {network: den, programs: [{udp-rate: {to: "visitor:7", interval: 100 ms}}]}
      d2: {network: den}
    """,
    "asymmetric": """
    name: asymmetric
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      box:
        uplink: wan 203.0.113.2
        networks:
          lan: bridge
          home: {mode: nat, subnet: 192.168.122.0/24, forwards: ["8080:web:80", "53:web:53/udp"]}
      visitor: {uplink: wan 203.0.113.9}
    vms:
      web:
        nics: [{network: lan, address: 203.0.113.20}, {network: home, address: 192.168.122.5}]
        programs: [http-server, {udp-echo: 53}]
    """,
    "flooded": """
    name: flooded
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      box: {uplink: wan 203.0.113.2, networks: {home: nat, lan: {mode: bridge, fdb: {ageing: 500 ms}}}}
      client: {uplink: wan 203.0.113.9}
    vms:
      pub: {network: lan, address: 203.0.113.20}
      late: {network: lan, address: 203.0.113.21, autostart: false}
    events: [{at: 2 s, pause: pub}, {at: 1500 ms, link-down: late}]
    """,
    "unplugged": """
    name: unplugged
    segments: {wan: {subnet: 203.0.113.0/24, delay: 40 ms}}
    hosts:
      box: {uplink: wan 203.0.113.2, networks: {home: {mode: nat, delay: 50 ms, forwards: ["80:web:80"]}}}
      visitor: {uplink: wan 203.0.113.9, programs: [http-server]}
    vms: {web: {network: home, programs: [http-server]}}
    events:
      - {at: 5 s, link-down: web}
      - {at: 8 s, link-up: web}
    """,
    "localhost": """
    name: localhost
    segments: {net: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      mac: {uplink: net 203.0.113.1, networks: {podman: {mode: nat, forwards: ["8080:c:80"]}}}
    vms: {c: {network: podman, programs: [http-server]}}
    """,
  ]

  private static let hunted: [String: String] = [
    // Things that change while a try goes on (c01, a02 and f08 of the hunt).
    "changes": """
    name: changes
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      h: {uplink: wan 203.0.113.1, networks: {lan: bridge, home: {mode: nat, forwards: ["80:w:80", "7:w:7/udp"]}}}
      l: {uplink: wan 203.0.113.2, networks: {den: bridge}}
      c: {uplink: wan 203.0.113.9, programs: [{ping: {to: b, count: 1, start: 24 s}}, {udp-rate: {to: "h:7", count: 1, start: 24 s}}]}
    vms:
      w: {network: home, programs: [http-server, {udp-echo: 53}, {udp-echo: 7}]}
      b: {network: lan, address: 203.0.113.20, programs: [http-server]}
      p: {network: den, address: 203.0.113.21}
    events:
      - {at: 5 s, remove-forward: {network: home, forward: "80:w:80"}}
      - {at: 10 s, add-forward: {network: home, forward: "80:w:80"}}
      - {at: 12 s, add-forward: {network: home, forward: "53:w:53/udp"}}
      - {at: 15 s, ip-forwarding: {host: h, enabled: false}}
      - {at: 20 s, ip-forwarding: {host: h, enabled: true}}
      - {at: 25 s, stop: b}
      - {at: 25 s, stop: w}
      - {at: 28 s, start: b}
      - {at: 28 s, start: w}
      - {at: 31 s, pause: p}
    """,
    // Both sides of a NAT (b02).
    "sides": """
    name: sides
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      h:
        uplink: wan 203.0.113.1
        networks:
          home: {mode: nat, nat: linux, forwards: ["80:w:80", "53:w:53/udp"]}
          guests: {mode: nat, nat: linux, subnet: 192.168.50.0/24}
      k: {uplink: wan 203.0.113.3, networks: {own: {mode: nat, subnet: 192.168.60.0/24, forwards: ["80:v:80", "8053:v:53/udp"]}}}
      c: {uplink: wan 203.0.113.9}
    vms:
      w: {network: home, programs: [http-server, {udp-echo: 53}]}
      g: {network: guests}
      v: {network: own, programs: [http-server, {udp-echo: 53}]}
    """,
    // A machine bridged into a router's network (e01, f06).
    "bridged": """
    name: bridged
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      r:
        uplink: wan 203.0.113.1
        networks: {lan: {mode: nat, subnet: 10.0.0.0/24, forwards: ["80:bv:80", "84:pc:85"]}}
      hyp: {uplink: lan, networks: {br: bridge}}
      pc: {uplink: {segment: lan, lease: 10.0.0.50}, programs: [http-server]}
      c: {uplink: wan 203.0.113.9}
    vms:
      bv: {network: br, programs: [http-server, {udp-echo: 53}]}
      bs: {network: br, address: 10.0.0.70, programs: [http-server]}
    """,
    // Two NATs, one behind the other (c02).
    "double": """
    name: double
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      cgn: {uplink: wan 203.0.113.1, networks: {cg: {mode: nat, subnet: 10.0.0.0/24, forwards: ["8080:home1:80"]}}}
      home1:
        uplink: cg 10.0.0.2
        networks: {hn: {mode: nat, subnet: 192.168.1.0/24, forwards: ["80:vm1:80", "83:vm1:83"]}}
      peer: {uplink: cg 10.0.0.3}
      c: {uplink: wan 203.0.113.9}
    vms:
      vm1: {network: hn, programs: [http-server, {udp-echo: 53}]}
    """,
  ]
}
