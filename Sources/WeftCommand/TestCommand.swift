import ArgumentParser
import Weft

struct TestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Run topologies and say which expectations failed.",
    discussion: "Example: \(Called.name) test topologies/ --junit results.xml")

  @Argument(
    help: ArgumentHelp("Topology files, or directories of them; - is stdin.", valueName: "path"), completion: .paths)
  var paths: [String]

  @Option(name: .long, help: "Stands over the files' seeds.")
  var seed: UInt64?

  @OptionGroup var input: InputOptions

  @Option(name: .long, help: ArgumentHelp("Ends each run at this virtual time.", valueName: "time"))
  var until: String?

  @Flag(name: .long, help: "Let a file without expectations pass.")
  var allowEmpty = false

  @OptionGroup var output: OutputOptions

  func run() throws {
    let limit = try until.map { Instant.start + (try duration($0)) }
    var session = TestSession(options: output)
    var labs: [(file: String, topology: Topology)] = []
    for found in TopologyFile.find(paths) {
      switch found {
      case .problem(let path, let problem):
        Terminal.error("\(path): error: \(problem)\n")
        session.couldNotRun(path, problem, detail: "")
      case .file(let path):
        let reading = TopologyFile.read(path, input)
        if let topology = reading.topology {
          labs.append((reading.file, topology))
        } else {
          session.couldNotRun(
            reading.file, "the file has mistakes", detail: reading.mistakes.joined(separator: "\n"))
        }
      }
    }
    var runs: [String: Int] = [:]
    for (file, topology) in labs {
      guard allowEmpty || !topology.expectations.isEmpty else {
        let problem = "no expectations: nothing would be tested (--allow-empty lets it pass)"
        Terminal.error("\(file): error: \(problem)\n")
        session.couldNotRun(file, problem, detail: "")
        continue
      }
      var options = output
      // Labs of one name don't write over each other.
      let number = runs[topology.name, default: 0] + 1
      runs[topology.name] = number
      let name = number > 1 ? "\(topology.name)-\(number)" : topology.name
      if labs.count > 1 {
        options.captures = output.noCaptures ? nil : "\(output.captures ?? "captures")/\(name)"
      }
      let clock = ContinuousClock()
      let began = clock.now
      do {
        var simulation = try Runner.start(topology, seed: seed, until: limit, options: options)
        let report = try Runner.finish(&simulation, options: options)
        try session.ran(file, report, wallTime: Nanoseconds(clock.now - began))
      } catch {
        // What was found out so far isn't lost.
        session.couldNotRun(file, "the run was ended before its time", detail: "")
        try session.publish()
        throw error
      }
    }
    try session.publish()
    try session.end()
  }
}

extension Nanoseconds {
  init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    self = .seconds(UInt64(clamping: seconds)) + Nanoseconds(UInt64(clamping: attoseconds / 1_000_000_000))
  }
}
