import ArgumentParser
import Weft

struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a topology in virtual time, write its captures, and say what held.",
    // The file isn't optional; it may only stand behind a checkpoint's words.
    usage: "\(Called.name) run <file> [<options>]",
    discussion: "Example: \(Called.name) run topologies/nat-vs-bridge.yaml")

  @Argument(help: TopologyFile.help, completion: .topologyFile)
  var file: String?

  @Option(name: .long, help: "Stands over the file's seed.")
  var seed: UInt64?

  @OptionGroup var input: InputOptions

  @Option(name: .long, help: ArgumentHelp("Ends the run at this virtual time: 30s, 5min.", valueName: "time"))
  var until: String?

  @Option(
    name: .long, parsing: .upToNextOption,
    help: ArgumentHelp(
      "Save the whole lab at this virtual time to a file, then go on: 5s lab.ckpt", valueName: "time file"),
    completion: .file())
  var checkpointAt: [String] = []

  @Option(
    name: .long,
    help: ArgumentHelp(
      "A folder of backups and snapshots: the run begins with the backups there, and leaves its own.", valueName: "folder"),
    completion: .directory)
  var store: String?

  @OptionGroup var sweep: SweepOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if sweep.seeds != nil, store != nil { throw ValidationError("--store is for a run with one seed, and --seeds gives many.") }
    try sweep.check(seed: seed, input, output)
    if sweep.seeds != nil, !checkpointAt.isEmpty {
      throw ValidationError("--checkpoint-at is for a run with one seed, and --seeds gives many.")
    }
    if sweep.seeds == nil, sweep.jobs != nil { throw ValidationError("--jobs goes with --seeds: one run is one job.") }
  }

  func run() throws {
    // `--checkpoint-at 5s lab.ckpt topology.yaml` takes in the topology's name too: it is the last word then.
    var words = checkpointAt
    var path = file
    if path == nil, words.count == 3 { path = words.removeLast() }
    guard let path else { throw ValidationError("Missing expected argument '<file>'") }
    guard words.isEmpty || words.count == 2 else { throw ValidationError("--checkpoint-at wants a time and a file.") }
    let checkpoint = try words.first.map { Runner.Checkpoint(at: .start + (try duration($0)), path: words[1]) }
    let limit = try until.map { Instant.start + (try duration($0)) }
    if let seeds = sweep.seeds { return try run(path, seeds: seeds.seeds) }
    let topology = try TopologyFile.load(path, input)
    if let checkpoint, let end = limit ?? topology.duration.map({ .start + $0 }), end < checkpoint.at {
      throw ValidationError(
        "--checkpoint-at \(words[0]) is never reached: the run ends at \(end)"
          + (limit == nil ? " (duration)" : " (--until)"))
    }
    let clock = ContinuousClock()
    let began = clock.now
    var simulation = try Runner.start(topology, seed: seed, until: limit, options: output)
    if let store {
      try Runner.storing { () throws(StoreError) in try Store(reading: store, SystemFiles()).load(into: &simulation) }
    }
    let report = try Runner.finish(&simulation, options: output, checkpoint: checkpoint)
    if let store {
      try Runner.storing { () throws(StoreError) in
        var folder = try Store(writing: store, SystemFiles())
        try folder.save(simulation)
        try folder.sweep()
        try folder.close()
      }
    }
    let isMissed = checkpoint.map { report.endedAt < $0.at } ?? false
    if let checkpoint, isMissed {
      Terminal.error(
        "\(Called.name): --checkpoint-at \(words[0]) was not reached: the run ended at \(report.endedAt), \(checkpoint.path) was "
          + "not written\n")
    }
    try Runner.publish(report, of: path, wallTime: Nanoseconds(clock.now - began), options: output)
    if isMissed { throw ExitCode.validationFailure }
  }
}

extension RunCommand {
  private func run(_ path: String, seeds: [UInt64]) throws {
    let reading = TopologyFile.read(path, input)
    guard let topology = reading.topology else { throw Exit.badFile }
    let lab = Lab(
      file: reading.file, bytes: reading.bytes, topology: topology,
      captures: output.noCaptures ? nil : output.captures)
    let sweeper = Sweeper(seeds: seeds, until: until, input: input, output: output, limit: sweep.limit)
    var passed = false
    func tell(_ sweep: Sweep, _ time: Nanoseconds) throws {
      passed = sweep.passed
      if output.isJSON {
        try Terminal.out(Runner.json(sweep))
      } else if output.printsText, !output.quiet || !passed {
        try Terminal.out(sweep.text(isBrief: output.quiet, paint: Terminal.paint) + (sweeper.hint(sweep) ?? ""))
      }
      if topology.expectations.isEmpty { Terminal.error("\(path): warning: no expectations: nothing was tested\n") }
      try Runner.write([JUnit.Suite(sweep, wallTime: time)], output)
    }
    do {
      try sweeper.run([lab]) { _, result, time in
        if case .sweep(let sweep) = result { try tell(sweep, time) }
      }
    } catch let interrupted as JobPool.Interrupted {
      throw ExitCode(128 + interrupted.signal)
    }
    if !passed { throw Exit.expectationFailed }
  }
}

func duration(_ text: String) throws -> Nanoseconds {
  do {
    return try Nanoseconds(parsing: text)
  } catch {
    throw ValidationError("'\(text)': \(error)")
  }
}
