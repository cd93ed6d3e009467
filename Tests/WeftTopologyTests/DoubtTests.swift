import Testing

@testable import WeftTopology

/// What can be run and is seldom meant: one warning, at its place.
@Suite struct DoubtTests {
  struct Doubt: CustomTestStringConvertible, Sendable {
    /// `^` marks the place.
    var marked: String
    var message: String
    var hint: String?

    init(_ marked: String, _ message: String, hint: String? = nil) {
      self.marked = marked
      self.message = message
      self.hint = hint
    }

    var testDescription: String { "\(message): \(marked.suffix(60))" }
  }

  /// `base` and one more line.
  private static func doubt(_ line: String, _ message: String, hint: String? = nil) -> Doubt {
    Doubt(base + line + "\n", message, hint: hint)
  }

  private static func forward(_ forward: String, _ message: String, hint: String? = nil) -> Doubt {
    Doubt(
      base.replacing("subnet: 192.168.122.0/24}", with: "subnet: 192.168.122.0/24, forwards: [\(forward)]}").replacing(
        "web: {network: home}", with: "web: {network: home, address: 192.168.122.9, programs: [http-server, {udp-echo: 53}]}"),
      message, hint: hint)
  }

  static let doubts: [Doubt] = [
    // Oneself.
    doubt("expect: [{from: web, to: ^\"web:80\"}]", "\"web\" asks itself", hint: "another machine"),
    doubt("expect: [{from: laptop, ping: {to: ^laptop}}]", "\"laptop\" asks itself"),
    doubt("expect: [{from: public, http: ^\"http://134.115.153.73/\"}]", "\"public\" asks itself"),
    doubt("expect: [{from: visitor, idle: {to: ^\"visitor:7\", for: 1 s}}]", "\"visitor\" asks itself"),
    // Leases.
    doubt("expect: [{from: public, lease: ^true}]", "asks no DHCP server"),
    doubt("expect: [{from: visitor, lease: ^true, never-during: [1 s, 2 s]}]", "asks no DHCP server"),
    doubt("expect: [{from: web, lease: true, timeout: ^2 s}]", "without a \"timeout\""),
    // Times.
    doubt("expect: [{from: web, ping: visitor, timeout: ^20 s, within: 1 s}]", "no try waits for 20 s"),
    doubt("expect: [{from: web, ping: visitor, timeout: ^20 s}]", "no try waits for 20 s"),
    doubt("expect: [{from: web, ping: visitor, never-during: {from: 1 s, to: 2 s, every: ^10 s}}]", "it is tried once"),
    doubt("expect: [{from: web, ping: visitor, always-after: {from: 1 s, to: 2 s, every: ^2 s}}]", "it is tried once"),
    doubt("duration: 4 s\nexpect: [^{from: web, ping: visitor, always-after: 2 s}]", "goes on until 12 s"),
    doubt("duration: 4 s\nexpect: [^{from: web, ping: visitor, never-during: [1 s, 5 s]}]", "goes on until 5 s"),
    doubt("duration: 1 s\nexpect: [^{from: web, ping: visitor}]", "first tried only when the run ends"),
    // Answers that nobody gives, and that all do.
    doubt("expect: [{from: web, ping: visitor, seen-as: ^134.115.153.99}]", "nobody has the address 134.115.153.99"),
    doubt("expect: [{from: web, to: \"visitor:80\", reaches: ^public}]", "passes nothing on", hint: "reaches: visitor"),
    doubt("expect: [{from: web, http: \"http://visitor/\", body: ^\"\"}]", "contains an empty text"),
    // Events on nothing.
    doubt("events: [{at: 1 s, ^start: web}]", "it is running from the beginning"),
    doubt("events: [{at: 1 s, ^resume: web}]", "can't resume \"web\": it is running"),
    doubt("events: [{at: 1 s, stop: web}, {at: 2 s, ^pause: web}]", "it is stopped since line 13"),
    doubt("events: [{at: 2 s, ^stop: web}, {at: 1 s, stop: web}]", "it is stopped since line 13"),
    doubt("events: [{at: 1 s, pause: web}, {at: 2 s, ^start: web}]", "it is paused", hint: "resume"),
    doubt("events: [{at: 1 s, ^link-up: web}]", "web.eth0 is up already, from the beginning"),
    doubt("events: [{at: 1 s, link-down: laptop}, {at: 2 s, ^link-down: laptop.uplink}]", "down already, since line 13"),
    doubt("events: [{at: 1 s, ^ip-forwarding: {host: laptop, enabled: true}}]", "is on already"),
    doubt("events: [{at: 1 s, ^ip-forwarding: {host: visitor, enabled: false}}]", "has no nat network"),
    doubt("events: [{at: 1 s, ^remove-forward: {network: home, forward: \"80:192.168.122.77:80\"}}]", "no such forward at 1 s"),
    Doubt(
      """
      segments: {a: 10.0.0.0/24}
      hosts: {h: {uplink: a 10.0.0.1, networks: {n: {mode: nat, forwards: ["8080:web:80"]}}}}
      vms: {web: {network: n, programs: [http-server]}}
      events: [{at: 1 s, ^remove-forward: {network: n, forward: "8081:web:80"}}]
      """, "no such forward", hint: "8080:web:80"),
    // Forwards.
    forward("^\"8080:web:81\"", "nobody listens on port 81/tcp of \"web\"", hint: "80/tcp"),
    forward("^\"53:web:53\"", "nobody listens on port 53/tcp", hint: "53/udp"),
    forward("^\"9000-9010:web:90-100/both\"", "nobody listens on port 90-100/tcp or udp"),
    forward("^\"8080:192.168.122.9:81\"", "nobody listens on port 81/tcp of \"web\""),
    doubt(
      "events: [{at: 1 s, add-forward: {network: home, forward: ^\"80:web:80\"}}]", "nobody listens on port 80/tcp of \"web\"",
      hint: "http-server: 80"),
    // Cables.
    Doubt("segments: {a: {subnet: 10.0.0.0/24, loss: ^1}}", "100 %: no frame arrives", hint: "\"1 %\""),
    Doubt("segments: {a: {subnet: 10.0.0.0/24, loss: ^1.0}}", "100 %", hint: "write 100 %"),
    doubt("events: [{at: 1 s, set-link: {link: web, loss: ^1}}]", "100 %"),
    Doubt("segments: {a: {subnet: 10.0.0.0/24, queue: ^10}}", "its queue is never used", hint: "rate"),
    Doubt(
      "segments: {a: {subnet: 10.0.0.0/24}}\nhosts: {h: {uplink: {segment: a, address: 10.0.0.1, queue: ^{frames: 3}}}}",
      "never used"),
    // Hosts.
    Doubt("segments: {a: 10.0.0.0/24}\nhosts: {h: {uplink: a 10.0.0.1, ip-forwarding: ^false}}", "no nat network"),
  ]

