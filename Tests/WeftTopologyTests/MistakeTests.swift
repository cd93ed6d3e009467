import Testing

@testable import WeftTopology

/// A file, and the one diagnostic it must give.
struct Mistake: CustomTestStringConvertible, Sendable {
  var text: String
  var line: Int
  var column: Int
  var message: String
  var hint: String?

  init(_ text: String, _ line: Int, _ column: Int, _ message: String, hint: String? = nil) {
    self.text = text
    self.line = line
    self.column = column
    self.message = message
    self.hint = hint
  }

  var testDescription: String { message }

  func check() {
    let load = load(text)
    #expect(load.topology == nil)
    let all = load.diagnostics.map { $0.render(color: false) }.joined(separator: "\n")
    #expect(load.diagnostics.count == 1, "\(all)")
    guard let first = load.diagnostics.first else { return }
    #expect("\(first.line):\(first.column)" == "\(line):\(column)", "\(all)")
    #expect(first.message.contains(message), "\(all)")
    if let hint { #expect(first.hint?.contains(hint) == true, "\(all)") }
  }
}

/// The lab of `base` with a host's networks changed.
private func hostWith(_ text: String) -> String {
  """
  segments: {campus: 134.115.153.0/24}
  hosts:
    laptop:
      uplink: campus 134.115.153.223
      networks: \(text)

  """
}

struct MistakeTests {
  @Test func natNetworksOfOneHostShareTheirSettings() {
    Mistake(
      hostWith("{a: {mode: nat}, b: {mode: nat, nat: {unsolicited: refuse}}}"), 5, 32, "share one gateway",
      hint: "defaults"
    ).check()
    #expect(
      load(hostWith("{a: {mode: nat, nat: {unsolicited: refuse}}, b: {mode: nat, nat: {unsolicited: refuse}}}"))
        .topology != nil)
  }

