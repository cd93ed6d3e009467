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

  static let rows: [Row] = [
    // What counts is the moment at which a packet was dropped, not the end of the try.
    Row(
      "changes", "c h:80", at: .milliseconds(6000), ["a forward of tcp/80 comes at 10 s (line 13): until then"], line: "10 s",
      never: ["while this flow"]),
    Row(
      "changes", "c h:53/udp", at: .milliseconds(11_500), ["a forward of udp/53 comes at 12 s (line 14)"], line: "12 s",
      never: ["while this flow"]),
    Row("changes", "c h:80", at: .seconds(16), ["is off since 15 s (line 15); it is on again at 20 s (line 16)"]),
    Row(
      "changes", "c h:7/udp", at: .milliseconds(27_900), ["w is stopped since 25 s (line 18), and starts at 28 s (line 20)"],
      line: "stop: w"),
    Row(
      "changes", "c b", at: .milliseconds(24_999), ["b is stopped since 25 s (line 17), and starts at 28 s (line 19)"],
      line: "stop: b"),
    Row("changes", "c b", at: .seconds(27), ["b is stopped since 25 s (line 17), and starts at 28 s (line 19)"], line: "stop: b"),
    Row("changes", "p h:99/udp", at: .seconds(30), ["no port forward for udp/99"], never: ["paused", "nothing was sent"]),
    // A NAT's inner side has no forwards, and a machine's own forward may lead back to it.
    Row(
      "sides", "w 192.168.122.1:80",
      ["192.168.122.1 is h's inside address", "its outside one, 203.0.113.1:80 (line 7), which leads to w:80"], line: "home:",
      never: ["while this flow"]),
    Row(
      "sides", "g 192.168.50.1:80",
      ["192.168.50.1 is h's inside address; forwards are for its outside one: ask 203.0.113.1:80 (line 7)"], line: "home:"),
    Row(
      "sides", "v 192.168.60.1:80",
      ["192.168.60.1 is k's inside address; forwards are for its outside one: ask 203.0.113.3:80 (line 9)"], line: "k: {"),
    Row("sides", "v 192.168.60.1:8053/udp", ["ask 203.0.113.3:8053/udp (line 9)"]),
    Row("sides", "c 192.168.60.1:80", ["ask 203.0.113.3:80 (line 9)"]),
    Row(
      "sides", "w 192.168.122.1:22", ["where nothing listens on TCP port 22"], line: "home:",
      never: ["add `forwards", "ask for that"]),
    Row(
      "sides", "w h:53/udp",
      [
        "w asked h's forward (line 7), which leads back to w itself with w's own address as source",
        "`hairpin: internal-source` of home, line 7",
        "`hairpin: external-source` would do, or ask w:53/udp",
      ], line: "home:"),
    // Through a bridge into a NAT's network.
    Row(
      "bridged", "c bv:80", ["bv is behind r's NAT (lan, line 6)", "ask for r's forward, r:80 (line 6)"], line: "lan:",
      never: ["nothing routes"]),
    Row("bridged", "c bs:80", ["bs is behind r's NAT (lan, line 6)", ":bs:80/tcp\"]` in lan"], never: ["nothing routes"]),
    Row("bridged", "c bv", ["bv is behind r's NAT", "a ping gets no further than r"]),
    Row("bridged", "c 10.0.0.70:80", ["bs is behind r's NAT"]),
    Row("bridged", "c 10.0.0.77:80", ["10.0.0.77 is an address behind r's NAT (lan, line 6)", "no machine of this lab"]),
    Row("bridged", "c r:85", ["no port forward for tcp/85, and no machine behind lan listens"], never: ["ask for that"]),
    Row("bridged", "c r:53/udp", ["`forwards: [\"53:bv:53/udp\"]` to lan"]),
    // Through two NATs.
    Row(
      "double", "c vm1:80",
      ["vm1 is behind home1's NAT (hn, line 7)", "ask for cgn:8080 (line 4), which leads to home1:80 and on to vm1:80"]),
    Row("double", "peer vm1:80", ["ask for home1's forward, home1:80 (line 7)"]),
    Row("double", "c vm1", ["a ping gets no further than cgn"]),
    Row(
      "double", "c vm1:83",
      ["forwards of cgn and home1, and one of cgn is missing: `forwards: [\"83:home1:83/tcp\"]` in cg", "from cgn:83"]),
    Row(
      "double", "c vm1:53/udp",
      [
        "one of home1 and one of cgn are missing",
        "`forwards: [\"53:vm1:53/udp\"]` in hn and `forwards: [\"53:home1:53/udp\"]` in cg would lead in from cgn:53/udp",
      ]),
    Row("double", "vm1 10.0.0.1:8080", ["10.0.0.1 is cgn's inside address", "ask 203.0.113.1:8080 (line 4)"]),
    Row("double", "vm1 10.0.0.99:80", ["no machine on the link"], never: ["behind"]),
    // Private addresses.
    Row("more", "c web:80", ["web is behind k's NAT (n, line 7)", "`forwards: [\"80:web:80/tcp\"]` in n"], line: "n: {mode"),
    Row("more", "c web:8000", ["ask for k's forward, k:84 (line 7)"], line: "n: {mode"),
    Row("more", "c web:53/udp", ["k's forward, k:53/udp"]),
    Row("more", "c web", ["a ping gets no further than k"]),
    Row(
      "more", "c 192.168.1.200:80", ["192.168.1.200 is an address behind k's NAT", "no machine of this lab has that address"],
      line: "n: {mode", never: ["is the way in"]),
    Row("more", "v 192.168.1.200:80", ["no machine on the link of v has the address"], never: ["behind"]),
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
    Row(
      "more", "web c:9/udp", ["c's sink (line 15) took the datagram and answers nothing", "is: delivered"],
      never: ["add a program"]),
    Row("localhost", "mac mac:8080", ["forwarded to c (line 4)", "local-forwards: true", "ask c:80"], never: ["add a program"]),
    Row("localhost", "mac localhost:8080", ["forwarded to c", "local-forwards"], never: ["add a program"]),
    // Machines.
    Row("more", "c k:2222", ["off isn't running: it has not been started (line 19)"], line: "off:"),
    Row("more", "off c:80", ["off isn't running", "nothing was sent"], line: "off:"),
    Row(
      "paused", "web visitor:80", at: .seconds(3),
      ["web is paused since 2 s (line 13)", "until 8 s (line 15)", "nothing was sent"], line: "pause: web"),
    Row(
      "paused", "visitor pub:80", at: .seconds(3), ["pub is paused since 2 s (line 14)"], line: "pause: pub", never: ["nobody"]),
    Row("paused", "visitor laptop:80", at: .seconds(3), ["web is paused since 2 s (line 13)"], line: "pause: web"),
    Row("paused", "visitor pub:80", at: .seconds(11), ["pub is stopped since 10 s (line 18)"], line: "stop: pub"),
    Row(
      "paused", "visitor pub:80", at: .hours(100), ["the cable of visitor is out since 34 s (line 22)"],
      line: "link-down: visitor"),
    Row("paused", "visitor off:80", at: .seconds(3), ["off isn't running", "`autostart: true`"], line: "off:"),
    Row(
      "paused", "visitor soon:80", at: .seconds(3), ["soon isn't running", "starts at 11 s (line 19)"], line: "soon:",
      never: ["autostart: true"]),
    Row("paused", "visitor laptop:80", at: .milliseconds(34_500), ["cable of visitor is out since 34 s"], line: "34 s"),
    // Routes.
    Row(
      "more", "iso c:80", ["its network i (line 8) is isolated", "nat or bridge network"], line: "i: {mode", never: ["`gateway`"]),
    Row("more", "own c:80", ["its network h (line 9) is host-only"], never: ["`gateway`"]),
    Row("more", "c d:80", ["d is on far, c on net"], line: "c: {uplink", never: ["`gateway` would"]),
    Row("more", "c 8.8.8.8:80", ["no machine of this lab has that address"]),
    Row(
      "more", "g 8.8.8.8:80", ["203.0.113.99 is g's gateway (line 17)", "no machine on its link has that address"],
      line: "g: {uplink"),
    Row("more", "c 203.0.113.77:80", ["no machine on the link of c has the address 203.0.113.77"]),
    Row("more", "c nofwd:80", ["`ip-forwarding: true` on nofwd (line 11)"], line: "nofwd:"),
    // One NAT behind another, and others' ports.
    Row("nested", "visitor web:80", ["web is behind home's NAT"], never: ["no machine on its link"]),
    Row("nested", "visitor home:80", ["home is behind isp's NAT (cgn, line 4)", "isp's forward, isp:8080"]),
    Row(
      "nested", "visitor isp:80", ["no port forward for tcp/80, but TCP port 8080 leads to home:80 (line 4): ask for that"],
      line: "cgn:"),
    Row("nested", "visitor strict:80", ["no port forward for tcp/80"], never: ["add a program"]),
    Row("nested", "d2 visitor:80", ["table of flows was full", "`limits: {table"], line: "strict:"),
    Row(
      "asymmetric", "visitor box:8080", ["came from 192.168.122.5:80 (web), not from 203.0.113.2:8080", "asymmetric path"],
      never: ["hairpin"]),
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
    Row(
      "hairpin", "client pc:53/udp", ["came from 192.168.122.3:53 (web)", "hairpin: external-source"], never: ["add a program"]),
    Row("hairpin", "self off:80", ["`hairpin` is off", "hairpin: external-source"], line: "off: {uplink"),
    // Events.
    Row("events", "visitor laptop:80", at: .seconds(6), ["comes at 15 s (line 9)"], line: "add-forward"),
    Row(
      "events", "visitor laptop:80", at: .seconds(21),
      ["ip-forwarding is off since 20 s (line 10)", "on again at 30 s (line 11)"]),
    Row(
      "unplugged", "visitor box:80", at: .milliseconds(5500),
      ["ARP was lost (link-down) 3 times", "the cable of web was out from 5 s (line 8) to 8 s (line 9)"], line: "link-down",
      never: ["chance"]),
    Row("unplugged", "web visitor:80", at: .milliseconds(5500), ["the cable of web was out from 5 s"], never: ["chance"]),
    // Chance.
    Row(
      "loss", "one three:7/udp",
      ["ARP was lost (link-loss) 3 times", "chance", "`loss: 100 %` of three (line 7)", "three is there"], never: ["no machine"]),
    Row(
      "loss", "two one:7/udp", at: .seconds(4), ["lost at two/uplink, by chance (`loss: 100 %` of two, line 9)"], line: "set-link"
    ),
    Row("rules", "server box:7/udp", ["rule 1 of home (line 12) stops it: deny"], line: "deny: any"),
  ]

  static func explain(_ row: Row) throws -> Explanation {
    var simulation = try Simulation(topology(#require(labs[row.lab])), until: .never)
    let question = try simulation.ask(
      from: row.from, WeftTopology.Expectation.probe(text: row.to), to: row.to, at: .start + row.at)
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
      // To a check, other than to `explain`, an asker that stands still soon after says nothing.
      guard verdict.observed != "undecided: p is paused since 31 s" else { continue }
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
        + "\nduration: 12 s\nexpect: [{from: client, to: \"box:81\", is: dropped, by: home, reason: no-port-forward, at: 3 s, within: 2 s}]\n"
    )
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
