import Foundation
import Testing
import Weft
import WeftTestSupport

/// Commands that look into a lab: at the moment that was asked for, of a topology and of a checkpoint alike.
@Suite struct LookingTests {
  let scratch = Scratch()
  /// Nothing happens after 2 s but timers; the run ends at 20 s.
  static let quiet = """
    name: quiet
    duration: 20 s
    segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms}}
    hosts:
      box: {uplink: wan 203.0.113.1, networks: {n: {mode: nat, nat: {profile: linux, timeouts: {udp: 5 s}}}}}
      web: {uplink: wan 203.0.113.2, programs: [udp-echo, http-server]}
    vms:
      vm: {network: n, programs: [{udp-rate: {to: "web:9", count: 1, start: 1 s}}, {http-get: {to: "web:80", start: 1 s}}]}
    """

  init() { scratch.write(Self.quiet, "lab.yaml") }

  private func json(_ text: String) throws -> [[String: Any]] {
    try #require(JSONSerialization.jsonObject(with: Data(text.utf8)) as? [[String: Any]])
  }

  @Test func conntrackLooksAtTheEndAndSaysHowMany() throws {
    let end = try Weft.run("conntrack", "lab.yaml", in: scratch)
    #expect(end.status == 0 && end.lines.count == 1 && end.output.contains("TIME_WAIT"), "\(end)")
    #expect(end.errors == "conntrack v\(weftVersion) (weft): 1 flow entries have been shown.\n")
    let early = try Weft.run("conntrack", "lab.yaml", "--at", "500ms", in: scratch)
    #expect(early.output == "" && early.errors.contains("0 flow entries have been shown."))
    // The very moment, not the last event before: 5 s after the datagram its entry is gone, a nanosecond earlier not.
    #expect(try Weft.run("conntrack", "lab.yaml", "--at", "5.999s", in: scratch).output.contains("udp      17 0 "))
    #expect(try !Weft.run("conntrack", "lab.yaml", "--at", "6.1s", in: scratch).output.contains("udp"))
    // A time after the end is reached.
    let late = try Weft.run("conntrack", "lab.yaml", "--at", "10min", in: scratch)
    #expect(late.status == 0 && late.output == "" && late.errors.contains(" 0 flow entries"))
  }