  static let forms: [Mistake] = [
    Mistake(
      "segments: {campus: {subnt: 10.0.0.0/24}}", 1, 21, "unknown key \"subnt\"", hint: "did you mean \"subnet\"?"),
    Mistake("segmnts: {}", 1, 1, "unknown key \"segmnts\"", hint: "did you mean \"segments\"?"),
    Mistake("segments: {a: {subnet: 10.0.0.0/24, dely: 1 ms}}", 1, 37, "unknown key \"dely\"", hint: "\"delay\""),
    Mistake("segments: {a: {delay: 1 ms}}", 1, 12, "segment \"a\" needs \"subnet\""),
    Mistake("segments: [a]", 1, 11, "expected a map of names, found a list"),
    Mistake("seed: [1]", 1, 7, "expected a whole number, found a list"),
    Mistake("seed: -1", 1, 7, "out of range"),
    Mistake("seed: 1.5", 1, 7, "not a whole number"),
    Mistake("duration: 5", 1, 11, "needs a unit", hint: "min"),
    Mistake("duration: 5 sec", 1, 13, "\"sec\" is not a unit", hint: "did you mean \"5 s\""),
    Mistake("duration: -5 s", 1, 11, "negative"),
    Mistake("duration: 99999999999999999999 d", 1, 11, "too large"),
    Mistake("duration: 18446744073709551615 d", 1, 11, "too large"),
    Mistake("segments: {a: {subnet: 10.0.0.0/24, rate: 10 mbit/s}}", 1, 46, "not a unit of a rate", hint: "10 Mbit/s"),
    Mistake("segments: {a: {subnet: 10.0.0.0/24, rate: 0 bit/s}}", 1, 43, "more than 0"),
    Mistake("segments: {a: {subnet: 10.0.0.0/24, loss: 5}}", 1, 43, "not between", hint: "5 %"),
    Mistake("segments: {a: {subnet: 10.0.0.0/24, loss: 150 %}}", 1, 43, "not between"),
    Mistake("segments: {a: {subnet: 10.0.0.0/24, queue: 0}}", 1, 44, "out of range"),
    Mistake("segments: {a: {subnet: 10.0.0.0/24, delay: 2 h}}", 1, 44, "more than an hour"),
    Mistake("segments: {a: 10.0.0.1/24}", 1, 15, "host bits set", hint: "10.0.0.0/24"),
    Mistake("segments: {a: 10.0.0.0/33}", 1, 24, "not a prefix length"),
    Mistake("segments: {a: 10.0.0.0}", 1, 15, "prefix length", hint: "10.0.0.0/24"),
    Mistake("segments: {a: 10.0.300.0/24}", 1, 15, "\"10.0.300.0\" is not an IPv4 address"),
    Mistake("segments: {a.b: 10.0.0.0/24}", 1, 12, "letters, digits", hint: "laptop.uplink"),
    Mistake("segments: {a: 10.0.0.0/24, b: 10.0.0.128/25}", 1, 28, "overlaps segment \"a\""),
    Mistake(
      "segments:\n  a: 10.0.0.0/24\n  a: 10.1.0.0/24\n", 3, 3, "stands twice in this map; the first is on line 2"),
    Mistake("hosts: {a: {ip-forwarding: maybe}}", 1, 28, "not true or false"),
    Mistake("hosts: {a: {ip-forwarding: yes}}", 1, 28, "not true or false", hint: "did you mean true?"),
    Mistake("hosts: {a: {uplink: campus 10.0.0.1}}", 1, 21, "unknown segment or network \"campus\""),
    Mistake("hosts: {a: {programs: [http-serve]}}", 1, 24, "there is no program", hint: "http-server"),
    Mistake("hosts: {a: {programs: [{http-serve: 80}]}}", 1, 25, "unknown key", hint: "http-server"),
    Mistake("hosts: {a: {programs: [{ping}]}}", 1, 25, "expected a node or an address"),
    Mistake("hosts: {a: {programs: [{ping: }]}}", 1, 25, "expected a node or an address"),
    Mistake("name: a/b", 1, 7, "without /"),
    Mistake("hosts: {next: {}}", 1, 9, "not a name"),
    Mistake("segments: {a: 224.0.0.0/8}", 1, 15, "no machine"),
    Mistake("segments: {a: 0.0.0.0/0}", 1, 15, "no machine"),
    Mistake("segments: {a: 16.0.0.0/4}", 1, 15, "too large"),
    Mistake("segments: {a: 10.0.0.0/31}", 1, 15, "too small"),
    Mistake(
      "segments: {a: 10.0.0.0/24}\nhosts: {h: {uplink: \"a, 10.0.0.1\"}}", 2, 21, "is not an uplink", hint: "\"a 10.0.0.1\""),
    Mistake("hosts: {a: {programs: [{start: 1 s}]}}", 1, 24, "a program needs one of"),
    Mistake("hosts: {a: {programs: [{http-server: 70000}]}}", 1, 38, "out of range: 1…65535"),
    Mistake("hosts: {a: {programs: [{http-server: 0}]}}", 1, 38, "out of range: 1…65535"),
    Mistake("hosts: {a: {programs: [http-server, {tcp-echo: 80}]}}", 1, 37, "both listen on port 80/tcp"),
    Mistake("hosts: {a: {programs: [{http-get: \"https://a/\"}]}}", 1, 35, "not an http:// address", hint: "no TLS"),
    Mistake("hosts: {a: {programs: [{ping: b}]}}", 1, 31, "unknown host or vm \"b\"", hint: "there is a"),
    Mistake("hosts: {a: {programs: [{ping: next}]}}", 1, 31, "next VM of a group"),
    Mistake("hosts: {a: {programs: [{ping: {to: 10.0.0.1, interval: 0}}]}}", 1, 56, "more than 0"),
    Mistake("hosts: {a: {networks: {n: nat}}}", 1, 27, "needs an uplink"),
    Mistake("hosts: {a: {networks: {n: bridge}}}", 1, 27, "needs an uplink"),
    Mistake("hosts: {a: {networks: {n: brige}}}", 1, 27, "none of", hint: "bridge"),
    Mistake("hosts: {a: {networks: {n: {subnet: 10.0.0.0/24}}}}", 1, 24, "network \"n\" needs \"mode\""),
    Mistake("hosts: {a: , b: {networks: {a: isolated}}}", 1, 29, "\"a\" is taken by a host on line 1"),
    Mistake("capture: {snaplen: 0}", 1, 20, "out of range"),
  ]

