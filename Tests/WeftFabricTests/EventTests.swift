import Testing
import WeftCore
import WeftTestSupport

@testable import WeftFabric

/// Events of the file happen at their times, and do what they say.
@Suite struct EventTests {
  private static func check(_ events: [String], _ expectations: [String], in lab: String = Labs.small) throws -> Report {
    try run(
      "\(lab)\nevents:\n" + events.map { "  - {\($0)}\n" }.joined() + "expect:\n"
        + expectations.map { "  - {\($0)}\n" }.joined())
  }

  @Test(arguments: [
    // A cable.
    (
      ["at: 3 s, link-down: visitor", "at: 6 s, link-up: visitor.uplink"],
      [
        "to: \"visitor:80\", at: 2 s", "to: \"visitor:80\", is: blocked, reason: link-down, at: 3500 ms",
        "to: \"visitor:80\", at: 7 s",
      ]
    ),
    // The machine.
    (
      ["at: 3 s, stop: web", "at: 6 s, start: web"],
      [
        "from: visitor, to: \"laptop:8080\", at: 2 s",
        "from: visitor, to: \"laptop:8080\", is: blocked, at: 3500 ms, timeout: 500 ms",
        "from: visitor, to: \"laptop:8080\", at: 7 s",
      ]
    ),
    (
      ["at: 3 s, stop: public"],
      [
        "from: visitor, ping: public, at: 2 s",
        "from: visitor, to: \"public:80\", is: dropped, by: public, reason: machine-stopped, at: 4 s, timeout: 1 s",
      ]
    ),
    // Forwarding.
    (
      [
        "at: 3 s, ip-forwarding: {host: laptop, enabled: false}",
        "at: 6 s, ip-forwarding: {host: laptop, enabled: true}",
      ],
      [
        "to: \"visitor:80\", at: 2 s",
        "to: \"visitor:80\", is: dropped, by: home, reason: ip-forwarding-disabled, at: 4 s, timeout: 500 ms",
        "to: \"visitor:80\", at: 7 s",
      ]
    ),
    // What a cable is like.
    (
      ["at: 3 s, set-link: {link: web.eth0, delay: 100 ms}", "at: 6 s, set-link: {link: web, delay: 0 s}"],
      [
        "to: \"visitor:80\", rtt: < 50 ms, at: 2 s",
        "to: \"visitor:80\", rtt: {at-least: 200 ms, at-most: 250 ms}, at: 4 s",
        "to: \"visitor:80\", rtt: < 50 ms, at: 7 s",
      ]
    ),
    (
      ["at: 3 s, set-link: {link: web, loss: 100 %}", "at: 6 s, set-link: {link: web, loss: 0 %}"],
      [
        "ping: visitor, at: 2 s", "ping: visitor, is: dropped, by: web, reason: link-loss, at: 4 s, timeout: 500 ms",
        "ping: visitor, at: 7 s",
      ]
    ),
    (
      ["at: 3 s, set-link: {link: web, rate: 64 kbit/s}"],
      [
        "ping: {to: visitor, size: 800}, rtt: \"< 20 ms\", at: 2 s",
        "ping: {to: visitor, size: 800}, rtt: \"> 200 ms\", at: 4 s",
      ]
    ),
  ])
  func anEventTakesEffect(events: [String], expectations: [String]) throws {
    let report = try Self.check(
      events, expectations.map { $0.contains("from:") ? $0 : "from: web, \($0)" }.map { "\($0), within: 1500 ms" })
    for verdict in report.expectations { #expect(verdict.passed, "\(verdict)") }
    #expect(report.complaints == [])
  }

  /// What came for it waits in its receive ring, and is answered late.
  @Test func aPausedMachineAnswersWhenItIsResumed() throws {
    let report = try Self.check(
      ["at: 2900 ms, pause: public", "at: 3300 ms, resume: public"],
      [
        "from: visitor, ping: public, at: 2 s",
        "from: visitor, ping: public, at: 3 s, rtt: {at-least: 250 ms, at-most: 400 ms}",
      ])
    for verdict in report.expectations { #expect(verdict.passed && verdict.tries == 1, "\(verdict)") }
  }

  @Test func aFullReceiveRingDrops() throws {
    let lab = Labs.small.replacingOccurrences(
      of: "public: {network: lan,", with: "public: {network: lan, rings: {rx: 4},"
    ).replacingOccurrences(
      of: "tcp-echo: 22}]", with: "tcp-echo: 22}, {udp-rate: {to: \"public:9\", pps: 1000, count: 20}, start: 1 s}]")
    let report = try Self.check(
      ["at: 1005 ms, pause: public", "at: 2 s, resume: public"], ["from: visitor, ping: public, at: 3 s"], in: lab)
    let drops = report.drops.filter { $0.node == "public" && $0.reason == "rx-ring-full" }.map(\.count)
    #expect(drops.count == 1 && (10...16).contains(drops.first ?? 0), "\(report.drops)")
    #expect(report.passed)
  }

  @Test func aLeaseNeedsACable() throws {
    let report = try Self.check(
      ["at: 0 s, link-down: web", "at: 5 s, link-up: web"],
      [
        "from: web, lease: true, at: 1 s, within: 1 s", "from: web, lease: true, at: 5 s, within: 1 s",
      ])
    #expect(
      !report.expectations[0].passed && report.expectations[0].observed == "eth0 has no lease", "\(report.expectations)"
    )
    #expect(report.expectations[0].expected == "open")
    #expect(report.expectations[1].passed, "\(report.expectations)")
  }

  /// The network came back while it slept: it must not stay without its address.
  @Test func aMachinePausedWhileItsCableReturnsIsReachable() throws {
    let report = try Self.check(
      ["at: 1 s, pause: web", "at: 1500 ms, link-down: web", "at: 2 s, link-up: web", "at: 2500 ms, resume: web"],
      ["from: web, to: \"visitor:80\", at: 3 s, within: 2 s"])
    #expect(report.passed, "\(report.expectations)")
  }

  @Test func aMachineStartedWhileItsCableIsOutComesUpWithIt() throws {
    let report = try Self.check(
      ["at: 1 s, stop: web", "at: 2 s, link-down: web", "at: 3 s, start: web", "at: 4 s, link-up: web"],
      ["from: web, to: \"visitor:80\", at: 4100 ms, within: 2 s"])
    #expect(report.passed, "\(report.expectations)")
  }

  @Test(arguments: [
    (["at: 1 s, start: web"], "can't start web: it is running"),
    (["at: 1 s, stop: web", "at: 2 s, pause: web"], "can't pause web: it is stopped"),
    (["at: 1 s, stop: web", "at: 2 s, stop: web"], "can't stop web: it is stopped"),
    (["at: 1 s, resume: web"], "can't resume web: it is running"),
    (["at: 1 s, pause: web", "at: 2 s, start: web"], "can't start web: it is paused"),
    (["at: 1 s, pause: web", "at: 2 s, pause: web"], "can't pause web: it is paused"),
  ])
  func whatCannotHappenIsAComplaint(events: [String], complaint: String) throws {
    let report = try Self.check(events, ["from: visitor, to: \"public:80\""])
    #expect(report.complaints.count == 1 && report.complaints[0].hasSuffix(complaint), "\(report.complaints)")
    #expect(report.complaints[0].hasPrefix("line ") && !report.passed)
  }

  /// In the order of the file where their time is the same.
  @Test func eventsOfOneMomentKeepTheirOrder() throws {
    #expect(try Self.check(["at: 1 s, pause: web", "at: 1 s, resume: web"], ["from: web, ping: visitor"]).passed)
    #expect(try !Self.check(["at: 1 s, resume: web", "at: 1 s, pause: web"], ["from: visitor, ping: public"]).passed)
  }

  @Test func aCablePulledTwiceIsNoMistake() throws {
    let report = try Self.check(
      ["at: 1 s, link-down: web", "at: 1 s, link-down: web", "at: 2 s, link-up: web", "at: 2 s, link-up: web"],
      ["from: web, ping: visitor, at: 2500 ms"])
    #expect(report.passed)
  }
}
