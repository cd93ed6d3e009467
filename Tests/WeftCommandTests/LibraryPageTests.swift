import Foundation
import Testing
import Weft
import WeftTestSupport

/// docs/library.md: every snippet stands here as it stands there, and is run.
@Suite struct LibraryPageTests {
  private let scratch = Scratch()

  init() {
    scratch.write(
      Labs.small("expect:\n  - {from: web, to: \"visitor:80\"}\n  - {from: visitor, to: \"laptop:81\", is: dropped, by: home}"),
      "lab.yaml")
  }

  @Test func everySnippetIsHere() throws {
    let page = try String(contentsOfFile: "\(Repository.root)/docs/library.md", encoding: .utf8)
    let source = try String(contentsOfFile: #filePath, encoding: .utf8)
    let here = source.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }.joined(separator: "\n")
    let snippets = page.components(separatedBy: "```swift\n").dropFirst().map { $0.components(separatedBy: "```")[0] }
    #expect(snippets.count >= 6)
    for snippet in snippets {
      let wanted = snippet.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        .filter { !$0.hasPrefix("import ") && !$0.isEmpty }
      let isHere = wanted.isEmpty || here.contains(wanted.joined(separator: "\n"))
      #expect(isHere, "\(snippet)")
    }
  }

  @Test func theyRun() throws {
    let path = scratch.file("lab.yaml")
    let directory = scratch.file("captures")

    let load = try Topology.load(path: path)
    for diagnostic in load.diagnostics { print(diagnostic.render(color: false)) }
    let topology = try load.get()

    var simulation = try Simulation(topology, seed: 7, captures: CaptureOptions(directory: directory))
    simulation.run(until: .seconds(3))
    print(simulation.now, simulation.progress.decided)
    simulation.run()
    let report = try simulation.finish()

    var lab = try Simulation(topology)
    lab.run(until: .seconds(3))
    var fork = try lab.fork()
    try fork.perform(.removeVM("web"))
    fork.advance(to: .seconds(20))

    for verdict in report.expectations {
      print(verdict.passed ? "held" : "failed", verdict.name, verdict.observed)
      for evidence in verdict.evidence { print("  ", evidence) }
    }
    print(report.text())

    let records = try PacketRecords(directory: directory)
    for record in records.dropped {
      guard case .dropped(let node, let reason, _) = record.drop else { continue }
      print("\(record.file) frame \(record.frame): \(node) dropped it: \(reason)")
    }

    if let id = records.dropped.first?.id {
      for record in records.following(id) {
        print(record.packet.timestampNanos, record.isInbound == true ? "in" : "out", record.port)
      }
    }

    var reader = try PcapngReader(path: "\(directory)/home-wan.pcapng")
    while let block = try reader.next() {
      if case .packet(let packet) = block { print(packet.frameNumber, packet.comments) }
    }

    let patience = try Nanoseconds(parsing: "1.5 s")
    let slow = try Topology.load(path: path, settings: ["segments.campus.delay=20ms"]).get()
    var other = try Simulation(slow, until: .minutes(1) + patience)
    other.run()
    let ended = try other.finish()

    #expect(report.seed == 7 && report.passed && ended.passed)
    // The refused SYN was sent, came over the campus, and died at the NAT.
    let refused = records.dropped.first { record in
      if case .dropped("home", "no-port-forward", _)? = record.drop { true } else { false }
    }
    let id = try #require(refused?.id)
    let way = records.following(id)
    #expect(way.first?.port == "visitor/uplink" && way.last?.port == "home/wan" && way.count == 3, "\(way.map(\.port))")
    #expect(records.all.count == Int(report.captures.reduce(0) { $0 + $1.frames }))
  }

  @Test func aLabMadeInCodeRuns() throws {
    let subnet = try #require(IPv4Prefix("203.0.113.0/24"))
    let (near, far) = (try #require(IPv4Address("203.0.113.2")), try #require(IPv4Address("203.0.113.3")))

    var lab = Topology(name: "made-in-code")
    lab.segments = [Segment(name: "wan", subnet: subnet)]
    for (name, address) in [("near", near), ("far", far)] {
      var host = Host(name: name)
      host.uplink = Uplink(segment: "wan", address: address, prefix: subnet)
      lab.hosts.append(host)
    }
    lab.expectations = [
      Expectation(
        name: "far answers", from: "near", probe: .ping(to: .node("far"), size: 56, ttl: 64),
        timing: .within(at: .seconds(1), within: .seconds(10)))
    ]

    var simulation = try Simulation(lab)
    simulation.run()
    let report = try simulation.finish()
    #expect(report.passed)
  }

  @Test func mistakesAreAnError() throws {
    scratch.write("hsots: 1\n", "wrong.yaml")
    let path = scratch.file("wrong.yaml")
    var printed = ""
    func print(_ text: String) { printed += text }

    do {
      let topology = try Topology.load(path: path).get()
      print(topology.name)
    } catch let error as TopologyError {
      print(error.description)
    }

    #expect(printed.contains("wrong.yaml:1:1: error: unknown key \"hsots\""))
  }
}
