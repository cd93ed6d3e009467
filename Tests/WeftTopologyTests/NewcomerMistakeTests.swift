import Testing

@testable import WeftTopology

/// Mistakes that people make in their first hour: words of other tools, keys in the wrong place, wrong short forms.
@Suite struct NewcomerMistakeTests {
  private static let two =
    "segments: {wan: 203.0.113.0/24}\nhosts: {one: {uplink: wan 203.0.113.2}, two: {uplink: wan 203.0.113.3}}\n"

  private static func check(_ keys: String, _ column: Int, _ message: String, hint: String? = nil) -> Mistake {
    Mistake(two + "expect: [{from: two, \(keys)}]\n", 3, column, message, hint: hint)
  }

  private static func host(_ keys: String, _ column: Int, _ message: String, hint: String? = nil) -> Mistake {
    Mistake("segments: {wan: 203.0.113.0/24}\nhosts: {one: {uplink: wan 203.0.113.2, \(keys)}}\n", 2, column, message, hint: hint)
  }

  static let mistakes: [Mistake] = [
    // Words of nmap, iptables, VirtualBox.
    check("to: \"one:80\", is: closed", 40, "none of", hint: "\"refused\""),
    check("to: \"one:80\", is: filtered", 40, "none of", hint: "\"dropped\""),
    check("to: \"one:80\", is: timeout", 40, "none of", hint: "\"dropped\""),
    check("to: \"one:80\", is: ok", 40, "none of", hint: "\"open\""),
    host("networks: {a: bridged}", 54, "none of", hint: "\"bridge\""),
    host("networks: {a: internal}", 54, "none of", hint: "\"isolated\""),
    // Reasons.
    check("to: \"one:80\", is: dropped, reason: no-port-foward", 57, "nothing is ever dropped", hint: "\"no-port-forward\""),
    check("to: \"one:80\", is: dropped, reason: No_Port_Forward", 57, "nothing is ever dropped", hint: "\"no-port-forward\""),
    check("to: \"one:80\", is: dropped, reason: firewall", 57, "nothing is ever dropped", hint: "drop-reasons.md"),
    check("to: \"one:80\", is: dropped, reason: checksum", 57, "nothing is ever dropped", hint: "bad-tcp-checksum"),
    check("to: \"one:80\", is: refused, reason: link-loss", 57, "nobody is told of link-loss", hint: "is: dropped"),
    check("to: \"one:80\", is: dropped, reason: filterd, never-during: [1 s, 2 s]", 57, "nothing is ever", hint: "\"filtered\""),
    check("to: \"one:80\", is: dropped, by: one/uplink", 53, "is a port, not a", hint: "did you mean \"one\"?"),
    Mistake(two + "expect: [{from: 203.0.113.3, ping: one}]\n", 3, 17, "is an address, not the name of a machine"),
    Mistake(two + "expect: [{from: \"two:80\", ping: one}]\n", 3, 18, "is a port, not a machine", hint: "\"two\""),
    check("to: \"one:80\", is: dropped, by: tow", 53, "unknown", hint: "\"two\""),
    // Beside what brings no page, no rate, no packet.
    check("http: \"http://one/\", is: blocked, body: x", 56, "brings no page"),
    check("http: \"http://one/\", is: refused, status: 200", 56, "brings no page"),
    check("throughput: {to: \"one:5001\", at-least: 1 Mbit/s}, is: dropped", 51, "\"at-least\" goes with \"is: open\""),
    check("nat: {via: one, mapping: address-dependent}, is: dropped", 38, "\"mapping\" goes with \"is: open\""),
    Mistake(
      "segments: {wan: {subnet: 203.0.113.0/24, dhcp: true}}\nhosts: {one: {uplink: wan}}\nexpect: [{from: one, lease: true, reaches: one}]\n",
      3, 35, "a lease is looked up"),
    // Ports, protocols, endpoints.
    check("to: one 80", 26, "no colon before its port", hint: "\"one:80\""),
    check("to: \"one:80\", port: 80", 36, "unknown key \"port\"", hint: "behind the node"),
    check("to: \"one:53\", protocol: udp", 36, "unknown key \"protocol\"", hint: "53/udp"),
    Mistake(two + "expect: [{source: two, ping: one}]\n", 3, 11, "unknown key \"source\"", hint: "\"from\""),
    Mistake(two + "expect: [{from: two, ping: one, within: 5}]\n", 3, 41, "needs a unit", hint: "5 s, 5 ms"),
    host("networks: {a: {mode: nat, forwards: {8080: \"web:80\"}}}", 76, "expected a list", hint: "[\"8080:web:80\"]"),
    host("networks: {a: {mode: nat, forwards: [\"80\u{2013}81:web:80\u{2013}81\"]}}", 78, "not a port number", hint: "U+2013"),
    host("networks: {a: {mode: nat, nat: true}}", 71, "none of", hint: "\"mode: nat\""),
    // The wrong place.
    Mistake("networks: {home: nat}\n" + two + "vms: {web: {network: home}}\n", 1, 1, "unknown key \"networks\"", hint: "hosts:"),
    host("networks: {home: nat}, vms: {web: {network: home}}", 63, "unknown key \"vms\"", hint: "top of the file"),
    host("address: 203.0.113.9", 40, "unknown key \"address\"", hint: "uplink: campus"),
    Mistake(
      two + "events: [{at: 1 s, action: stop, link-down: one}]\n", 3, 20, "unknown key \"action\"",
      hint: "\"stop\" is itself the key"),
    Mistake(two + "events: [{at: 1 s, link-down: one, for: 2 s}]\n", 3, 36, "unknown key \"for\"", hint: "two events"),
    Mistake(two + "events: [{at: 1 s, link-down: one/uplink}]\n", 3, 31, "not a link", hint: "\"one.uplink\""),
    // YAML.
    Mistake(
      "segments:\n  wan:203.0.113.0/24\nhosts: {one: {uplink: wan 203.0.113.2}}\n", 2, 3, "expected a map of names",
      hint: "a space is missing"),
    Mistake("segments: {wan: 203.0.113.0/24 lan: 10.0.0.0/24}\n", 1, 32, "a comma is missing before \"lan\""),
    Mistake("<<<<<<< HEAD\nsegments: {}\n", 1, 1, "a merge conflict"),
    Mistake("// my lab\nname: x\n", 1, 1, "a comment begins with #", hint: "# my lab"),
    // Sentences, sums, decimals, templates.
    Mistake(two + "expect:\n  - two can reach one:80\n", 4, 5, "found \"two can reach one:80\"", hint: "{from: visitor, to: "),
    Mistake(two + "events: [link-down one at 5 s]\n", 3, 10, "found", hint: "{at: 5 s, link-down: "),
    Mistake(two + "events:\n  5 s: {link-down: one}\n", 4, 3, "expected a list", hint: "- {at: 5 s, …}"),
    Mistake("duration: 1h30m\n" + two, 1, 11, "one number with one unit", hint: "\"5400 s\""),
    Mistake("duration: 10s 500ms\n" + two, 1, 11, "one number with one unit", hint: "\"10.5 s\""),
    Mistake("segments: {a: {subnet: 10.0.0.0/24, loss: 0,5 %}}\n", 1, 45, "\"5 %\" is no key", hint: "loss: 0.5 %"),
    Mistake("segments: {a: {subnet: 10.0.0.0/24, rate: 100 Mb/s}}\n", 1, 47, "not a unit", hint: "100 Mbit/s"),
    Mistake("segments: {wan: ${SUBNET}}\n", 1, 17, "is not replaced", hint: "--set"),
    Mistake("segments: {wan: {{ subnet }}}\n", 1, 18, "plain words", hint: "templates"),
    check("to: \"one:80\", is: not open", 40, "none of", hint: "blocked"),
    check("http: \"http://one/\", is: 200", 47, "none of", hint: "status: 200"),
    Mistake(two + "expect: [{from: [one, two], ping: one}]\n", 3, 17, "found a list", hint: "one at a time"),
    host("programs: [{http-server: [80, 443]}]", 65, "found a list", hint: "one at a time"),
    host("programs: [http-server, {http-server: 8080/tcp}]", 78, "not a port number", hint: "\"8080\""),
    host("networks: {a: {mode: nat, forwards: [\"web:80\"]}}", 77, "not a port forward", hint: "80:web:80"),
    host("networks: {a: {mode: nat, forwards: [\"8080->web:80\"]}}", 77, "not a port forward", hint: "\"8080:web:80\""),
    host("networks: {a: {mode: nat, forwards: [\"8080:web:80 tcp\"]}}", 77, "not a port forward", hint: "\"8080:web:80/tcp\""),
    host(
      "networks: {a: {mode: nat, dhcp: {range: 192.168.122.10-99}}}", 80, "\"99\" is not", hint: "192.168.122.10-192.168.122.99"),
    host(
      "networks: {a: {mode: nat, nat: {rules: [{action: deny, port: 22}]}}}", 81, "unknown key \"action\"",
      hint: "\"deny\" is itself"),
    Mistake(two + "capture: [one/uplink]\n", 3, 10, "found a list", hint: "{ports: [one/uplink]}"),
    Mistake(two + "expect:\n  - from: two, to: \"one:80\"}\n", 4, 28, "this } closes nothing", hint: "put a { before \"from\""),
    Mistake("segments:\n  wan: {subnet: 203.0.113.0/24,\n    delay: 1 ms\nname: x\n", 2, 8, "not closed", hint: "end of line 3"),
    Mistake(base + "  x: {Network: home}\n", 13, 7, "unknown key \"Network\"", hint: "\"network\""),
    Mistake("segments: {wan: \"2001:db8::/64\"}\n", 1, 18, "not an IPv4 address", hint: "IPv6"),
  ]

