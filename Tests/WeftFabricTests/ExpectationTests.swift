import Testing
import WeftCore
import WeftTestSupport

@testable import WeftFabric

/// Each outcome, as it is and as it isn't.
@Suite struct ExpectationTests {
  /// An expectation that holds, and what the verdict says was seen.
  @Test(arguments: [
    ("from: web, to: \"visitor:80\", seen-as: 134.115.153.223", "open in "),
    ("from: visitor, to: \"laptop:8080\", reaches: web", "open in "),
    ("from: visitor, to: \"public:80\", is: open, rtt: < 50 ms", "open in "),
    ("from: visitor, to: \"public:80\", rtt: \"> 1 ms\"", "open in "),
    ("from: visitor, ping: public, rtt: {at-least: 3 ms, at-most: 20 ms}", "open in "),
    ("from: visitor, to: \"public:81\", is: refused", "refused (RST)"),
    ("from: visitor, to: \"public:81/udp\", is: refused", "refused (ICMP port unreachable)"),
    ("from: visitor, to: \"laptop:81\", is: dropped", "dropped by home: no-port-forward (tcp/81)"),
    ("from: visitor, to: \"laptop:81/udp\", is: dropped, by: home", "dropped by home: no-port-forward (udp/81)"),
    ("from: visitor, to: \"laptop:81\", is: dropped, by: laptop, reason: no-port-forward", "dropped by home"),
    ("from: visitor, ping: 134.115.153.99, is: unreachable", "unreachable (host)"),
    ("from: visitor, to: \"134.115.153.99:80\", is: unreachable", "unreachable (host"),
    ("from: web, ping: {to: visitor, ttl: 1}, is: unreachable", "unreachable (time exceeded from 192.168.122.1)"),
    ("from: visitor, to: \"public:81\", is: blocked", "refused (RST)"),
    ("from: visitor, to: \"laptop:81\", is: blocked, by: home, reason: no-port-forward", "dropped by home"),
    ("from: visitor, ping: 134.115.153.99, is: blocked", "unreachable (host)"),
    ("from: web, ping: visitor", "open in "), ("from: visitor, ping: laptop", "open in "),
    ("from: web, to: \"visitor:7/udp\", reaches: visitor, seen-as: 134.115.153.223", "open"),
    ("from: web, http: \"http://visitor/\", status: 200", "open in "),
    ("from: visitor, http: \"http://laptop:8080/\", body: behind the NAT", "HTTP 200"),
    ("from: web, lease: true", "has 192.168.122."),
  ])
  func whatIsSoHolds(expectation: String, observed: String) throws {
    let verdict = try verdict("\(expectation), timeout: 4 s, within: 5 s")
    #expect(verdict.passed && verdict.expected == "", "\(verdict)")
    #expect(verdict.observed.contains(observed), "\(verdict.observed)")
  }

  /// One that doesn't, with what was seen and what was asked for.
  @Test(arguments: [
    ("from: visitor, to: \"laptop:81\"", "dropped by home: no-port-forward (tcp/81)", "open"),
    ("from: visitor, to: \"public:81\"", "refused (RST)", "open"),
    ("from: visitor, to: \"public:80\", is: refused", "open in ", "refused"),
    ("from: visitor, to: \"public:80\", is: dropped", "open in ", "dropped"),
    ("from: visitor, to: \"public:80\", is: blocked", "open in ", "blocked"),
    ("from: visitor, to: \"public:80\", is: unreachable", "open in ", "unreachable"),
    ("from: visitor, to: \"public:81\", is: dropped", "refused (RST)", "dropped"),
    ("from: visitor, to: \"public:81\", is: unreachable", "refused (RST)", "unreachable"),
    ("from: visitor, to: \"laptop:81\", is: refused", "dropped by home", "refused"),
    ("from: visitor, to: \"laptop:81\", is: dropped, by: lan", "dropped by home", "dropped by lan"),
    ("from: visitor, to: \"laptop:81\", is: dropped, by: campus", "dropped by home", "dropped by campus"),
    ("from: visitor, to: \"laptop:81\", is: dropped, reason: filtered", "no-port-forward", "dropped (filtered)"),
    ("from: visitor, to: \"public:81\", is: blocked, by: home", "refused", "blocked by home"),
    ("from: web, to: \"visitor:80\", seen-as: 192.168.122.2", "open in ", "seen as 192.168.122.2, not 134.115.153.223"),
    ("from: visitor, to: \"laptop:8080\", reaches: public", "open in ", "reaching public, not web"),
    ("from: visitor, to: \"public:80\", rtt: < 1 us", "open in ", "a round trip of at most 1 µs"),
    ("from: visitor, to: \"public:80\", rtt: \"> 1 s\"", "open in ", "a round trip of at least 1 s"),
    ("from: visitor, ping: public, rtt: < 1 us", "open in ", "a round trip of at most 1 µs"),
    ("from: web, http: \"http://visitor/\", status: 404", "HTTP 200", "HTTP status 404"),
    ("from: web, http: \"http://visitor/\", body: nonsense", "HTTP 200", "a body with \"nonsense\""),
    ("from: web, http: \"http://visitor:22/\"", "answered, but not with HTTP", "open"),
    ("from: web, to: \"visitor:7/udp\", reaches: web", "open", "reaching web, not visitor"),
    (
      "from: web, to: \"visitor:7/udp\", seen-as: 134.115.153.10", "open", "seen as 134.115.153.10, not 134.115.153.223"
    ),
    ("from: visitor, ping: 134.115.153.99", "unreachable (host)", "open"),
    ("from: visitor, ping: 134.115.153.99, is: dropped", "unreachable (host)", "dropped"),
    ("from: public, lease: true", "public asks no DHCP server: its addresses are set by hand", "open"),
  ])
  func whatIsNotSoFails(expectation: String, observed: String, expected: String) throws {
    let verdict = try verdict("\(expectation), timeout: 4 s, within: 5 s")
    #expect(!verdict.passed, "\(verdict)")
    #expect(verdict.observed.contains(observed) && verdict.observed != "", "\(verdict.observed)")
    #expect(verdict.expected == expected)
    #expect(verdict.tries >= 1 && verdict.line > 0)
  }

