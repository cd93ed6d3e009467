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

  @OptionGroup var sweep: SweepOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    try sweep.check(seed: seed, input, output)
  }

  func run() throws {
    let limit = try until.map { Instant.start + (try duration($0)) }
    var session = TestSession(options: output)
    let labs = read(&session)
    do {
      if sweep.seeds != nil || sweep.jobs ?? 1 > 1 {
        try runApart(labs, &session)
      } else {
        for (index, lab) in labs.enumerated() {
          guard let code = try run(lab, until: limit, &session) else { continue }
          for rest in labs[(index + 1)...] {
            session.couldNotRun(rest.file, "not run: the one before was cut short", detail: "")
          }
          throw code
        }
      }
    } catch {
      // What was found out so far isn't lost.
      try session.publish()
      if let interrupted = error as? JobPool.Interrupted { throw ExitCode(128 + interrupted.signal) }
      throw error
    }
    try session.publish()
    try session.end()
  }

  /// What can be run of what was named; the rest is noted.
  private func read(_ session: inout TestSession) -> [Lab] {
    var labs: [Lab] = []
    for found in TopologyFile.find(paths) {
      switch found {
      case .problem(let path, let problem):
        session.order.append(path)
        Terminal.error("\(path.visible): error: \(problem)\n")
        session.couldNotRun(path, problem, detail: "")
      case .file(let path):
        let reading = TopologyFile.read(path, input)
        session.order.append(reading.file)
        guard let topology = reading.topology else {
          session.couldNotRun(reading.file, "the file has mistakes", detail: reading.mistakes.joined(separator: "\n"))
          continue
        }
        guard allowEmpty || !topology.expectations.isEmpty else {
          let problem = "no expectations: nothing would be tested (--allow-empty lets it pass)"
          Terminal.error("\(reading.file.visible): error: \(problem)\n")
          session.couldNotRun(reading.file, problem, detail: "")
          continue
        }
        labs.append(Lab(file: reading.file, bytes: reading.bytes, topology: topology))
      }
    }
    // Labs of one name don't write over each other.
    var runs: [String: Int] = [:]
    let isNamed = output.captures != nil
    for index in labs.indices where !output.noCaptures && (isNamed || sweep.seeds == nil) {
      let topology = labs[index].topology
      let folder = CaptureDirectory.name(for: topology.name)
      let number = runs[folder, default: 0] + 1
      runs[folder] = number
      let base = output.captures ?? "captures"
      labs[index].captures =
        labs.count == 1 && isNamed
        ? base
        : CaptureDirectory.path(
          of: topology, seed: seed ?? topology.seed, in: base, name: number > 1 ? "\(folder)-\(number)" : folder)
    }
    return labs
  }

  /// What the process ends with if the run was ended before its time, and all the others with it.
  private func run(_ lab: Lab, until limit: Instant?, _ session: inout TestSession) throws -> ExitCode? {
    var options = output
    options.captures = lab.captures
    let clock = ContinuousClock()
    let began = clock.now
    let report: Report
    do {
      var simulation = try Runner.start(lab.topology, seed: seed, until: limit, options: options)
      report = try Runner.finish(&simulation, options: options)
    } catch {
      session.couldNotRun(lab.file, "the run was ended before its time", detail: "")
      throw error
    }
    try session.ran(lab.file, report, wallTime: Nanoseconds(clock.now - began))
    return Runner.exit(report)
  }

  private func runApart(_ labs: [Lab], _ session: inout TestSession) throws {
    let sweeper = Sweeper(
      seeds: sweep.seeds?.seeds, seed: seed, until: until, input: input, output: output, limit: sweep.limit)
    try sweeper.run(labs) { lab, result, time in
      switch result {
      case .report(let report): try session.ran(lab.file, report, wallTime: time)
      case .sweep(let sweep): try session.ran(sweep, hint: sweeper.hint(sweep), wallTime: time)
      case .failed(let what, let detail):
        Terminal.error("\(lab.file.visible): error: \(what)\n\(detail)")
        session.couldNotRun(lab.file, what, detail: detail)
      }
    }
  }
}

extension Nanoseconds {
  init(_ duration: Duration) {
    let (seconds, attoseconds) = duration.components
    self = .seconds(UInt64(clamping: seconds)) + Nanoseconds(UInt64(clamping: attoseconds / 1_000_000_000))
  }
}
