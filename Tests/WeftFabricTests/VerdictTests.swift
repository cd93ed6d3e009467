import Testing
import WeftCore
import WeftTestSupport

@testable import WeftFabric

/// A check says what is so: what chance, load or time ended is no negative, and an answer counts only for the socket that
/// asked.
@Suite struct VerdictTests {
  struct Case: Sendable {
    var name: String
    var lab: String
    /// An expectation, whether it holds, and what its verdict says was seen.
    var checks: [(String, Bool, String)]
  }

  private static let wan = """
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
    """
  /// A port forward to a VM, and who tries it.
  private static func forwarded(_ forwards: String, _ programs: String, _ more: String = "") -> String {
    """
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      box: {uplink: wan 203.0.113.2, networks: {home: {mode: nat, forwards: [\(forwards)]}}}
      client: {uplink: wan 203.0.113.9}
    vms: {web: {network: home, programs: [\(programs)]}}
    \(more)
    """
  }

  static let cases: [Case] = [
    Case(
      name: "a port that is open for a part of the window",
      lab: forwarded(
        "\"8080:web:80\"", "http-server",
        "events: [{at: 5 s, remove-forward: {network: home, forward: \"8080:web:80\"}}]"),
      checks: [
        ("from: client, to: \"box:8080\"", true, "open in 4 ms"),
        ("from: client, to: \"box:8080\", is: dropped, by: home", false, "open in 4 ms"),
        ("from: client, to: \"box:8080\", is: blocked", false, "open in 4 ms"),
        ("from: client, to: \"box:8080\", is: dropped, by: home, at: 6 s", true, "dropped by home: no-port-forward"),
      ]),
    Case(
      name: "loss is no policy",
      lab: """
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms, loss: 30 %}}
        hosts:
          server: {uplink: wan 203.0.113.2, programs: [http-server, {udp-echo: 7}, {tcp-echo: 7}]}
          client: {uplink: wan 203.0.113.9}
        """,
      checks: ["to: \"server:7\"", "to: \"server:7/udp\"", "ping: server", "http: \"http://server/\""].flatMap {
        [
          ("from: client, \($0), timeout: \($0.hasPrefix("http") ? "3 s" : "500 ms")", true, "open"),
          ("from: client, \($0), is: dropped, timeout: 500 ms", false, ""),
          ("from: client, \($0), is: blocked, timeout: 500 ms", false, ""),
          ("from: client, \($0), is: unreachable, timeout: 500 ms", false, ""),
        ]
      }),
    Case(
      name: "lost ARP is no absence",
      lab: """
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms, loss: 60 %}}
        hosts:
          one: {uplink: wan 203.0.113.2, programs: [{udp-echo: 7}]}
          two: {uplink: wan 203.0.113.9}
        """,
      checks: [
        ("from: two, to: \"one:7/udp\", is: unreachable", false, ""),
        ("from: two, ping: one, is: unreachable", false, ""), ("from: two, ping: one, is: blocked", false, ""),
        ("from: two, ping: 203.0.113.77, is: unreachable", true, "unreachable (host)"),
      ]),
    Case(
      name: "a cable that is out for a while, or for good",
      lab: """
        duration: 40 s
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
        hosts:
          server: {uplink: wan 203.0.113.2, programs: [{tcp-echo: 7}, {udp-echo: 7}]}
          client: {uplink: wan 203.0.113.9}
        events:
          - {at: 3 s, link-down: server.uplink}
          - {at: 5 s, link-up: server.uplink}
          - {at: 20 s, link-down: server.uplink}
        """,
      checks: [
        ("from: client, to: \"server:7\"", true, "open"),
        ("from: client, to: \"server:7\", is: dropped, timeout: 500 ms", false, "open"),
        ("from: client, to: \"server:7/udp\", is: blocked, at: 3 s, within: 1500 ms, timeout: 500 ms", false, "link-down"),
        ("from: client, to: \"server:7\", is: unreachable, at: 3 s, within: 1500 ms", false, "undecided"),
        ("from: client, to: \"server:7/udp\", is: dropped, reason: link-down, at: 3 s, within: 1500 ms", true, "link-down"),
        ("from: client, to: \"server:7/udp\", is: dropped, at: 21 s, within: 2 s", true, "dropped by wan: link-down"),
      ]),
    Case(
      name: "a service that starts late",
      lab: """
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
        hosts:
          server: {uplink: wan 203.0.113.2, programs: [{tcp-echo: {port: 7, start: 4 s}}]}
          client: {uplink: wan 203.0.113.9}
        """,
      checks: [
        ("from: client, to: \"server:7\"", true, "open in 4 ms"),
        ("from: client, to: \"server:7\", is: refused", false, "open in 4 ms"),
        ("from: client, to: \"server:7\", is: blocked", false, "open in 4 ms"),
        ("from: client, to: \"server:7\", is: refused, within: 2 s", true, "refused (RST)"),
      ]),
    Case(
      name: "a full queue decides nothing",
      lab: """
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
        hosts:
          server:
            uplink: {segment: wan, address: 203.0.113.2, rate: 1 Mbit/s, queue: 1}
            programs: [{tcp-echo: 7}, {udp-echo: 7}, {sink: 9}]
          client: {uplink: wan 203.0.113.9}
          noisy: {uplink: wan 203.0.113.10, programs: [{udp-rate: {to: "server:9", size: 1200 B, pps: 200, count: 4000}}]}
        """,
      checks: [
        ("from: client, to: \"server:7/udp\", is: dropped, timeout: 500 ms", false, ""),
        ("from: client, to: \"server:7\", is: blocked, timeout: 500 ms", false, ""),
        ("from: client, to: \"server:7\", is: unreachable", false, ""),
      ]),
    Case(
      name: "slow is neither dropped nor blocked",
      lab: """
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms, rate: 1 Mbit/s, loss: 1 %}}
        hosts:
          server: {uplink: wan 203.0.113.2, programs: [{http-server: {size: 10 MB}}, {sink: 5001}]}
          client: {uplink: wan 203.0.113.9}
          other: {uplink: wan 203.0.113.10}
        """,
      checks: [
        ("from: client, http: \"http://server/\", is: dropped, timeout: 3 s", false, "slow"),
        ("from: client, http: \"http://server/\", is: blocked, timeout: 3 s", false, "slow"),
        ("from: client, http: \"http://server/\", timeout: 3 s", false, "slow: not finished in"),
        ("from: other, throughput: {to: \"server:5001\", size: 10 MB}, is: dropped, timeout: 3 s", false, "slow"),
        ("from: other, throughput: {to: \"server:5001\", size: 10 MB}, is: slow, timeout: 3 s, within: 3 s", true, "slow"),
      ]),
    Case(
      name: "what was cut off for good is dropped, however much went through before",
      lab: """
        duration: 30 s
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms, rate: 10 Mbit/s}}
        hosts:
          server: {uplink: wan 203.0.113.2, programs: [{http-server: {size: 4 MB}}, {sink: 5001}]}
          client: {uplink: wan 203.0.113.9}
        events: [{at: 2 s, link-down: server.uplink}]
        """,
      checks: [
        ("from: client, http: \"http://server/\", is: dropped, timeout: 9 s, within: 9 s", true, "link-down"),
        (
          "from: client, throughput: {to: \"server:5001\", size: 4 MB}, is: dropped, timeout: 9 s, within: 9 s", true,
          "link-down"
        ),
      ]),
    Case(
      name: "an answer that is late",
      lab: """
        duration: 60 s
        segments: {wan: {subnet: 203.0.113.0/24, delay: 750 ms}}
        hosts:
          server: {uplink: wan 203.0.113.2, programs: [{tcp-echo: 7}]}
          client: {uplink: wan 203.0.113.9}
        """,
      checks: [
        ("from: client, ping: server, timeout: 10 s", true, "open in 3 s"),
        ("from: client, to: \"server:81\", is: dropped, timeout: 2 s, at: 10 s", false, "slow"),
        (
          "from: client, to: \"server:81/udp\", is: dropped, by: server, reason: port-closed, timeout: 2 s, at: 10 s", false,
          "slow"
        ),
        ("from: client, to: \"server:7\", is: blocked, timeout: 2 s, at: 10 s", false, "slow"),
        ("from: client, to: \"server:81\", is: refused, timeout: 5 s, at: 25 s", true, "refused (RST)"),
        ("from: client, to: \"server:81/udp\", is: refused, timeout: 5 s, at: 25 s", true, "ICMP port unreachable"),
        ("from: client, to: \"server:7\", never-during: [30 s, 33 s], timeout: 1 s", false, "still on its way"),
      ]),
    Case(
      name: "a machine that stands still says nothing",
      lab: """
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
        hosts:
          box: {uplink: wan 203.0.113.2, networks: {lan: bridge, home: nat}}
          client: {uplink: wan 203.0.113.9, programs: [http-server]}
        vms:
          pub: {network: lan, address: 203.0.113.20, programs: [http-server, {udp-echo: 7}]}
          a: {network: home}
        events: [{at: 2 s, pause: pub}, {at: 2 s, pause: a}, {at: 9 s, resume: a}]
        """,
      checks: [
        ("from: client, ping: pub", true, "open"),
        ("from: client, ping: pub, is: dropped, at: 3 s", false, "no answer: pub is paused since 2 s"),
        ("from: client, to: \"pub:7/udp\", is: dropped, at: 3 s", false, "no answer: pub is paused since 2 s"),
        ("from: client, to: \"pub:80\", is: blocked, at: 3 s", false, "no answer: pub is paused since 2 s"),
        ("from: client, ping: pub, is: unreachable, at: 3 s", false, "pub is paused"),
        ("from: a, to: \"client:80\", is: dropped, at: 3 s, within: 3 s", false, "nothing was sent: a is paused since 2 s"),
        ("from: a, to: \"client:80\", never-during: [3 s, 6 s]", false, "a is paused since 2 s"),
      ]),
    Case(
      name: "who tries and is stopped meanwhile",
      lab: """
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
        hosts:
          box: {uplink: wan 203.0.113.2, networks: {home: nat}}
          client: {uplink: wan 203.0.113.9}
        vms: {web: {network: home}}
        events: [{at: 1200 ms, stop: web}]
        """,
      checks: [("from: web, to: \"box:99\", is: dropped, within: 3 s, timeout: 1 s", false, "web is stopped since 1.2 s")]),
    Case(
      name: "the answer of another is none",
      lab: """
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
        hosts:
          box: {uplink: wan 203.0.113.2, networks: {home: {mode: nat, nat: linux, forwards: ["5353:b:53/udp", "8080:b:80"]}}}
        vms:
          a: {network: home}
          b: {network: home, programs: [{udp-echo: 53}, http-server]}
        """,
      checks: [
        ("from: a, to: \"box:5353/udp\"", false, "one came from 192.168.122.3:53"),
        ("from: a, to: \"box:8080\"", false, "no answer from 203.0.113.2"),
        ("from: a, http: \"http://box:8080/\"", false, "no answer from 203.0.113.2"),
        ("from: a, to: \"b:53/udp\"", true, "open"),
      ]),
    Case(
      name: "an answer that is filtered on its way back is none",
      lab: """
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
        hosts:
          box:
            uplink: wan 203.0.113.2
            networks: {home: {mode: nat, forwards: ["7:web:7/udp", "8:web:8"], nat: {rules: [{deny: any, state: established}]}}}
          client: {uplink: wan 203.0.113.9}
        vms: {web: {network: home, programs: [{udp-echo: 7}, {tcp-echo: 8}]}}
        """,
      checks: [
        ("from: client, to: \"box:7/udp\"", false, "dropped by home: filtered"),
        ("from: client, to: \"box:7/udp\", reaches: web", false, "dropped by home: filtered"),
        ("from: client, to: \"box:7/udp\", is: dropped, by: home, reason: filtered", true, "filtered"),
        ("from: client, to: \"box:8\", is: dropped, by: home, reason: filtered", true, "filtered"),
      ]),
    Case(
      name: "delivered and answered are two things",
      lab: """
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
        hosts:
          server: {uplink: wan 203.0.113.2, programs: [{sink: 9}, {udp-echo: 7}]}
          client: {uplink: wan 203.0.113.9}
        """,
      checks: [
        ("from: client, to: \"server:9/udp\"", false, "delivered, unanswered"),
        ("from: client, to: \"server:9/udp\", rtt: < 1 h", false, "delivered, unanswered"),
        ("from: client, to: \"server:9/udp\", is: dropped", false, "delivered, unanswered"),
        ("from: client, to: \"server:9/udp\", is: delivered, reaches: server, seen-as: 203.0.113.9", true, "delivered"),
        ("from: client, to: \"server:9/udp\", is: delivered, reaches: client", false, "delivered"),
        ("from: client, to: \"server:7/udp\", is: delivered", true, "open"),
        ("from: client, to: \"server:8/udp\", is: delivered", false, "refused"),
      ]),
    Case(
      name: "a refusal is one for every kind",
      lab: """
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
        hosts:
          srv: {uplink: wan 203.0.113.9}
          a: {uplink: wan 203.0.113.10}
          b: {uplink: wan 203.0.113.11}
        """,
      checks: [
        ("from: a, nat: {via: srv}, is: refused, within: 9 s", true, "ICMP port unreachable"),
        ("from: a, idle: {to: \"srv:8/udp\", for: 1 s}, is: refused, within: 6 s", true, "ICMP port unreachable"),
        ("from: a, idle: {to: \"srv:8\", for: 1 s}, is: refused, within: 6 s", true, "RST"),
        ("from: a, punch: {peer: b, via: srv}, is: refused, within: 9 s", true, "ICMP port unreachable"),
        ("from: a, punch: {peer: b, via: srv}, is: dropped, within: 9 s", false, "ICMP port unreachable"),
        ("from: a, punch: {peer: b, via: srv, protocol: tcp}, is: refused, within: 9 s", true, "RST"),
        ("from: a, throughput: {to: \"srv:8\"}, is: refused, within: 9 s", true, "RST"),
        ("from: a, http: \"http://srv/\", is: refused", true, "RST"),
      ]),
    Case(
      name: "never and always try at each of their moments",
      lab: forwarded(
        "", "{udp-echo: 53}",
        """
        events:
          - {at: 2 s, add-forward: {network: home, forward: "53:web:53/udp"}}
          - {at: 4900 ms, remove-forward: {network: home, forward: "53:web:53/udp"}}
        """),
      checks: [
        ("from: client, to: \"box:53/udp\", never-during: [1 s, 9 s]", false, "open in 4 ms, at 2."),
        ("from: client, to: \"box:53/udp\", is: blocked, always-after: 1 s", false, "open in 4 ms, at 2."),
        ("from: client, to: \"box:53/udp\", is: blocked, always-after: 5 s", true, "each of"),
        ("from: client, to: \"box:53/udp\", always-after: {from: 2 s, to: 4 s}", true, "each of 3 tries"),
      ]),
    Case(
      name: "a round trip holds no ARP",
      lab: """
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
        hosts:
          one: {uplink: wan 203.0.113.2, programs: [{tcp-echo: 7}, {udp-echo: 7}]}
          two: {uplink: wan 203.0.113.9}
          three: {uplink: wan 203.0.113.10}
          four: {uplink: wan 203.0.113.11}
        """,
      checks: [("two", "ping: one"), ("three", "to: \"one:7\""), ("four", "to: \"one:7/udp\"")].flatMap {
        [
          ("from: \($0), \($1), rtt: < 5 ms", true, "open in 4 ms"),
          ("from: \($0), \($1), rtt: \"> 7 ms\"", false, "open in 4 ms"),
        ]
      }),
    Case(
      name: "one try has its time; a window of nothing has none",
      lab: """
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
        hosts:
          server: {uplink: wan 203.0.113.2, programs: [http-server]}
          client: {uplink: wan 203.0.113.9}
        """,
      checks: [
        ("from: client, to: \"server:80\", within: 0 s, timeout: 3 s", true, "open"),
        ("from: client, to: \"server:81\", is: refused, within: 0 s", true, "refused"),
        ("from: client, ping: server, within: 0 s", true, "open"),
      ]),
    Case(
      name: "a rate needs a time",
      lab: """
        segments: {wan: {subnet: 203.0.113.0/24}}
        hosts: {h: {uplink: wan 203.0.113.2, networks: {home: nat}}}
        vms: {a: {network: home}, b: {network: home, programs: [{sink: 5001}]}}
        """,
      checks: [
        ("from: a, throughput: {to: \"b:5001\", size: 1 kB, at-least: 1 Tbit/s}", false, "in no time"),
        ("from: a, throughput: {to: \"b:5001\", size: 1 kB, at-most: 1 bit/s}", false, "in no time"),
        ("from: a, throughput: {to: \"b:5001\", size: 1 kB}", true, "open"),
      ]),
    Case(
      name: "a moment is judged by its first packet",
      lab: """
        duration: 20 s
        \(forwarded("\"80:web:80\"", "http-server", """
          events:
            - {at: 5 s, remove-forward: {network: home, forward: "80:web:80"}}
            - {at: 10 s, add-forward: {network: home, forward: "80:web:80"}}
          """))
        """,
      checks: [
        ("from: client, to: \"box:80\", never-during: {from: 5 s, to: 9900 ms}", true, "never in 5 tries"),
        ("from: client, to: \"box:80\", is: dropped, always-after: {from: 5 s, to: 9900 ms}", true, "each of 5 tries"),
        ("from: client, to: \"box:80\", is: open, always-after: {from: 7100 ms, to: 9900 ms}", false, "tried at "),
        ("from: client, http: \"http://box/\", is: open, always-after: {from: 7100 ms, to: 9900 ms}", false, "dropped by home"),
        ("from: client, to: \"box:80\", is: dropped, at: 7100 ms, within: 2800 ms", true, "dropped by home"),
        ("from: client, to: \"box:80\", never-during: {from: 8 s, to: 12 s}", false, "open"),
      ]),
    Case(
      name: "a gateway answers those inside about its own ports",
      lab: forwarded("", "http-server"),
      checks: [
        ("from: web, to: \"192.168.122.1:22\", is: refused", true, "refused (RST)"),
        ("from: web, to: \"192.168.122.1:22/udp\", is: refused", true, "ICMP port unreachable"),
        ("from: web, to: \"192.168.122.1:22\", is: dropped", false, "refused"),
      ]),
    Case(
      name: "a NAT's filter shows in what it filters, not in what was lost",
      lab: """
        duration: 130 s
        segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms, loss: 20 %}}
        hosts:
          one: {uplink: wan 203.0.113.2, programs: [{stun-server: {other: alt}}]}
          alt: {uplink: wan 203.0.113.3, programs: [{stun-server: {other: one}}]}
          box: {uplink: wan 203.0.113.4, networks: {home: {mode: nat, nat: full-cone}}}
        vms: {web: {network: home}}
        """,
      checks: [
        ("from: web, nat: {via: one, filtering: endpoint-independent}, within: 120 s", true, "endpoint-independent"),
        ("from: web, nat: {via: one, filtering: address-dependent}, within: 120 s", false, ""),
        ("from: web, nat: {via: one, filtering: address-and-port-dependent}, within: 120 s", false, ""),
        ("from: web, nat: {via: one}, is: dropped, within: 120 s", false, ""),
      ]),
  ]