  @Test(arguments: mistakes) func isToldInTheirWords(mistake: Mistake) { mistake.check() }

  /// A name with a colon in it is a text, not a comma forgotten.
  @Test func proseKeepsItsColon() {
    Mistake(Self.two + "expect: [{name: the web: open, from: two, ping: one}]\n", 3, 17, "must be quoted").check()
  }

  /// `capture: {ports: …}` is looked at where the lab's ports are known.
  @Test(arguments: [
    ("web", "did you mean \"web/*\"?"), ("wbe/*", "did you mean \"web/*\"?"), ("web.eth0", "did you mean \"web/eth0\"?"),
    ("web/eth1", "did you mean \"web/eth0\"?"), ("home/nic", "its ports are home/wan, home/lan"),
    ("zzz", "the ports are web/eth0, home/wan, home/lan"),
  ])
  func aPatternThatMatchesNothingIsAMistake(pattern: String, hint: String) {
    let text = base + "capture: {ports: [\"*/lan\", \"\(pattern)\"]}\n"
    let load = Topology.load(text: text, file: "f", portNames: { _ in ["web/eth0", "home/wan", "home/lan"] })
    #expect(load.topology == nil && load.diagnostics.count == 1, "\(load.diagnostics.map(\.message))")
    #expect(load.diagnostics.first?.message == "\"\(pattern)\" matches no port")
    #expect(load.diagnostics.first?.column == 28)
    #expect(load.diagnostics.first?.hint?.contains(hint) == true, "\(load.diagnostics.first?.hint ?? "")")
  }
}