  static let networks: [Mistake] = [
    Mistake(
      hostWith("{a: {mode: nat, subnet: 10.0.0.0/24}, b: {mode: isolated, subnet: 10.0.0.0/25}}"), 5,
      53,
      "overlaps network \"a\""),
    Mistake(
      hostWith("{a: {mode: nat, subnet: 134.115.0.0/16}}"), 5, 16, "overlaps segment \"campus\""),
    Mistake(hostWith("{a: bridge, b: bridge}"), 5, 27, "bridges its uplink in \"a\" already"),
    Mistake(
      hostWith("{a: {mode: bridge, subnet: 10.0.0.0/24}}"), 5, 34,
      "a bridge network has no \"subnet\""),
    Mistake(
      hostWith("{a: {mode: isolated, forwards: []}}"), 5, 36,
      "an isolated network has no \"forwards\""),
    Mistake(
      hostWith("{a: {mode: nat, subnet: 10.0.0.0/24, gateway: 10.0.1.1}}"), 5, 61,
      "outside 10.0.0.0/24"),
    Mistake(
      hostWith("{a: {mode: nat, subnet: 10.0.0.0/24, dhcp: {server: 10.0.0.1}}}"), 5, 67,
      "the gateway's address"),
    Mistake(
      hostWith("{a: {mode: nat, subnet: 10.0.0.0/24, dhcp: {range: 10.0.0.9-10.0.1.9}}}"), 5, 75,
      "10.0.1.9 is outside 10.0.0.0/24"),
    Mistake(
      hostWith("{a: {mode: nat, subnet: 10.0.0.0/24, dhcp: {range: 10.0.0.9-10.0.0.2}}}"), 5, 66,
      "reversed",
      hint: "10.0.0.2-10.0.0.9"),
    Mistake(hostWith("{a: {mode: nat, subnet: 10.0.0.0/30}}"), 5, 39, "too small"),
    Mistake(hostWith("{a: {mode: nat, forwards: [\"80:web\"]}}"), 5, 42, "not a port forward"),
    Mistake(hostWith("{a: {mode: nat, forwards: [\"80:web:80\"]}}"), 5, 46, "unknown vm or host \"web\""),
    Mistake(
      hostWith("{a: {mode: nat, forwards: [\"80:web:80/tpc\"]}}"), 5, 53, "not a protocol",
      hint: "tcp"),
  ]

  static let machines: [Mistake] = [
    Mistake(base + "  x: {network: hme}\n", 13, 16, "unknown network \"hme\"", hint: "home"),
    Mistake(base + "  x: {network: home, ip: 192.168.122.3}\n", 13, 22, "unknown key \"ip\"", hint: "address"),
    Mistake(base + "  x: {nics: }\n", 13, 3, "needs \"network\""),
    Mistake(base + "  x: {nics: []}\n", 13, 13, "at least one NIC"),
    Mistake(base + "  x: {network: campus}\n", 13, 16, "\"campus\" is a segment, not a network"),
    Mistake(base + "  x: {host: visitor, network: home}\n", 13, 31, "is on host \"laptop\", not on \"visitor\""),
    Mistake(base + "  x: {host: laptp, network: home}\n", 13, 13, "unknown host \"laptp\"", hint: "laptop"),
    Mistake(base + "  x: {host: laptop}\n", 13, 3, "VM \"x\" needs \"network\""),
    Mistake(
      base + "  x: {network: lan}\n", 13, 3, "needs a static address", hint: "address: 134.115.153.2, or give the segment one"),
    Mistake(base + "  x: {network: lan, address: 10.0.0.1}\n", 13, 30, "outside 134.115.153.0/24"),
    Mistake(base + "  x: {network: lan, address: 134.115.153.255}\n", 13, 30, "broadcast address"),
    Mistake(base + "  x: {network: lan, address: 134.115.153.10}\n", 13, 30, "taken by host \"visitor\""),
    Mistake(base + "  x: {network: lan, address: 134.115.153.73}\n", 13, 30, "taken by VM \"public\""),
    Mistake(base + "  x: {network: home, address: 192.168.122.1}\n", 13, 31, "the gateway of \"home\""),
    Mistake(base + "  x: {network: home, address: 192.168.122.254}\n", 13, 31, "the DHCP server of \"home\""),
    Mistake(base + "  x: {network: home, address: 192.168.122.0}\n", 13, 31, "network address"),
    Mistake(base + "  x: {network: home, address: 192.168.122.1/24}\n", 13, 31, "a prefix, not an address"),
    Mistake(base + "  x: {network: home, address: 192.168.122.010}\n", 13, 31, "leading zeros", hint: "192.168.122.10"),
    Mistake(base + "  x: {network: lan, address: 134.115.153.74, lease: 134.115.153.75}\n", 13, 53, "either"),
    Mistake(base + "  x: {network: home, mac: 53:54:00:12:34:56}\n", 13, 27, "group address"),
    Mistake(base + "  x: {network: home, mac: 52:54:00:12:34}\n", 13, 27, "not a MAC address"),
    Mistake(
      base + "  x: {network: home, mac: 52:54:00:12:34:56}\n  y: {network: home, mac: 52:54:00:12:34:56}\n", 14, 27,
      "taken by VM \"x\""),
    Mistake(base + "  x: {network: home, nics: [{network: home}]}\n", 13, 7, "cannot stand beside \"nics\""),
    Mistake(base + "  laptop: {network: home}\n", 13, 3, "taken by a host on line 4"),
    Mistake(base + "  x: {network: home, autostrt: false}\n", 13, 22, "unknown key", hint: "autostart"),
    Mistake(base + "groups: {g: {count: 0, network: home}}\n", 13, 21, "out of range"),
    Mistake(base + "groups: {g: {network: home}}\n", 13, 10, "needs \"count\""),
    Mistake(
      base + "groups: {g: {count: 300, network: lan, address: 134.115.153.100}}\n", 13, 49, "taken by host \"laptop\""),
    Mistake(
      base + "groups: {g: {count: 300, network: lan, address: \"134.115.153.{n+100}\"}}\n", 13, 49,
      "taken by host \"laptop\""),
    Mistake(base + "groups: {g: {count: 2, name: same, network: home}}\n", 13, 30, "needs {n}"),
  ]

