import Foundation
import Testing
import WeftCore
import WeftTestSupport

@testable import WeftFabric

/// In labs of any delay, loss, queue, pause and window, a check holds only if it is true.
@Suite struct VerdictPropertyTests {
  /// `WEFT_PROPERTY_LABS=10000 swift test -c release --filter VerdictProperty` by hand.
  private static let count = ProcessInfo.processInfo.environment["WEFT_PROPERTY_LABS"].flatMap { Int($0) } ?? 60

  /// What is tried, and what it truly is.
  private static let targets = [
    ("to: \"server:7\"", "open"), ("to: \"server:8\"", "refused"), ("to: \"server:7/udp\"", "open"),
    ("to: \"server:8/udp\"", "refused"), ("ping: server", "open"), ("to: \"box:8080\"", "open"),
    ("to: \"box:81\"", "dropped"), ("to: \"box:81/udp\"", "dropped"), ("to: \"box:53/udp\"", "open"),
    ("to: \"strict:81\"", "refused"), ("to: \"strict:81/udp\"", "refused"), ("ping: 203.0.113.77", "unreachable"),
    ("to: \"203.0.113.77:80\"", "unreachable"), ("http: \"http://box:8080/\"", "open"),
    ("to: \"pub:9/udp\"", "delivered"), ("throughput: {to: \"pub:9\", size: 20 kB}", "open"),
  ]

  private struct Lab {
    var text: String
    /// Its expectations: which outcome of which target.
    var asked: [(target: Int, outcome: String)]
    /// Nothing is lost or late: what is true must be found too.
    var isCalm: Bool

    init(_ number: UInt64) {
      var random = RandomStream(seed: number, owner: "lab", purpose: "property")
      let isCalm = random.next(below: 4) == 0
      let delay = isCalm ? random.next(below: 200) : random.next(below: 1500)
      let loss = isCalm ? 0 : [0, 1, 5, 20, 50][Int(random.next(below: 5))]
      var events = ""
      if !isCalm {
        for victim in ["web", "pub"] where random.next(below: 3) == 0 {
          let from = 500 + random.next(below: 8000)
          events +=
            "  - {at: \(from) ms, pause: \(victim)}\n  - {at: \(from + 100 + random.next(below: 6000)) ms, resume: \(victim)}\n"
        }
        for cable in ["server.uplink", "box.uplink", "client.uplink", "web"] where random.next(below: 4) == 0 {
          let from = 500 + random.next(below: 8000)
          events +=
            "  - {at: \(from) ms, link-down: \(cable)}\n  - {at: \(from + 50 + random.next(below: 4000)) ms, link-up: \(cable)}\n"
        }
      }
      let rate =
        random.next(below: 3) == 0 && !isCalm
        ? ", rate: \(1 + random.next(below: 20)) Mbit/s, queue: \(1 + random.next(below: 30))" : ""
      var expectations = ""
      asked = []
      for (target, (what, _)) in VerdictPropertyTests.targets.enumerated() {
        let outcomes = ["open", "refused", "dropped", "unreachable", "blocked"] + (what.hasSuffix("/udp\"") ? ["delivered"] : [])
        for outcome in outcomes where isCalm || random.next(below: 2) == 0 {
          let at = random.next(below: 6000)
          let timeout = isCalm ? 8000 : 1 + random.next(below: 5000)
          let within = isCalm ? 9000 : random.next(below: 9000)
          expectations +=
            "  - {from: client, \(what), is: \(outcome), at: \(at) ms, within: \(within) ms, timeout: \(timeout) ms}\n"
          asked.append((target, outcome))
        }
      }
      self.isCalm = isCalm
      text = """
        name: lab
        seed: \(number)
        duration: 60 s
        segments: {wan: {subnet: 203.0.113.0/24, delay: \(delay) ms, loss: \(loss) %\(rate)}}
        hosts:
          box:
            uplink: wan 203.0.113.2
            networks: {home: {mode: nat, forwards: ["8080:web:80", "53:web:53/udp"]}, lan: bridge}
          strict: {uplink: wan 203.0.113.3, networks: {den: {mode: nat, nat: linux}}}
          server: {uplink: wan 203.0.113.4, programs: [{tcp-echo: 7}, {udp-echo: 7}]}
          client: {uplink: wan 203.0.113.9}
        vms:
          web: {network: home, programs: [http-server, {udp-echo: 53}]}
          pub: {network: lan, address: 203.0.113.20, programs: [{sink: 9}]}
        \(events.isEmpty ? "" : "events:\n\(events)")expect:
        \(expectations.isEmpty ? "  []" : expectations)
        """
    }
  }

  private static func mayHold(_ outcome: String, _ truth: String) -> Bool {
    switch outcome {
    case "blocked": ["refused", "dropped", "unreachable"].contains(truth)
    case "delivered": ["open", "delivered"].contains(truth)
    default: outcome == truth
    }
  }

  @Test func aCheckHoldsOnlyIfItIsTrue() throws {
    for number in 1...UInt64(Self.count) {
      let lab = Lab(number)
      let report = try run(lab.text)
      for (verdict, asked) in zip(report.expectations, lab.asked) {
        let truth = Self.targets[asked.target].1
        let holds = Self.mayHold(asked.outcome, truth)
        if verdict.passed { #expect(holds, "lab \(number): \(verdict)\n\(lab.text)") }
        if lab.isCalm, holds { #expect(verdict.passed, "lab \(number): \(verdict)\n\(lab.text)") }
      }
    }
  }
}
