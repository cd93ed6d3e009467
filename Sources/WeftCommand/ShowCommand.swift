import ArgumentParser
import Weft

struct ShowCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "show",
    abstract: "Show tables at a virtual time: ARP caches, switches' addresses and spanning trees, DHCP leases, port forwards.",
    discussion: "Example: \(Called.name) show topologies/nat-port-forward.yaml forwards --at 2s")

  enum Table: String, CaseIterable, ExpressibleByArgument {
    case neighbours, fdb, stp, leases, forwards

    /// Of its entries, for the line that counts them.
    var entries: String {
      switch self {
      case .neighbours: "neighbour entries"
      case .fdb: "forwarding database entries"
      case .stp: "ports of spanning trees"
      case .leases: "leases"
      case .forwards: "port forwards"
      }
    }
  }

  @Argument(help: LabFile.help, completion: .labFile)
  var file: String

  @Argument(
    help: ArgumentHelp(
      "neighbours: who knows whose MAC address; fdb: which switch saw which MAC address where; stp: roles and states of ports; leases: of DHCP servers; "
        + "forwards: of NATs.", valueName: "table"))
  var table: Table

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The virtual time at which to look (default: the end of the run, the moment of the checkpoint); the lab goes on "
        + "to a time after its end.", valueName: "time"))
  var at: String?

  @Option(
    name: .long, help: ArgumentHelp("Only of this machine, switch, network, segment or NAT.", valueName: "name"))
  var node: String?

  @Option(name: .long, help: "Stands over the file's seed.")
  var seed: UInt64?

  @OptionGroup var input: InputOptions

  @Option(name: .long, help: "text or json.")
  var format = ReportFormat.text

  func run() throws {
    let moment = try at.map { Instant.start + (try duration($0)) }
    let simulation = try LabFile.open(file, input, seed: seed, at: moment)
    if let node, !simulation.hasTables(node) { throw ValidationError("nothing is called \"\(node)\" in this lab") }
    switch table {
    case .neighbours: try show(simulation.neighbours(of: node))
    case .fdb: try show(simulation.forwardingDatabase(of: node))
    case .stp: try show(simulation.spanningTrees(of: node))
    case .leases: try show(simulation.leases(of: node))
    case .forwards: try show(simulation.forwards(of: node))
    }
  }

  private func show(_ entries: [some TableEntry]) throws {
    try Terminal.out(format == .json ? Runner.json(entries) : entries.map { $0.line + "\n" }.joined())
    Terminal.error("\(Called.name) show: \(entries.count) \(table.entries) have been shown.\n")
  }
}
