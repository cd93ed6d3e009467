import Foundation
import Testing
import WeftCore
import WeftTestSupport
import WeftTopology

@testable import WeftFabric

/// What `explain` tells of a packet at a moment is what becomes of one that is really sent then: in labs of any events,
/// loss and age of tables, asked of the file and of a checkpoint.
@Suite struct ExplainTruthTests {
  /// `WEFT_PROPERTY_LABS=10000 swift test -c release --filter ExplainTruth` by hand.
  private static let count = ProcessInfo.processInfo.environment["WEFT_PROPERTY_LABS"].flatMap { Int($0) } ?? 80

  private static let senders = ["client", "server", "web", "pub", "late", "box"]
  private static let targets = [
    "server:7", "server:8", "server:7/udp", "server:8/udp", "server", "box:8080", "box:53/udp", "box:81", "box:81/udp",
    "box", "pub:9", "pub:9/udp", "pub:80", "pub", "late:80", "late", "web:80", "web", "203.0.113.77", "203.0.113.77:80/udp",
    "8.8.8.8:80", "localhost:80", "http://box:8080/", "http://server/none",
  ]

  struct Lab {
    var text: String
    var from: String
    var to: String
    var at: Instant
    /// When a checkpoint is made, before that.
    var saved: Instant

    init(_ number: UInt64) {
      var random = RandomStream(seed: number, owner: "lab", purpose: "explain")
      func pick<T>(_ all: [T]) -> T { all[Int(random.next(below: UInt64(all.count)))] }
      let loss = pick([0, 0, 0, 2, 30])
      let delay = pick([0, 1, 20, 700])
      // While machines boot, while tables are fresh, while they age, and after the run's end.
      let scale = pick([3, 3000, 20_000, 90_000] as [UInt64])
      at = .start + Nanoseconds(random.next(below: scale * 1_000_000))
      saved = Instant(random.next(below: at.rawValue + 1))
      from = pick(ExplainTruthTests.senders)
      to = pick(ExplainTruthTests.targets)
      var events = ""
      func event(_ verb: String, _ what: String) {
        events += "  - {at: \(random.next(below: scale + 2000)) ms, \(verb): \(what)}\n"
      }
      for machine in ["web", "pub", "late"] {
        if random.next(below: 3) == 0 { event(pick(["pause", "stop", "pause"]), machine) }
        if random.next(below: 4) == 0 { event(pick(["resume", "start"]), machine) }
      }
      for cable in ["server.uplink", "box.uplink", "client.uplink", "web", "pub"] where random.next(below: 5) == 0 {
        event("link-down", cable)
        if random.next(below: 2) == 0 { event("link-up", cable) }
      }
      if random.next(below: 4) == 0 { event("remove-forward", "{network: home, forward: \"8080:web:80\"}") }
      if random.next(below: 4) == 0 { event("ip-forwarding", "{host: box, enabled: false}") }
      if random.next(below: 4) == 0 { event("set-link", "{link: client, loss: 50 %, delay: 3 ms}") }
      text = """
        name: lab
        seed: \(number)
        duration: 30 s
        segments: {wan: {subnet: 203.0.113.0/24, delay: \(delay) ms, loss: \(loss) %}}
        hosts:
          box:
            uplink: wan 203.0.113.2
            networks:
              home: {mode: nat, fdb: {ageing: 2 s}, forwards: ["8080:web:80", "53:web:53/udp"], nat: {profile: \(pick(["rfc", "linux", "full-cone", "symmetric"])), timeouts: {udp: 5 s, tcp-established: 10 s}}}
              lan: {mode: bridge, fdb: {ageing: 1 s}}
          server: {uplink: wan 203.0.113.4, programs: [{tcp-echo: 7}, {udp-echo: 7}, http-server]}
          client: {uplink: wan 203.0.113.9, programs: [{udp-rate: {to: "pub:9", count: 2, interval: 1 s}}]}
        vms:
          web: {network: home, programs: [http-server, {udp-echo: 53}, {ping: {to: server, count: 2}}]}
          pub: {network: lan, address: 203.0.113.20, programs: [{sink: 9}, {http-server: {start: 2 s}}]}
          late: {network: lan, address: 203.0.113.21, autostart: false, programs: [http-server]}
        \(events.isEmpty ? "" : "events:\n\(events)")
        """
    }

    /// The same question as a check.
    var check: String {
      let what = to.hasPrefix("http") ? "http: \"\(to)\"" : to.contains(":") ? "to: \"\(to)\"" : "ping: \(to)"
      return "expect: [{from: \(from), \(what), at: \(at.rawValue) ns, within: 0 s}]\n"
    }
  }

