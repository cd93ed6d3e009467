import ArgumentParser
import Weft

struct ConntrackCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "conntrack",
    abstract: "Show the NATs' connection tables at a virtual time, as conntrack(8) does.",
    discussion: """
      Examples: \(Called.name) conntrack topologies/nat-port-forward.yaml --at 2s
                \(Called.name) conntrack topologies/nat-port-forward.yaml -L -p tcp --dport 80
      """)

  @Argument(help: LabFile.help, completion: .labFile)
  var file: String

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The virtual time at which to look (default: the end of the run, the moment of the checkpoint); the lab goes on "
        + "to a time after its end.", valueName: "time"))
  var at: String?

  @OptionGroup(title: "What") var mode: Mode
  @OptionGroup(title: "Which") var which: ConntrackFilter

  @Option(name: .long, help: ArgumentHelp("Only this NAT: a network's, host's or gateway's name.", valueName: "name"))
  var gateway: String?

  @Option(name: .long, help: "Stands over the file's seed.")
  var seed: UInt64?

  @OptionGroup var input: InputOptions

  @Option(name: .long, help: "text or json.")
  var format = ReportFormat.text

  /// conntrack's commands.
  struct Mode: ParsableArguments {
    @Flag(name: [.customShort("L"), .customLong("dump")], help: "The table (the default).")
    var list = false

    @Flag(
      name: [.customShort("E"), .long, .customLong("event")],
      help: "What happened up to then (NEW, UPDATE, DESTROY), with the times that -o timestamp prints.")
    var events = false

    @Flag(name: [.customShort("C"), .customLong("count")], help: "How many entries there are, and nothing else.")
    var count = false

    @Flag(name: [.customShort("S"), .customLong("stats")], help: "What was counted up to then.")
    var statistics = false

    @Flag(
      name: [.customShort("D"), .customLong("delete")],
      help: "What would be deleted then; within a lab it is the event flush-conntrack that deletes.")
    var delete = false

    func validate() throws {
      if [list, events, count, statistics, delete].count(where: { $0 }) > 1 {
        throw ValidationError("one of -L, -E, -C, -S and -D at a time")
      }
    }
  }

  func run() throws {
    let moment = try at.map { Instant.start + (try duration($0)) }
    let filter = try which.filter()
    if !which.isEmpty, mode.count || mode.statistics {
      throw ValidationError("\(mode.count ? "-C" : "-S") counts all: -p, -s and the like are for -L, -E and -D")
    }
    if mode.delete, which.isEmpty { throw ValidationError("-D needs to be told which entries: -p, -s, -d, --sport, --dport …") }
    var simulation = try LabFile.open(file, input, seed: seed, at: moment) {
      if mode.events { $0.recordConnectionEvents() }
    }
    let names = simulation.gatewayNames
    let only = try gateway.map { wanted in
      guard let name = simulation.gatewayName(for: wanted) else { throw unknown(wanted, names) }
      return name
    }
    // The tool's own lines where there is one NAT to speak of; else each with its gateway's name before it.
    func prefix(_ gateway: String) -> String { names.count == 1 || only != nil ? "" : "\(gateway): " }
    func isWanted(_ gateway: String) -> Bool { only == nil || gateway == only }
    if mode.events {
      let all = simulation.takeConnectionEvents(filter).filter { isWanted($0.gateway) }
      try Terminal.out(
        format == .json
          ? Runner.json(all) : all.map { $0.timestamp + prefix($0.gateway) + $0.line + "\n" }.joined())
      tell(all.count, "flow events", "shown")
    } else if mode.statistics {
      let all = simulation.connectionStatistics.filter { isWanted($0.gateway) }
      try Terminal.out(format == .json ? Runner.json(all) : all.map { prefix($0.gateway) + $0.line + "\n" }.joined())
    } else {
      let all = simulation.connections(at: simulation.now, filter).filter { isWanted($0.gateway) }
      if mode.count { return try Terminal.out("\(all.count)\n") }
      try Terminal.out(
        format == .json ? Runner.json(all) : all.map { prefix($0.gateway) + $0.line + "\n" }.joined())
      tell(all.count, "flow entries", mode.delete ? "deleted" : "shown")
    }
  }

  /// In conntrack's words, and as there on stderr: a listing of nothing says so.
  private func tell(_ count: Int, _ what: String, _ done: String) {
    Terminal.error("conntrack v\(weftVersion) (weft): \(count) \(what) have been \(done).\n")
  }

  private func unknown(_ name: String, _ known: [String]) -> ValidationError {
    switch known.count {
    case 0: ValidationError("no NAT is called \"\(name)\": there is none in this lab")
    case 1: ValidationError("no NAT is called \"\(name)\"; there is \(known[0])")
    default: ValidationError("no NAT is called \"\(name)\"; there are \(known.joined(separator: ", "))")
    }
  }
}
