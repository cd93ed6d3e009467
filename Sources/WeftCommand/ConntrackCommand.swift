import ArgumentParser
import Weft

struct ConntrackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conntrack",
    abstract: "Show the NATs' connection tables at a virtual time, as conntrack -L and -E do.",
    discussion: "Example: \(Called.name) conntrack topologies/nat-port-forward.yaml --at 2s")

  @Argument(help: LabFile.help, completion: .labFile)
  var file: String

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The virtual time at which to look (default: the end of the run, the moment of the checkpoint); the lab goes on "
        + "to a time after its end.", valueName: "time"))
  var at: String?

  @Flag(
    name: [.customShort("E"), .long],
    help: "What happened up to then (NEW, UPDATE, DESTROY), with the times that -o timestamp prints.")
  var events = false

  @Option(name: .long, help: ArgumentHelp("Only this NAT: a network's, host's or gateway's name.", valueName: "name"))
  var gateway: String?

  @Option(name: .long, help: "Stands over the file's seed.")
  var seed: UInt64?

  @OptionGroup var input: InputOptions

  @Option(name: .long, help: "text or json.")
  var format = ReportFormat.text

  func run() throws {
    let moment = try at.map { Instant.start + (try duration($0)) }
    var simulation = try LabFile.open(file, input, seed: seed, at: moment) { if events { $0.recordConnectionEvents() } }
    let names = simulation.gatewayNames
    let only = try gateway.map { wanted in
      guard let name = simulation.gatewayName(for: wanted) else { throw unknown(wanted, names) }
      return name
    }
    // The tool's own lines where there is one NAT to speak of; else each with its gateway's name before it.
    func prefix(_ gateway: String) -> String { names.count == 1 || only != nil ? "" : "\(gateway): " }
    if events {
      let all = simulation.takeConnectionEvents().filter { only == nil || $0.gateway == only }
      try Terminal.out(
        format == .json
          ? Runner.json(all) : all.map { $0.timestamp + prefix($0.gateway) + $0.line + "\n" }.joined())
      tell(all.count, "flow events")
    } else {
      let all = simulation.connections(at: simulation.now).filter { only == nil || $0.gateway == only }
      try Terminal.out(
        format == .json ? Runner.json(all) : all.map { prefix($0.gateway) + $0.line + "\n" }.joined())
      tell(all.count, "flow entries")
    }
  }

  /// In conntrack's words, and as there on stderr: a listing of nothing says so.
  private func tell(_ count: Int, _ what: String) {
    Terminal.error("conntrack v\(weftVersion) (weft): \(count) \(what) have been shown.\n")
  }

  private func unknown(_ name: String, _ known: [String]) -> ValidationError {
    switch known.count {
    case 0: ValidationError("no NAT is called \"\(name)\": there is none in this lab")
    case 1: ValidationError("no NAT is called \"\(name)\"; there is \(known[0])")
    default: ValidationError("no NAT is called \"\(name)\"; there are \(known.joined(separator: ", "))")
    }
  }
}
