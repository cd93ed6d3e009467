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
    for (index, (file, topology)) in labs.enumerated() {
      guard allowEmpty || !topology.expectations.isEmpty else {
        let problem = "no expectations: nothing would be tested (--allow-empty lets it pass)"
        Terminal.error("\(file): error: \(problem)\n")
        session.couldNotRun(file, problem, detail: "")
        continue
      }
      // Labs of one name don't write over each other.
      let folder = CaptureDirectory.name(for: topology.name)
      let number = runs[folder, default: 0] + 1
      runs[folder] = number
      let directory =
        labs.count == 1 && output.captures != nil
        ? output.captures
        : CaptureDirectory.path(
          of: topology, seed: seed ?? topology.seed, in: output.captures ?? "captures",
          name: number > 1 ? "\(folder)-\(number)" : folder)
      let clock = ContinuousClock()
      let began = clock.now
      let report: Report
      do {
        var simulation = try Runner.start(
          topology, seed: seed, until: limit, options: output, directory: directory)
        report = try Runner.finish(&simulation, options: output)
      } catch {
        // What was found out so far isn't lost.
        session.couldNotRun(file, "the run was ended before its time", detail: "")
        try session.publish()
        throw error
      }
      try session.ran(file, report, wallTime: Nanoseconds(clock.now - began))
      if let code = Runner.exit(report) {
        for (file, _) in labs[(index + 1)...] {
          session.couldNotRun(file, "not run: the one before was cut short", detail: "")
        }
        try session.publish()
        throw code
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