  @Test(arguments: cases.indices) func aVerdictIsTrue(index: Int) throws {
    let test = Self.cases[index]
    let report = try run(
      "name: lab\n\(test.lab)\nexpect:\n" + test.checks.map { "  - {\($0.0)}\n" }.joined())
    for (verdict, check) in zip(report.expectations, test.checks) {
      #expect(verdict.passed == check.1, "\(test.name): \(check.0): \(verdict)")
      #expect(check.2.isEmpty || verdict.observed.contains(check.2), "\(test.name): \(check.0): \(verdict)")
    }
  }

  /// At any delay: the end of the window cuts a try between the drop and the answer to it.
  @Test(arguments: [1, 12, 29, 34, 37, 40, 99]) func theEndOfTheWindowDropsNothing(milliseconds: Int) throws {
    let report = try run(
      """
      name: lab
      segments: {wan: {subnet: 203.0.113.0/24, delay: \(milliseconds) ms}}
      hosts: {server: {uplink: wan 203.0.113.2}, client: {uplink: wan 203.0.113.9}}
      expect:
        - {from: client, to: "server:8", is: dropped}
        - {from: client, to: "server:8/udp", is: dropped}
        - {from: client, to: "server:8", is: refused}
        - {from: client, to: "server:8/udp", is: refused}
      """)
    #expect(report.expectations.map(\.passed) == [false, false, true, true], "\(report.expectations)")
  }