  private func explain(_ lab: Lab, _ simulation: consuming Simulation) throws -> Explanation {
    var simulation = simulation
    let question = try simulation.ask(from: lab.from, WeftTopology.Expectation.probe(text: lab.to), to: lab.to, at: lab.at)
    simulation.advance(to: lab.at)
    return simulation.answer(question)
  }

  /// What was looked up is what was done next.
  private func lookupsAreTrue(_ way: Explanation) -> String? {
    for (index, step) in way.steps.enumerated() where step.event == .arrived {
      let next = way.steps[(index + 1)...].first { $0.packetID == step.packetID && $0.node == step.node }
      for detail in step.details {
        if let range = detail.range(of: " is on "), detail.hasPrefix("forwarding database"), let next, next.event == .sent {
          if next.port != detail[range.upperBound...] { return "\(detail), but sent from \(next.port)" }
        }
        if detail.hasPrefix("verdict: out of "), let next, next.event == .sent, !detail.hasSuffix(next.port) {
          return "\(detail), but sent from \(next.port)"
        }
      }
    }
    return nil
  }

  @Test func whatIsExplainedIsWhatHappens() throws {
    var open = 0
    for number in 1...UInt64(Self.count) {
      let lab = Lab(number)
      var checked = try Simulation(topology(lab.text + lab.check), until: .never)
      while checked.progress.decided == 0, checked.run(events: 1000) {}
      let verdict = try #require(checked.end().expectations.first)
      let way = try explain(lab, Simulation(topology(lab.text), until: .never))
      // A check is undecided by what became of packets sent again; what is explained is the first.
      let isSame = way.outcome == verdict.observed && way.isOpen == verdict.passed
      let isFirst = !verdict.passed && verdict.observed.hasPrefix("undecided") && way.outcome.hasPrefix("dropped by")
      #expect(isSame || isFirst, "lab \(number): \(way.outcome), but \(verdict.observed)\n\(lab.text)\(lab.check)")
      #expect(way.at == lab.at && way.steps.allSatisfy { $0.at >= lab.at }, "lab \(number)")
      if let untruth = lookupsAreTrue(way) { Issue.record("lab \(number): \(untruth)\n\(way.text(file: ""))") }
      if way.isOpen {
        open += 1
      } else {
        #expect(way.hint != nil || isSilent(way), "lab \(number): \(way.outcome)\n\(lab.text)\(lab.check)")
      }
      guard number % 4 == 0 else { continue }
      var begun = try Simulation(topology(lab.text), until: .never)
      begun.advance(to: lab.saved)
      let image = try begun.image()
      let resumed = try explain(lab, Simulation(resuming: image, pool: begun.world.pool, captures: nil))
      #expect(resumed.outcome == way.outcome && resumed.steps == way.steps, "lab \(number): \(resumed.outcome), \(way.outcome)")
    }
    #expect(open > Self.count / 10)
  }

  /// Of these the outcome says it all.
  private func isSilent(_ way: Explanation) -> Bool {
    ["slow", "undecided: still on its way", "undecided: connected", "no answer", "connected, then", "nothing was sent"].contains {
      way.outcome.hasPrefix($0)
    }
  }

  /// The file's events and checks go on around it, and a time after the run's end is reached.
  @Test func theRunGoesOnAroundIt() throws {
    let text = """
      name: lab
      duration: 2 s
      segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
      hosts:
        box: {uplink: wan 203.0.113.2, networks: {lan: bridge}}
        client: {uplink: wan 203.0.113.9}
      vms: {pub: {network: lan, address: 203.0.113.20, programs: [http-server]}}
      events: [{at: 1 s, pause: pub}, {at: 4 s, resume: pub}]
      expect: [{from: client, ping: pub, at: 500 ms}]
      """
    for (at, outcome) in [(3, "open in 1.0"), (100, "open in 4 ms")] as [(UInt64, String)] {
      var simulation = try Simulation(topology(text), until: .never)
      let question = try simulation.ask(from: "client", WeftTopology.Expectation.probe(text: "pub"), to: "pub", at: .seconds(at))
      simulation.advance(to: .seconds(at))
      let way = simulation.answer(question)
      #expect(way.outcome.hasPrefix(outcome), "\(way)")
    }
  }

  /// An answer's way back is explained like the way there.
  @Test func theLookupsOnTheWayBackAreToldOfAPingToo() throws {
    for to in ["visitor", "visitor:80"] {
      var simulation = try Simulation(example("nat-vs-bridge.yaml"), until: .never)
      let question = try simulation.ask(from: "web", WeftTopology.Expectation.probe(text: to), to: to, at: .seconds(1))
      let way = simulation.answer(question)
      let back = way.steps.filter { $0.port == "home/wan" && $0.event == .arrived }.flatMap(\.details)
      #expect(
        back.contains { $0.hasPrefix("connection table: a reply of ") } && back.contains("verdict: out of home/lan"), "\(way)")
    }
  }
}
