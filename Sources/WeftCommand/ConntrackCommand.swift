import ArgumentParser
import Weft

struct ConntrackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conntrack",
    abstract: "Show the NATs' connection tables at a virtual time, as conntrack -L and -E do.",
    discussion: "Example: \(Called.name) conntrack topologies/nat-port-forward.yaml --at 2s")

  @Argument(help: TopologyFile.help, completion: .topologyFile)
  var file: String

  @Option(name: .long, help: ArgumentHelp("The virtual time at which to look.", valueName: "time"))
  var at = "1s"

  @Flag(
    name: [.customShort("E"), .long], help: "What happened up to then (NEW, UPDATE, DESTROY) instead of what is there.")
  var events = false

  @Option(name: .long, help: ArgumentHelp("Only this NAT: a network's or gateway's name.", valueName: "name"))
  var gateway: String?

  @Option(name: .long, help: "Stands over the file's seed.")
  var seed: UInt64?

  @OptionGroup var input: InputOptions

  @Option(name: .long, help: "text or json.")
  var format = ReportFormat.text

  func run() throws {
    let moment = Instant.start + (try duration(at))
    let topology = try TopologyFile.load(file, input)
    var simulation = try Runner.withoutCaptures(topology, seed: seed, until: max(moment, .start + .seconds(1)))
    if events { simulation.recordConnectionEvents() }
    simulation.run(until: moment)
    let names = simulation.gatewayNames
    if let gateway, !names.contains(gateway) {
      throw ValidationError(
        "no NAT is called \"\(gateway)\"; there \(names.count == 1 ? "is" : "are") \(names.joined(separator: ", "))")
    }
    if events {
      let all = simulation.takeConnectionEvents().filter { gateway == nil || $0.gateway == gateway }
      try Terminal.out(format == .json ? Runner.json(all) : lines(all.map { ($0.gateway, $0.line) }, names))
    } else {
      let all = simulation.connections(at: moment).filter { gateway == nil || $0.gateway == gateway }
      try Terminal.out(format == .json ? Runner.json(all) : lines(all.map { ($0.gateway, $0.line) }, names))
    }
  }

  /// The tool's own lines where there is one NAT to speak of; else each with its gateway's name before it.
  private func lines(_ all: [(gateway: String, line: String)], _ names: [String]) -> String {
    all.map { (names.count == 1 || gateway != nil ? $0.line : "\($0.gateway): \($0.line)") + "\n" }.joined()
  }
}