  private static let transfer = """
    name: transfer
    segments: {campus: {subnet: 10.0.0.0/24, delay: 100 us, rate: 10 Mbit/s}}
    hosts:
      a: {uplink: campus 10.0.0.1}
      b: {uplink: campus 10.0.0.2, programs: [sink, http-server: {port: 81, status: 503}, tcp-echo]}
    """

  @Test(arguments: [
    ("at-least: 1 Mbit/s", nil), ("at-most: 10 Mbit/s", nil), ("at-least: 100 Mbit/s", "at least 100.0 Mbit/s"),
    ("at-most: 100 kbit/s", "at most 100.0 kbit/s"),
  ])
  func throughputHasBounds(bound: String, expected: String?) throws {
    let lab = Self.transfer.replacingOccurrences(of: "http-server: {port: 81, status: 503}", with: "udp-echo")
    let verdict = try verdict("from: a, throughput: {to: \"b:5001\", size: 100 kB, \(bound)}, within: 3 s", in: lab)
    #expect(verdict.passed == (expected == nil) && verdict.expected == expected ?? "", "\(verdict)")
    #expect(verdict.observed.contains("bit/s"))
  }

  /// A page came: what its status should be is said where it matters.
  @Test func anyStatusWillDoWhereNoneIsAskedFor() throws {
    let lab = Self.transfer.replacingOccurrences(
      of: "http-server: {port: 81, status: 503}", with: "{http-server: {port: 81, status: 503}}")
    #expect(try verdict("from: a, http: \"http://b:81/\", status: 503", in: lab).passed)
    let other = try verdict("from: a, http: \"http://b:81/\", within: 1 s", in: lab)
    #expect(other.passed && other.observed.contains("HTTP 503"), "\(other)")
  }

  // MARK: Evidence

  @Test func aNegativeShowsTheDropThatItRestsOn() throws {
    let verdict = try verdict("from: visitor, to: \"laptop:81\", is: dropped, by: home, timeout: 500 ms")
    #expect(verdict.passed)
    #expect(verdict.evidence.map(\.event).prefix(2) == [.sent, .dropped], "\(verdict.evidence)")
    #expect(verdict.evidence.first?.port == "visitor/uplink" && verdict.evidence.first?.capture != nil)
    let drop = try #require(verdict.evidence.first { $0.event == .dropped })
    #expect(drop.port == "home/wan" && drop.detail == "no-port-forward (tcp/81)" && (drop.frame ?? 0) > 0)
  }

  /// Nobody is seen to have dropped it: the time for an answer was too short.
  @Test(arguments: ["dropped", "blocked", "refused", "unreachable"]) func silenceProvesNothing(outcome: String) throws {
    let verdict = try verdict("from: visitor, ping: public, is: \(outcome), timeout: 1 ms, within: 1 s")
    #expect(!verdict.passed)
    #expect(verdict.observed == "undecided: still on its way after 1 ms", "\(verdict)")
  }

  @Test(arguments: ["dropped", "blocked", "refused", "unreachable", "open"])
  func whatWasNeverSentProvesNothing(outcome: String) throws {
    let lab = Labs.small.replacingOccurrences(
      of: "web: {network: home,", with: "web: {network: home, autostart: false,")
    let verdict = try verdict("from: web, to: \"visitor:81\", is: \(outcome), within: 1 s", in: lab)
    #expect(!verdict.passed && verdict.observed.contains("nothing was sent"), "\(verdict)")
    #expect(verdict.evidence.isEmpty)
  }