  @Test(arguments: doubts) func isToldAndRun(doubt: Doubt) throws {
    let lines = doubt.marked.split(separator: "\n", omittingEmptySubsequences: false)
    let line = try #require(lines.firstIndex { $0.contains("^") })
    let column = lines[line].unicodeScalars.prefix { $0 != "^" }.count
    let load = load(doubt.marked.replacing("^", with: ""))
    let all = load.diagnostics.map { $0.render(color: false) }.joined(separator: "\n")
    #expect(load.topology != nil, "\(all)")
    #expect(load.diagnostics.count == 1 && load.diagnostics.first?.severity == .warning, "\(all)")
    guard let first = load.diagnostics.first else { return }
    #expect((first.line, first.column) == (line + 1, column + 1), "\(all)")
    #expect(first.message.contains(doubt.message), "\(all)")
    if let hint = doubt.hint { #expect(first.hint?.contains(hint) == true, "\(all)") }
  }

  /// The same keys where they mean something.
  @Test(arguments: [
    "expect: [{from: web, to: \"localhost:80\"}]", "expect: [{from: web, lease: true}]",
    "expect: [{from: web, ping: visitor, within: 0 s, timeout: 20 s}]",
    "expect: [{from: visitor, to: \"laptop:80\", reaches: web, seen-as: 134.115.153.10}]",
    "expect: [{from: web, ping: visitor, seen-as: 134.115.153.99, never-during: [1 s, 2 s]}]",
    "duration: 1 s\nexpect: [{from: web, ping: visitor, never-during: {from: 0 s, to: 1 s, every: 10 us}}]",
    "expect: [{from: web, ping: visitor, within: 30 s, timeout: 20 s}]",
    "events: [{at: 1 s, stop: web}, {at: 2 s, start: web}, {at: 3 s, pause: web}, {at: 4 s, resume: web}]",
    "events: [{at: 0 s, pause: web}]", "events: [{at: 2 s, link-up: web}, {at: 1 s, link-down: web}]",
    "events: [{at: 1 s, set-link: {link: web, loss: 100 %}}]",
    "events: [{at: 1 s, ip-forwarding: {host: laptop, enabled: false}}, {at: 2 s, ip-forwarding: {host: laptop, enabled: true}}]",
    "groups: {g: {count: 2, network: home, queue: 3}}\nevents: [{at: 1 s, set-link: {link: g1, rate: 1 Mbit/s}}]",
    "defaults: {vm: {queue: 3}}\ngroups: {g: {count: 2, network: home, rate: 1 Mbit/s}}",
  ])
  func whatIsMeantIsNoDoubt(line: String) {
    let load = load(base + line + "\n")
    #expect(load.topology != nil && load.diagnostics.isEmpty, "\(load.diagnostics.map { $0.render(color: false) })")
  }

  @Test func aRangeIsServedByOneListenerAndARouterForwardsOn() {
    let load = load(
      """
      segments: {wan: 203.0.113.0/24}
      hosts:
        isp: {uplink: wan 203.0.113.2, networks: {isp-lan: {mode: nat, forwards: ["80:home:8080"]}}}
        home: {uplink: isp-lan 192.168.122.9, networks: {lan: {mode: nat, forwards: ["8080-8090:web:80-90/both"]}}}
      vms: {web: {network: lan, programs: [http-server]}}
      """)
    #expect(load.diagnostics.isEmpty, "\(load.diagnostics.map { $0.render(color: false) })")
  }
}
