import Foundation
import Testing
import WeftCore
import WeftTestSupport
import WeftTopology

@testable import WeftFabric

/// What `explain` and a failed check say of the cause: what is so in this lab, with its line; and never what isn't.
@Suite struct AdviceTests {
  struct Row: CustomTestStringConvertible, Sendable {
    var lab: String
    /// As on the command line.
    var from: String
    var to: String
    var at: Nanoseconds
    /// Of the advice.
    var words: [String]
    /// Text of the line that is named.
    var line: String?
    /// Words that would lead astray.
    var never: [String]

    init(
      _ lab: String, _ question: String, at: Nanoseconds = .seconds(1), _ words: [String], line: String? = nil,
      never: [String] = []
    ) {
      (self.lab, self.at, self.words, self.line, self.never) = (lab, at, words, line, never)
      let ends = question.split(separator: " ").map(String.init)
      (from, to) = (ends[0], ends[1])
    }

    var testDescription: String { "\(lab): \(from) → \(to) at \(at)" }
  }

  static let labs: [String: String] = [
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

  static let rows: [Row] = [
    // Private addresses.
    Row("more", "c web:80", ["web is behind k's NAT (n, line 7)", "`forwards: [\"80:web:80/tcp\"]` in n"], line: "n: {mode"),
    Row("more", "c web:8000", ["ask for k's forward, k:84 (line 7)"], line: "n: {mode"),
    Row("more", "c web:53/udp", ["k's forward, k:53/udp"]),
    Row("more", "c web", ["a ping gets no further than k"]),
    Row("more", "c 192.168.1.200:80", ["192.168.1.200 is behind k's NAT", "a forward of k is the way in"]),
    Row("more", "v web:80", ["web is behind k's NAT"], never: ["no machine on the link"]),
    Row("more", "web v:80", ["v is behind nofwd's NAT", "nofwd's forward, nofwd:80"], never: ["off"]),
    Row("more", "w2 web:80", ["two NAT networks of one host don't reach each other"]),
    Row("more", "c iso:80", ["iso is on the isolated network i"], line: "i: {mode"),
    Row("more", "c own:80", ["own is on the host-only network h"], line: "h: {mode"),
    // Ports.
    Row("more", "c k:80", ["forwards: [\"80:web:80/tcp\"]"], line: "n: {mode", never: ["off"]),
    Row("more", "c k:81", ["no port forward for tcp/81", "no machine behind"], never: ["add `forwards"]),
    Row("more", "c k:53", ["port 53 is forwarded for UDP only", "this is TCP"], line: "n: {mode"),
    Row("more", "c k:83", ["late's http-server (line 21) starts 60 s after late boots"], line: "late:", never: ["add a program"]),
    Row("more", "c k:84", ["the forward (line 7) leads to web:8000", "port 80"], never: ["add a program"]),
    Row("more", "web c:81", ["nothing on c listens on TCP port 81 (but on 80, 9)", "add a program"], line: "c: {uplink"),
    Row("more", "c web:53", ["behind k's NAT"]),
    Row("more", "web c:9/udp", ["c's sink (line 15) took the datagram and answers nothing", "is: delivered"], never: ["add a program"]),
    Row("localhost", "mac mac:8080", ["forwarded to c (line 4)", "local-forwards: true", "ask c:80"], never: ["add a program"]),
    Row("localhost", "mac localhost:8080", ["forwarded to c", "local-forwards"], never: ["add a program"]),
    // Machines.
    Row("more", "c k:2222", ["off isn't running: it has not been started (line 19)"], line: "off:"),
    Row("more", "off c:80", ["off isn't running", "nothing was sent"], line: "off:"),
    Row("paused", "web visitor:80", at: .seconds(3), ["web is paused since 2 s (line 13)", "until 8 s (line 15)", "nothing was sent"], line: "pause: web"),
    Row("paused", "visitor pub:80", at: .seconds(3), ["pub is paused since 2 s (line 14)"], line: "pause: pub", never: ["nobody"]),
    Row("paused", "visitor laptop:80", at: .seconds(3), ["web is paused since 2 s (line 13)"], line: "pause: web"),
    Row("paused", "visitor pub:80", at: .seconds(11), ["pub is stopped since 10 s (line 18)"], line: "stop: pub"),
    Row("paused", "visitor pub:80", at: .hours(100), ["the cable of visitor is out since 34 s (line 22)"], line: "link-down: visitor"),
    Row("paused", "visitor off:80", at: .seconds(3), ["off isn't running", "`autostart: true`"], line: "off:"),
    Row("paused", "visitor soon:80", at: .seconds(3), ["soon isn't running", "starts at 11 s (line 19)"], line: "soon:", never: ["autostart: true"]),
    Row("paused", "visitor laptop:80", at: .milliseconds(34_500), ["cable of visitor is out since 34 s"], line: "34 s"),
    // Routes.
    Row("more", "iso c:80", ["its network i (line 8) is isolated", "nat or bridge network"], line: "i: {mode", never: ["`gateway`"]),
    Row("more", "own c:80", ["its network h (line 9) is host-only"], never: ["`gateway`"]),
    Row("more", "c d:80", ["d is on far, c on net"], line: "c: {uplink", never: ["`gateway` would"]),
    Row("more", "c 8.8.8.8:80", ["no machine of this lab has that address"]),
    Row("more", "g 8.8.8.8:80", ["203.0.113.99 is g's gateway (line 17)", "no machine on its link has that address"], line: "g: {uplink"),
    Row("more", "c 203.0.113.77:80", ["no machine on the link of c has the address 203.0.113.77"]),
    Row("more", "c nofwd:80", ["`ip-forwarding: true` on nofwd (line 11)"], line: "nofwd:"),
    // One NAT behind another, and others' ports.
    Row("nested", "visitor web:80", ["web is behind home's NAT"], never: ["no machine on its link"]),
    Row("nested", "visitor home:80", ["home is behind isp's NAT (cgn, line 4)", "isp's forward, isp:8080"]),
    Row("nested", "visitor isp:80", ["no port forward for tcp/80, but TCP port 8080 leads to home:80 (line 4): ask for that"], line: "cgn:"),
    Row("nested", "visitor strict:80", ["no port forward for tcp/80"], never: ["add a program"]),
    Row("nested", "d2 visitor:80", ["table of flows was full", "`limits: {table"], line: "strict:"),
    Row("asymmetric", "visitor box:8080", ["came from 192.168.122.5:80 (web), not from 203.0.113.2:8080", "asymmetric path"], never: ["hairpin"]),
    Row("asymmetric", "visitor box:53/udp", ["came from 192.168.122.5:53 (web)", "asymmetric path"]),
    // Copies that a switch floods to bystanders say nothing.
    Row("flooded", "client box:81", at: .seconds(3), ["no port forward for tcp/81"], never: ["pub", "late"]),
    // Addresses that are none.
    Row("more", "c 240.0.0.1:80", ["is reserved"]), Row("more", "c 0.0.0.0:80", ["nobody's address"]),
    Row("more", "c 224.0.0.1:80", ["is a group", "two ends"]), Row("more", "c 224.0.0.251:5353/udp", ["is a group", "no NAT"]),
    Row("more", "c 255.255.255.255:80", ["everybody on the link"]), Row("more", "web 239.1.2.3:7/udp", ["is a group"]),
    // Answers from elsewhere.
    Row(
      "hairpin", "client pc:8080",
      ["came from 192.168.122.3:80 (web), not from 203.0.113.2:8080", "went past the NAT", "hairpin: external-source"],
      line: "home: {mode", never: ["add a program"]),
    Row("hairpin", "client pc:53/udp", ["came from 192.168.122.3:53 (web)", "hairpin: external-source"], never: ["add a program"]),
    Row("hairpin", "self off:80", ["`hairpin` is off", "hairpin: external-source"], line: "off: {uplink"),
    // Events.
    Row("events", "visitor laptop:80", at: .seconds(6), ["comes at 15 s (line 9)"], line: "add-forward"),
    Row("events", "visitor laptop:80", at: .seconds(21), ["ip-forwarding is off since 20 s (line 10)", "on again at 30 s (line 11)"]),
    Row("unplugged", "visitor box:80", at: .milliseconds(5500), ["ARP was lost (link-down) 3 times", "the cable of web was out from 5 s (line 8) to 8 s (line 9)"], line: "link-down", never: ["chance"]),
    Row("unplugged", "web visitor:80", at: .milliseconds(5500), ["the cable of web was out from 5 s"], never: ["chance"]),
    // Chance.
    Row("loss", "one three:7/udp", ["ARP was lost (link-loss) 3 times", "chance", "`loss: 100 %` of three (line 7)", "three is there"], never: ["no machine"]),
    Row("loss", "two one:7/udp", at: .seconds(4), ["lost at two/uplink, by chance (`loss: 100 %` of two, line 9)"], line: "set-link"),
    Row("rules", "server box:7/udp", ["rule 1 of home (line 12) stops it: deny"], line: "deny: any"),
  ]

  static func explain(_ row: Row) throws -> Explanation {
    var simulation = try Simulation(topology(#require(labs[row.lab])), until: .never)
    let question = try simulation.ask(from: row.from, .init(text: row.to), to: row.to, at: .start + row.at)
    simulation.advance(to: .start + row.at)
    return simulation.answer(question)
  }

  @Test(arguments: rows) func theCauseInThisLabIsNamed(row: Row) throws {
    let way = try Self.explain(row)
    #expect(!way.isOpen && way.at == .start + row.at, "\(way.text(file: "lab"))")
    let hint = way.hint ?? "no advice"
    for word in row.words { #expect(hint.contains(word), "\(word): \(way.outcome): \(hint)") }
    for word in row.never { #expect(!hint.contains(word), "\(word): \(hint)") }
    guard let wanted = row.line else { return }
    let lines = try #require(Self.labs[row.lab]).split(separator: "\n", omittingEmptySubsequences: false)
    let line = try #require(way.line, "\(hint)")
    #expect(lines[line - 1].contains(wanted), "line \(line): \(lines[line - 1])")
  }

  /// The same words stand in the report of a check, where it failed for want of what is missing.
  @Test func aFailedCheckSaysTheSame() throws {
    for row in Self.rows where row.at < .seconds(60) && row.lab != "loss" && row.lab != "unplugged" {
      let lab = try #require(Self.labs[row.lab])
      let what = row.to.contains(":") ? "to: \"\(row.to)\"" : "ping: \(row.to)"
      let end = lab.contains("duration") ? "" : "\nduration: \(row.at.rawValue / 1_000_000 + 5000) ms"
      let text =
        lab + "\nexpect: [{from: \(row.from), \(what), at: \(row.at.rawValue / 1_000_000) ms, within: 0 s}]\n" + end
      // Some questions are none that a file may ask.
      guard Topology.load(text: text, file: "lab.yaml").topology != nil else { continue }
      let report = try run(text)
      let verdict = try #require(report.expectations.first)
      // What events did to packets sent again leaves a check undecided.
      guard !verdict.observed.hasPrefix("undecided: lost by accident") else { continue }
      for word in row.words {
        #expect(verdict.advice?.text.contains(word) == true, "\(row.testDescription): \(word): \(verdict)")
      }
      #expect(report.text().contains(try #require(verdict.advice).text))
    }
  }

  /// A switch that has no entry floods: that a bystander stands still, is off or has no cable decides nothing, and doesn't keep
  /// a check from being decided.
  @Test func copiesForBystandersDecideNothing() throws {
    let report = try run(
      try #require(Self.labs["flooded"])
        + "\nduration: 12 s\nexpect: [{from: client, to: \"box:81\", is: dropped, by: home, reason: no-port-forward, at: 3 s, within: 2 s}]\n")
    #expect(report.passed, "\(report.expectations)")
  }

  /// How to open what was to be shut, nobody asks; and what holds needs no advice.
  @Test func whoWantsAPortShutIsNotToldHowToOpenIt() throws {
    for outcome in ["dropped", "refused", "open"] {
      let verdict = try verdict("from: visitor, to: \"laptop:81\", is: \(outcome), within: 0 s")
      #expect((verdict.advice != nil) == (outcome == "open"), "\(verdict)")
    }
  }
}