  static let addresses: [Mistake] = [
    Mistake(
      hostWith("{a: isolated}") + "vms: {x: {network: a}}\n", 6, 7, "needs a static address", hint: "192.168.122.2"),
    Mistake(
      hostWith("{a: {mode: nat, dhcp: false}}") + "vms: {x: {network: a}}\n", 6, 7, "DHCP switched off",
      hint: "192.168.122.2"),
    Mistake(
      hostWith("{a: nat}")
        + "vms: {x: {network: a, lease: 192.168.122.9}, y: {network: a, address: 192.168.122.9}}\n", 6, 71,
      "taken by VM \"x\""),
  ]

  static let events: [Mistake] = [
    Mistake(base + "events: [{link-down: laptop}]\n", 13, 10, "an event needs \"at\""),
    Mistake(base + "events: [{at: 1 s}]\n", 13, 10, "an event needs one of"),
    Mistake(base + "events: [{at: 1 s, link-dwn: laptop}]\n", 13, 20, "unknown key", hint: "link-down"),
    Mistake(base + "events: [{at: 1 s, link-down: laptop.uplnk}]\n", 13, 38, "no cable", hint: "uplink"),
    Mistake(base + "events: [{at: 1 s, link-down: web.eth1}]\n", 13, 35, "no cable", hint: "eth0"),
    Mistake(base + "events: [{at: 1 s, start: wbe}]\n", 13, 27, "unknown vm", hint: "web"),
    Mistake(base + "events: [{at: 1 s, start: laptop}]\n", 13, 27, "is a host, not a vm"),
    Mistake(base + "events: [{at: 1 s, start: web, stop: web}]\n", 13, 32, "cannot stand beside"),
    Mistake(base + "events: [{at: 1 s, set-link: {link: web}}]\n", 13, 30, "changes nothing"),
    Mistake(base + "events: [{at: 1 s, ip-forwarding: {host: web, enabled: false}}]\n", 13, 42, "is a vm, not a host"),
  ]

