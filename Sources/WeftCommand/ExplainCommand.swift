import ArgumentParser
import Weft

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Follow one packet through the fabric: every lookup, and the line of the file that decided.",
    discussion: "Example: \(Called.name) explain topologies/nat-vs-bridge.yaml visitor laptop:80/tcp --at 2s")

  @Argument(help: TopologyFile.help, completion: .topologyFile)
  var file: String

  @Argument(
    help: ArgumentHelp(
      "FROM TO:PORT[/udp], or FROM TO for a ping; an arrow between them is fine.", valueName: "from to"))
  var ends: [String]

  @Option(name: .long, help: ArgumentHelp("The virtual time at which it is sent.", valueName: "time"))
  var at = "1s"

  @Option(name: .long, help: "Stands over the file's seed.")
  var seed: UInt64?

  @OptionGroup var input: InputOptions

  @Option(name: .long, help: "text or json.")
  var format = ReportFormat.text

  func run() throws {
    let (from, to) = try parsedEnds()
    let probe = try probe(to)
    let moment = Instant.start + (try duration(at))
    let topology = try TopologyFile.load(file, input)
    var simulation = try Runner.withoutCaptures(topology, seed: seed, until: moment + .minutes(1))
    simulation.run(until: moment)
    try Runner.demandProgress(simulation)
    let explanation: Explanation
    do throws(ExplainError) {
      explanation = try simulation.explain(from: from, probe, to: to)
    } catch {
      throw ValidationError(error.description)
    }
    if format == .json {
      try Terminal.out(Runner.json(explanation))
    } else {
      try Terminal.out(explanation.text(file: file, paint: Terminal.paint))
    }
    if !explanation.isOpen { throw Exit.expectationFailed }
  }

  /// `web → visitor:80`, `web -> visitor:80`, `web visitor:80`, or all in one word.
  private func parsedEnds() throws -> (String, String) {
    let words = ends.joined(separator: " ").split { " →>".contains($0) }.map { word in
      word.hasSuffix("-") ? String(word.dropLast()) : String(word)
    }.filter { !$0.isEmpty && $0 != "to" }
    guard words.count == 2 else { throw ValidationError("Expected FROM and TO:PORT, as in: web visitor:80/tcp") }
    return (words[0], words[1])
  }

  private func probe(_ to: String) throws -> Expectation.Probe {
    let halves = to.split(separator: "/", maxSplits: 1).map(String.init)
    let parts = halves[0].split(separator: ":").map(String.init)
    guard (1...2).contains(parts.count), !parts[0].isEmpty else {
      throw ValidationError("'\(to)' is not TO:PORT/PROTO")
    }
    // Every machine's name for itself.
    let name = parts[0] == "localhost" ? "127.0.0.1" : parts[0]
    let destination = IPv4Address(name).map { Destination.address($0) } ?? .node(name)
    guard parts.count == 2 else {
      guard halves.count == 1 || halves[1] == "icmp" else { throw ValidationError("'\(to)' has no port") }
      return .ping(to: destination, size: 56, ttl: 64)
    }
    let names: [String: TransportProtocol] = ["tcp": .tcp, "udp": .udp]
    guard let port = UInt16(parts[1]), port > 0 else { throw ValidationError("'\(parts[1])' is not a port") }
    guard let transport = names[halves.count == 2 ? halves[1] : "tcp"] else {
      throw ValidationError("'\(halves[1])' is not tcp or udp")
    }
    return .connect(to: destination, port: port, protocol: transport)
  }
}

enum ReportFormat: String, CaseIterable, ExpressibleByArgument { case text, json }
