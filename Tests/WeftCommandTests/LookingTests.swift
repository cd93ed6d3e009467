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
    #expect(first.hasPrefix("[00000001.000") && first.contains("]\t    [NEW] udp      17 5 src="), "\(first)")
    #expect(result.errors.hasSuffix("\(result.lines.count) flow events have been shown.\n"))
  }

  /// conntrack's own commands and options.
  @Test(arguments: [
    ("-L", 2), ("-L -p tcp", 1), ("-L -p udp --dport 9", 1), ("-L -p udp --dport 10", 0), ("-s 192.168.122.0/24", 2),
    ("-d 203.0.113.2", 2), ("-d 203.0.113.3", 0), ("-q 203.0.113.1", 2), ("-r 203.0.113.9", 0), ("--state TIME_WAIT", 1),
    ("--state ESTABLISHED", 0), ("-u ASSURED", 1), ("-u SEEN_REPLY", 1), ("-u UNSET", 1), ("-D -p tcp", 1),
    ("-E -p udp", 1),
  ])
  func conntracksOptionsChoose(options: String, count: Int) throws {
    let words = options.split(separator: " ").map(String.init)
    let result = try Weft.start(["conntrack", "lab.yaml", "--at", "2s"] + words, in: scratch).wait()
    #expect(result.status == 0 && result.lines.count == count, "\(result)")
    let what = options.hasPrefix("-E") ? "flow events" : "flow entries"
    #expect(
      result.errors.hasSuffix(" \(count) \(what) have been \(options.hasPrefix("-D") ? "deleted" : "shown").\n"), "\(result)")
  }

  @Test func conntrackCounts() throws {
    #expect(try Weft.run("conntrack", "lab.yaml", "--at", "2s", "-C", in: scratch).output == "2\n")
    let statistics = try Weft.run("conntrack", "lab.yaml", "--at", "2s", "-S", in: scratch)
    #expect(statistics.output.hasPrefix("cpu=0   \tfound=0 invalid=0 insert=0 insert_failed=0 drop=0 early_drop=0 "))
    for wrong in [["-C", "-S"], ["-C", "-p", "tcp"], ["-D"], ["--state", "OPEN"], ["-p", "tpc"], ["-s", "1.2.3"]] {
      let result = try Weft.start(["conntrack", "lab.yaml"] + wrong, in: scratch).wait()
      #expect(result.status == 64 && result.output.isEmpty, "\(result)")
    }
  }

  @Test func aReportTellsHowFullTheTableWas() throws {
    let report = try Weft.run("run", "lab.yaml", "--no-captures", in: scratch)
    #expect(report.output.contains("Connection tables\n  n: at most 2 of 262144 entries, at 1 s; 1 at the end"), "\(report)")
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

/// `explain` as people type it, and `show`.
extension LookingTests {
  @Test(arguments: [
    ["box", "web:80"], ["box", "→", "web:80"], ["box → web:80"], ["box -> web:80"], ["box", "->", "web:80"], ["box->web:80"],
    ["box", "=>", "web:80"], ["box", "to", "web:80"],
  ])
  func anArrowMayStandBetweenTheEnds(words: [String]) throws {
    let result = try Weft.start(["explain", "lab.yaml"] + words + ["--at", "2s"], in: scratch).wait()
    #expect(result.status == 0 && result.lines.first == "box → web:80  at 2 s", "\(result)")
  }

  @Test func whatAShellLeavesOfABareArrowIsTold() throws {
    let result = try Weft.run("explain", "lab.yaml", "box", "-", in: scratch)
    #expect(result.status == 64 && result.errors.contains("a bare ->") && result.errors.contains("'box -> TO:PORT'"), "\(result)")
    let help = try Weft.run("explain", "--help", in: scratch).output
    #expect(help.contains("in quotes"))
  }

  @Test func aURLIsAskedForItsPath() throws {
    let page = try Weft.run("explain", "lab.yaml", "box", "http://web/", in: scratch)
    #expect(page.status == 0 && page.lines.last?.hasSuffix(", HTTP 200") == true, "\(page)")
    let closed = try Weft.run("explain", "lab.yaml", "box", "http://web:81/x", in: scratch)
    #expect(closed.status == 1 && closed.output.contains("refused (RST)") && closed.output.contains("TCP port 81"), "\(closed)")
    let none = try Weft.run("explain", "lab.yaml", "box", "https://web/", in: scratch)
    #expect(none.status == 64 && none.errors.contains("no TLS here"))
    for wrong in ["web:0", "web:80/sctp", "web/tcp", "http://web:x/", "nobody:80"] {
      let result = try Weft.run("explain", "lab.yaml", "box", wrong, in: scratch)
      #expect(result.status == 64 && result.output == "" && result.errors.contains("Usage: "), "\(wrong): \(result)")
    }
  }

  @Test func explainLooksIntoACheckpointAndBeyondTheEnd() throws {
    _ = try Weft.run("run", "lab.yaml", "--checkpoint-at", "1.5s", "lab.ckpt", "--no-captures", in: scratch)
    let there = try Weft.run("explain", "lab.ckpt", "vm", "web:80", in: scratch)
    #expect(there.status == 0 && there.lines.first == "vm → web:80  at 1.5 s", "\(there)")
    let file = try Weft.run("explain", "lab.yaml", "vm", "web:80", "--at", "1.5s", in: scratch)
    #expect(there.output.replacing("lab.ckpt", with: "lab.yaml") == file.output)
    let late = try Weft.run("explain", "lab.ckpt", "vm", "web:80", "--at", "100h", in: scratch)
    #expect(late.status == 0 && late.lines.first == "vm → web:80  at 360000 s", "\(late)")
    #expect(try Weft.run("explain", "lab.ckpt", "vm", "web:80", "--at", "1s", in: scratch).status == 64)
  }

  @Test func tablesAreShown() throws {
    let early = try Weft.run("show", "lab.yaml", "neighbours", "--at", "0s", in: scratch)
    #expect(early.status == 0 && early.output == "" && early.errors.contains("0 neighbour entries have been shown."), "\(early)")
    let neighbours = try Weft.run("show", "lab.yaml", "neighbours", "--at", "2s", in: scratch)
    #expect(neighbours.output.contains("vm: 192.168.122.1 dev eth0 lladdr "), "\(neighbours)")
    #expect(neighbours.output.contains("n: 203.0.113.2 dev wan lladdr ") && neighbours.output.contains(" REACHABLE\n"))
    // Confirmed for a minute.
    #expect(try Weft.run("show", "lab.yaml", "neighbours", "--at", "2min", in: scratch).output.contains(" STALE\n"))
    let fdb = try Weft.run("show", "lab.yaml", "fdb", "--at", "2s", "--node", "wan", in: scratch)
    #expect(fdb.lines.count == 2 && fdb.output.contains(" dev web age ") && fdb.output.contains("(web)"), "\(fdb)")
    #expect(try Weft.run("show", "lab.yaml", "fdb", "--at", "10min", in: scratch).lines.isEmpty)
    let leases = try Weft.run("show", "lab.yaml", "leases", in: scratch)
    #expect(leases.output.hasPrefix("n: 192.168.122.2 ") && leases.output.contains(" vm expires in 35"), "\(leases)")
    scratch.write(
      Self.quiet + "\nevents: [{at: 1 s, add-forward: {network: n, forward: \"8000-8001:vm:80-81\"}}]\n", "forwards.yaml")
    #expect(try Weft.run("show", "forwards.yaml", "forwards", "--at", "500ms", in: scratch).lines.isEmpty)
    #expect(
      try Weft.run("show", "forwards.yaml", "forwards", in: scratch).output == "n: tcp *:8000-8001 -> 192.168.122.2:80-81 (vm)\n")
    #expect(try Weft.run("show", "lab.yaml", "leases", "--node", "nobody", in: scratch).status == 64)
    #expect(try Weft.run("show", "lab.yaml", "routes", in: scratch).status == 64)
  }

  @Test func theirDataIsTextWithUnitsInTheKeys() throws {
    _ = try Weft.run("run", "lab.yaml", "--checkpoint-at", "1.5s", "lab.ckpt", "--no-captures", in: scratch)
    func first(_ arguments: String...) throws -> [String: Any] {
      let result = try Weft.start(["show"] + arguments + ["--format", "json"], in: scratch).wait()
      let all = try #require(JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [[String: Any]])
      return try #require(all.first, "\(result)")
    }
    let neighbour = try first("lab.ckpt", "neighbours", "--node", "vm")
    #expect(neighbour["address"] as? String == "192.168.122.1" && neighbour["state"] as? String == "REACHABLE")
    #expect(neighbour["node"] as? String == "vm" && neighbour["confirmedSecondsAgo"] is Double)
    let entry = try first("lab.ckpt", "fdb", "--node", "wan")
    #expect(entry["port"] is String && entry["ageSeconds"] is Double && entry["switch"] as? String == "wan")
    let lease = try first("lab.yaml", "leases", "--set", "duration=10s")
    #expect(
      lease["address"] as? String == "192.168.122.2" && (lease["expiresInSeconds"] as? Double).map { abs($0 - 3590) < 1 } == true)
    let forward = try first("lab.yaml", "forwards", "--set", "hosts.box.networks.n.forwards=[\"53:vm:53/udp\"]")
    #expect(forward["protocol"] as? String == "udp" && forward["hostPort"] as? Int == 53 && forward["machine"] as? String == "vm")
  }
}