  @Test func itsDataIsText() throws {
    let result = try Weft.run("conntrack", "lab.yaml", "--at", "2s", "--format", "json", in: scratch)
    let all = try json(result.output).compactMap { $0["entry"] as? [String: Any] }
    let (udp, tcp) = (try #require(all.first), try #require(all.last))
    #expect(udp["protocol"] as? String == "udp" && udp["state"] == nil && udp["hasReply"] as? Bool == false)
    #expect(tcp["state"] as? String == "TIME_WAIT" && tcp["timeLeftSeconds"] as? Double ?? 0 > 100)
    let original = try #require(tcp["original"] as? [String: Any])
    #expect(original["source"] as? String == "192.168.122.2" && original["interface"] as? String == "n/lan")
    #expect(original["destinationPort"] as? Int == 80)
    let events = try Weft.run("conntrack", "lab.yaml", "--at", "2s", "-E", "--format", "json", in: scratch)
    let first = try #require(try json(events.output).first?["event"] as? [String: Any])
    #expect(first["kind"] as? String == "new" && abs((first["atSeconds"] as? Double ?? 0) - 1) < 0.01)
  }

  /// As conntrack 1.4.7 prints `-E -o timestamp`: eight digits and six, a tab.
  @Test func eventsHaveTheirTimes() throws {
    let result = try Weft.run("conntrack", "lab.yaml", "--at", "2s", "-E", in: scratch)
    let first = try #require(result.lines.first)
    #expect(first.hasPrefix("[00000001.00000") && first.contains("]\t    [NEW] udp      17 5 src="), "\(first)")
    #expect(result.errors.hasSuffix("\(result.lines.count) flow events have been shown.\n"))
  }

  @Test func aNATIsKnownByItsHostsNameToo() throws {
    for name in ["n", "box"] {
      #expect(try Weft.run("conntrack", "lab.yaml", "--gateway", name, in: scratch).lines.count == 1)
    }
    let none = try Weft.run("conntrack", "lab.yaml", "--gateway", "web", in: scratch)
    #expect(none.status == 64 && none.errors.contains("no NAT is called \"web\"; there is n"))
  }

  @Test func aCheckpointIsLookedInto() throws {
    let saved = try Weft.run("run", "lab.yaml", "--checkpoint-at", "1.5s", "lab.ckpt", "--no-captures", in: scratch)
    #expect(saved.status == 0, "\(saved)")
    // It is of that very moment, though the last event was long before.
    let there = try Weft.run("conntrack", "lab.ckpt", in: scratch)
    #expect(there.output == (try Weft.run("conntrack", "lab.yaml", "--at", "1.5s", in: scratch).output))
    #expect(there.output.contains("udp      17 4 "), "\(there)")
    let later = try Weft.run("conntrack", "lab.ckpt", "--at", "7s", in: scratch)
    #expect(later.output == (try Weft.run("conntrack", "lab.yaml", "--at", "7s", in: scratch).output))
    let earlier = try Weft.run("conntrack", "lab.ckpt", "--at", "1s", in: scratch)
    #expect(earlier.status == 64 && earlier.errors.contains("lab.ckpt is of 1.5 s of virtual time"))
    #expect(try Weft.run("conntrack", "lab.ckpt", "--seed", "2", in: scratch).status == 64)
    scratch.write(try #require(scratch.contents("lab.ckpt")).dropLast(), "cut.ckpt")
    let cut = try Weft.run("conntrack", "cut.ckpt", in: scratch)
    #expect(cut.status == 2 && cut.errors.contains("damaged"))
  }

  @Test func aRunGoesOnFromACheckpointToAMoment() throws {
    _ = try Weft.run("run", "lab.yaml", "--checkpoint-at", "1.5s", "lab.ckpt", "--no-captures", in: scratch)
    let short = try Weft.run("resume", "lab.ckpt", "--until", "3s", "--format", "json", "--no-captures", in: scratch)
    let whole = try Weft.run("run", "lab.yaml", "--until", "3s", "--format", "json", "--no-captures", in: scratch)
    #expect(short.status == 0 && short.output == whole.output && whole.output.contains("3000000000"))
    #expect(
      try Weft.run("resume", "lab.ckpt", "--until", "30s", "--no-captures", in: scratch).output.contains("30 s of"))
    let back = try Weft.run("resume", "lab.ckpt", "--until", "1s", in: scratch)
    #expect(back.status == 64 && back.errors.contains("--until can't be earlier"))
    #expect(scratch.entries == ["lab.ckpt", "lab.yaml"])
  }

  @Test func aCheckpointThatIsNeverReachedIsAnError() throws {
    let early = try Weft.run(
      "run", "lab.yaml", "--until", "1s", "--checkpoint-at", "2s", "late.ckpt", "--no-captures", in: scratch)
    #expect(early.status == 64 && early.output == "" && early.errors.contains("never reached: the run ends at 1 s"))
    let beyond = try Weft.run("run", "lab.yaml", "--checkpoint-at", "21s", "late.ckpt", "--no-captures", in: scratch)
    #expect(beyond.status == 64 && beyond.errors.contains("the run ends at 20 s (duration)"))
    // One whose end only the run knows: it is run, told and reported.
    scratch.write(Self.quiet.replacingOccurrences(of: "duration: 20 s\n", with: ""), "open.yaml")
    let ended = try Weft.run("run", "open.yaml", "--checkpoint-at", "50s", "late.ckpt", "--no-captures", in: scratch)
    #expect(ended.status == 64 && ended.output.hasPrefix("quiet  seed 1"))
    #expect(ended.errors.contains("--checkpoint-at 50s was not reached") && !scratch.exists("late.ckpt"))
    // The end itself is a moment of the run.
    let last = try Weft.run("run", "lab.yaml", "--checkpoint-at", "20s", "end.ckpt", "--no-captures", in: scratch)
    #expect(last.status == 0 && scratch.exists("end.ckpt"))
    #expect(try Weft.run("resume", "end.ckpt", "--no-captures", in: scratch).output == last.output)
  }
}
