import ArgumentParser
import Weft

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Say what is wrong with topology files, all of it, without running them.",
    discussion: "Example: \(Called.name) check lab.yaml topologies/")

  @Argument(
    help: ArgumentHelp("Topology files, or directories of them; - is stdin.", valueName: "path"), completion: .paths)
  var paths: [String]

  @OptionGroup var input: InputOptions

  @Flag(name: .shortAndLong, help: "Print only mistakes.")
  var quiet = false

  func run() throws {
    var isBad = false
    for found in TopologyFile.find(paths) {
      switch found {
      case .problem(let path, let problem):
        Terminal.error("\(path.visible): error: \(problem)\n")
        isBad = true
      case .file(let path):
        let reading = TopologyFile.read(path, input)
        guard let topology = reading.topology else {
          isBad = true
          continue
        }
        guard !quiet else { continue }
        try Terminal.out("\(reading.file.visible): ok (\(contents(of: topology)))\n")
      }
    }
    if isBad { throw Exit.badFile }
  }

  private func contents(of topology: Topology) -> String {
    "\(topology.segments.count) segments, \(topology.hosts.count) hosts, \(topology.vms.count) VMs, "
      + "\(topology.expectations.count) expectations"
  }
}