  static let expectations: [Mistake] = [
    Mistake(base + "expect: [{from: web}]\n", 13, 10, "needs one of"),
    Mistake(base + "expect: [{ping: web}]\n", 13, 10, "needs \"from\""),
    Mistake(base + "expect: [{state: paused}]\n", 13, 10, "needs \"vm\""),
    Mistake(base + "expect: [{from: web, state: paused}]\n", 13, 11, "\"state\" has \"vm\", not \"from\""),
    Mistake(base + "expect: [{vm: web, ping: web}]\n", 13, 11, "\"ping\" has \"from\", not \"vm\""),
    Mistake(base + "expect: [{vm: web, state: pausd}]\n", 13, 27, "pausd", hint: "paused"),
    Mistake(base + "expect: [{from: wbe, ping: visitor}]\n", 13, 17, "unknown host or vm", hint: "web"),
    Mistake(base + "expect: [{from: web, to: visitor}]\n", 13, 26, "has no port", hint: "ping: visitor"),
    Mistake(base + "expect: [{from: web, to: \"visitr:80\"}]\n", 13, 27, "unknown host or vm", hint: "visitor"),
    Mistake(base + "expect: [{from: web, to: \"home:80\"}]\n", 13, 27, "is a network"),
    Mistake(base + "expect: [{from: web, to: \"visitor:99999\"}]\n", 13, 35, "out of range"),
    Mistake(base + "expect: [{from: web, to: \"visitor:80\", is: closed}]\n", 13, 44, "none of"),
    Mistake(
      base + "expect: [{from: web, to: \"visitor:80\", is: dropped, seen-as: 1.2.3.4}]\n", 13, 53,
      "goes with \"is: open\""),
    Mistake(base + "expect: [{from: web, to: \"visitor:80\", reaches: vistor}]\n", 13, 49, "unknown", hint: "visitor"),
    Mistake(
      base + "expect: [{from: web, to: \"visitor:80\", is: dropped, by: hom}]\n", 13, 57, "unknown", hint: "home"),
    Mistake(base + "expect: [{from: web, to: \"visitor:80\", by: home}]\n", 13, 40, "goes with \"is: dropped\""),
    Mistake(base + "expect: [{from: web, ping: visitor, never-during: [4 s, 2 s]}]\n", 13, 57, "reversed"),
    Mistake(base + "expect: [{from: web, ping: visitor, never-during: [4 s]}]\n", 13, 51, "two times"),
    Mistake(base + "expect: [{from: web, ping: visitor, always-after: 4 s, at: 1 s}]\n", 13, 56, "cannot stand beside"),
    Mistake(base + "expect: [{from: web, ping: visitor, status: 200}]\n", 13, 37, "goes with \"http\""),
    Mistake(base + "expect: [{from: web, http: \"visitor:80\"}]\n", 13, 28, "not an http:// address"),
    Mistake(base + "expect: [{from: web, ping: visitor, http: \"http://visitor\"}]\n", 13, 37, "cannot stand beside"),
    Mistake(
      "hosts: {a: {}, b: {}}\nexpect: [{from: a, ping: b}]\n", 2, 26, "has no address to reach it at"),
    Mistake(base + "expect: [{from: web, punch: {peer: web, via: visitor}}]\n", 13, 36, "can't be its own peer"),
    Mistake(base + "expect: [{from: web, nat: {via: visitor, mapping: dependent}}]\n", 13, 51, "none of"),
    Mistake(base + "expect: [{from: web, idle: {to: \"visitor:7\"}}]\n", 13, 28, "needs \"for\""),
    Mistake(base + "expect: [{from: web, idle: {to: \"visitor:7\", for: 9 s}, within: 9 s}]\n", 13, 65, "too short"),
    Mistake(base + "expect: [{from: web, lease: false}]\n", 13, 29, "only true makes sense"),
    Mistake(base + "expect: [{from: web, ping: visitor, rtt: {at-most: 1 ms, at-least: 2 ms}}]\n", 13, 52, "below"),
  ]

  @Test("A value of the wrong form is reported at its place", arguments: forms) func form(_ mistake: Mistake) {
    mistake.check()
  }
  @Test("A network that cannot be is reported at its place", arguments: networks) func network(_ mistake: Mistake) {
    mistake.check()
  }
  @Test("A machine that cannot be is reported at its place", arguments: machines) func machine(_ mistake: Mistake) {
    mistake.check()
  }
  @Test("An address that is missing or taken is reported at its place", arguments: addresses)
  func address(_ mistake: Mistake) { mistake.check() }
  @Test("An event that cannot happen is reported at its place", arguments: events) func event(_ mistake: Mistake) {
    mistake.check()
  }
  @Test("An expectation that says nothing is reported at its place", arguments: expectations)
  func expectation(_ mistake: Mistake) { mistake.check() }
}