  /// A flooded copy that a bystander leaves alone is no evidence against its addressee.
  @Test func aBystandersDropIsNoEvidence() throws {
    let lab = """
      name: bystanders
      segments: {campus: {subnet: 10.0.0.0/24, delay: 1 ms}}
      hosts:
        server: {uplink: campus 10.0.0.1, networks: {lan: {mode: bridge, fdb: {ageing: 1 s}}}}
      vms:
        a: {network: lan, address: 10.0.0.2}
        b: {network: lan, address: 10.0.0.3, delay: 400 ms}
        c: {network: lan, address: 10.0.0.4}
      """
    // By then a knows b and the switch has forgotten it: c gets a copy. No answer can be back in time.
    let report = try run(
      "\(lab)\nexpect:\n  - {from: a, ping: b, at: 1 s}\n"
        + "  - {from: a, ping: b, is: dropped, at: 5 s, timeout: 100 ms, within: 100 ms}\n")
    let verdict = report.expectations[1]
    #expect(report.expectations[0].passed && !verdict.passed, "\(verdict)")
    #expect(report.drops.contains { $0.node == "c" && $0.reason == "not-for-us" }, "\(report.drops)")
  }

  // MARK: Time

  @Test func withinWaitsForALinkThatComesUpLater() throws {
    let lab = Labs.small("events:\n  - {at: 0 s, link-down: visitor}\n  - {at: 3 s, link-up: visitor}")
    let late = try verdict("from: public, to: \"visitor:80\", at: 1 s, within: 10 s, timeout: 500 ms", in: lab)
    #expect(late.passed && late.tries > 1 && late.decidedAt >= .start + .seconds(3), "\(late)")
    let early = try verdict("from: public, to: \"visitor:80\", at: 1 s, within: 1 s, timeout: 500 ms", in: lab)
    #expect(!early.passed && early.decidedAt <= .start + .milliseconds(2200), "\(early)")
  }

  @Test func neverDuringHoldsIfEachTryIsStopped() throws {
    let verdict = try verdict(
      "from: visitor, to: \"laptop:81\", never-during: {from: 1 s, to: 3 s, every: 500 ms}, timeout: 100 ms")
    #expect(verdict.passed && verdict.tries == 5, "\(verdict)")
    #expect(verdict.observed.contains("never in 5 tries"))
    #expect(verdict.evidence.contains { $0.event == .dropped })
  }

  @Test func neverDuringFailsAtOnce() throws {
    let lab = Labs.small("events:\n  - {at: 0 s, link-down: public}\n  - {at: 2100 ms, link-up: public}")
    let verdict = try verdict(
      "from: visitor, to: \"public:80\", never-during: {from: 1 s, to: 5 s, every: 500 ms}, timeout: 300 ms", in: lab)
    #expect(!verdict.passed && verdict.expected == "never open", "\(verdict)")
    #expect(verdict.observed.contains("open in") && verdict.observed.contains("at 2.1"))
  }

  @Test func neverWithoutATryThatProvesItFails() throws {
    let off = Labs.small.replacingOccurrences(
      of: "web: {network: home,", with: "web: {network: home, autostart: false,")
    let unsent = try verdict(
      "from: web, to: \"visitor:81\", never-during: {from: 1 s, to: 2 s, every: 500 ms}", in: off)
    #expect(!unsent.passed && unsent.expected == "never open, shown by a try that was stopped", "\(unsent)")
    let silent = try verdict(
      "from: visitor, ping: public, never-during: {from: 1 s, to: 2 s, every: 500 ms}, timeout: 1 ms")
    #expect(!silent.passed, "\(silent)")
  }

  @Test func alwaysAfterWantsEachTry() throws {
    let held = try verdict("from: visitor, to: \"public:80\", always-after: {from: 1 s, to: 3 s, every: 500 ms}")
    #expect(held.passed && held.tries == 5 && held.observed.contains("each of 5 tries"), "\(held)")
    let lab = Labs.small("events:\n  - {at: 2100 ms, link-down: public}")
    let broken = try verdict(
      "from: visitor, to: \"public:80\", always-after: {from: 1 s, to: 5 s, every: 500 ms}, timeout: 300 ms", in: lab)
    #expect(!broken.passed && broken.tries == 4 && broken.expected == "open", "\(broken)")
  }

  @Test(arguments: [0 as UInt64, 500, 1000, 1001, 1200]) func theEndOfTheRunFailsWhatIsUndecided(milliseconds: UInt64)
    throws
  {
    let verdict = try verdict(
      "from: visitor, to: \"laptop:81\", is: open, timeout: 200 ms, within: 5 s",
      until: .start + .milliseconds(milliseconds))
    #expect(!verdict.passed && verdict.observed.contains("the run ended"), "\(verdict)")
    #expect(verdict.decidedAt == .start + .milliseconds(milliseconds))
  }
}