  /// A ping takes 100 ms there and back, and so does ARP before it.
  @Test(arguments: [(199, false), (200, true), (201, true)]) func anAnswerInTheLastMomentCounts(
    milliseconds: Int, passes: Bool
  ) throws {
    let verdict = try verdict(
      "from: a, ping: b, at: 2 s, within: 0 s, timeout: \(milliseconds) ms",
      in: """
        name: lab
        segments: {net: {subnet: 10.0.0.0/24, delay: 25 ms}}
        hosts: {a: {uplink: net 10.0.0.1}, b: {uplink: net 10.0.0.2}}
        """)
    #expect(verdict.passed == passes, "\(verdict)")
  }

  @Test func aWordBehindTheFirstPagesIsFound() throws {
    let body = String(repeating: "0123456789", count: 900) + "THE-END"
    let verdict = try verdict(
      "from: a, http: \"http://b/\", body: 9THE-END",
      in: """
        name: lab
        segments: {net: {subnet: 10.0.0.0/24, delay: 1 ms, loss: 5 %}}
        hosts: {a: {uplink: net 10.0.0.1}, b: {uplink: net 10.0.0.2, programs: [{http-server: {body: "\(body)"}}]}}
        """)
    #expect(verdict.passed, "\(verdict)")
  }

  @Test func aCheckThatWasTriedOftenCountsItsTries() throws {
    let verdict = try verdict(
      "from: client, to: \"box:9/udp\", is: dropped",
      in: Self.forwarded(
        "", "{udp-echo: 9}", "events: [{at: 3 s, add-forward: {network: home, forward: \"9:web:9/udp\"}}]"))
    #expect(!verdict.passed && verdict.outcomes.contains(.init(outcome: "open", tries: 1)), "\(verdict)")
    #expect(verdict.triesText.hasPrefix("\(verdict.tries) tries: 1 open"), "\(verdict.triesText)")
  }
}
