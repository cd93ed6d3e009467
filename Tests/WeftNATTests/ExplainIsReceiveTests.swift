import Foundation
import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

/// `explain`, asked right before `receive`, says what `receive` then does: verdict, reason, port, addresses and ports,
/// whatever comes in and however the gateway behaves.
@Suite struct ExplainIsReceiveTests {
  /// `WEFT_EXPLAIN_RUNS=1000 swift test -c release --filter ExplainIsReceive` by hand.
  static let runs = ProcessInfo.processInfo.environment["WEFT_EXPLAIN_RUNS"].flatMap { UInt64($0) } ?? 28

  @Test("what is explained is what happens", arguments: 1...runs)
  func whatIsExplainedHappens(seed: UInt64) throws {
    var random = RandomStream(seed: seed, owner: "nat", purpose: "explain-is-receive")
    // Each profile in turn, its axes at random over it.
    let profile = NATSettings.Profile.allCases[Int(seed) % NATSettings.Profile.allCases.count]
    let configuration = Traffic.configuration(profile, &random)
    var traffic = Traffic(Harness(configuration))
    var steps: [Traffic.Step] = []
    var asked = 0
    for _ in 0..<900 {
      let step = traffic.next(&random)
      steps.append(step)
      if case .give = step { asked += 1 }
      guard let mismatch = try Self.perform(step, traffic.net) else { continue }
      let least = try Self.shrink(steps, configuration)
      Issue.record("\(profile), seed \(seed): \(mismatch)\nshown by \(least.count) steps:\n\(least)")
      return
    }
    #expect(asked > 600)
    // Not all of it was dropped at the door.
    let counters = traffic.net.gateway.counters
    #expect(!configuration.ipForwarding || counters.created > 20 && counters.translated > 20)
  }

  @Test func explainingChangesNothing() throws {
    for profile in NATSettings.Profile.allCases {
      var random = RandomStream(seed: 5, owner: "nat", purpose: profile.rawValue)
      var traffic = Traffic(Harness(Traffic.configuration(profile, &random)))
      for round in 0..<300 {
        let step = traffic.next(&random)
        if case .give(let frame, let port) = step, round % 10 == 0 {
          let before = try CheckpointTests.encode(traffic.net.gateway)
          _ = traffic.net.gateway.explain(frame.span.bytes, on: PortIndex(port), now: traffic.net.now)
          #expect(try CheckpointTests.encode(traffic.net.gateway) == before)
        }
        _ = try Self.perform(step, traffic.net)
      }
    }
  }

  /// Does a step; says where the explanation of a frame was untrue.
  static func perform(_ step: Traffic.Step, _ net: Harness) throws -> String? {
    switch step {
    case .advance(let time): net.advance(by: time)
    case .sleep(let time): net.now = net.now + time
    case .add(let forward): try? net.gateway.addForward(forward)
    case .remove(let forward): try? net.gateway.removeForward(forward)
    case .rules(let rules): net.gateway.setFilterRules(rules)
    case .forwarding(let isOn): net.gateway.setIPForwarding(isOn)
    case .give(let frame, let port):
      let explained = net.gateway.explain(frame.span.bytes, on: PortIndex(port), now: net.now)
      let outstanding = net.pool.outstanding
      net.clear()
      net.giveFrame(frame, on: port)
      guard case .verdict(let verdict)? = explained.last else { return "no verdict: \(explained)" }
      if isTrue(verdict, frame, net, kept: net.pool.outstanding - outstanding) { return nil }
      return "\(explained)\nbut sent \(net.sent)\nand dropped \(net.drops.map { ($0.reason, $0.bytes == frame) })"
    }
    return nil
  }

  private static func isTrue(_ verdict: ExplainVerdict, _ frame: [UInt8], _ net: Harness, kept: Int) -> Bool {
    // What the gateway says itself may be dropped by a rule; that is another frame.
    let reasons = net.drops.filter { $0.bytes == frame }.map(\.reason)
    switch verdict {
    case .dropped(let reason): return reasons == [reason]
    case .waits: return reasons.isEmpty && net.sent.isEmpty && kept == 1
    case .answered:
      let isAnswered = net.sent.count == 1 && net.sent[0].proto == 1 && net.sent[0].icmpType == 0
      return reasons.isEmpty && (isAnswered || net.sent.isEmpty && net.drops.map(\.reason) == [.filtered])
    case .sent(let port, let source, let sourcePort, let destination, let destinationPort):
      guard reasons.isEmpty, let first = net.sent.first else { return false }
      // Of fragments the first has ports; those that waited for it go its way.
      let isHead = first.bytes[6] & 0x1f == 0 && first.bytes[7] == 0
      let hasEnds = first.proto == 6 || first.proto == 17 || first.icmpType == 8 || first.icmpType == 0
      return net.sent.allSatisfy {
        $0.port == port.index && $0.source == source && $0.destination == destination
          && ($0.checksumsAreRight || !read(Array(frame[14...]), port: 0).map(\.checksumsAreRight)!)
      } && (!isHead || !hasEnds || first.sourcePort == sourcePort && first.destinationPort == destinationPort)
    }
  }

  /// The fewest of these steps that still show it, by leaving out ever smaller runs of them.
  static func shrink(_ steps: [Traffic.Step], _ configuration: NATConfiguration) throws -> [Traffic.Step] {
    func shows(_ steps: [Traffic.Step]) throws -> Bool {
      let net = Harness(configuration)
      for step in steps.dropLast() { _ = try perform(step, net) }
      return try steps.last.map { try perform($0, net) != nil } ?? false
    }
    var least = steps
    var size = least.count / 2
    while size > 0 {
      var start = 0
      while start + size < least.count {
        var fewer = least
        fewer.removeSubrange(start..<start + size)
        if try shows(fewer) { least = fewer } else { start += size }
      }
      size /= 2
    }
    return least
  }
}
