import ArgumentParser
import Foundation
import Weft

/// Runs simulations for the commands: progress, interruption, captures, and errors as exit codes.
enum Runner {
  struct Checkpoint {
    var at: Instant
    var path: String
  }

  /// - Parameter directory: where captures go; nil where the run has a place of its own.
  static func start(
    _ topology: Topology, seed: UInt64?, until: Instant?, options: OutputOptions, directory: String? = nil
  ) throws -> Simulation {
    Interruption.watch()
    let directory =
      directory ?? options.captures ?? CaptureDirectory.path(of: topology, seed: seed ?? topology.seed)
    // Yesterday's captures don't belong beside today's report.
    if options.noCaptures { CaptureSet.clear(directory) }
    let captures =
      options.noCaptures
      ? nil
      : CaptureOptions(
        directory: directory, format: options.captureFormat == .pcap ? .pcap : .pcapng,
        limit: try options.captureBytes())
    do throws(SimulationError) {
      return try Simulation(topology, seed: seed, until: until, captures: captures)
    } catch {
      throw environment(error.description)
    }
  }

  /// Runs to the end, saving a checkpoint on the way if asked to. An interrupt or a full disk ends it at once: what there is
  /// up to then is kept, and the report tells.
  static func finish(
    _ simulation: inout Simulation, options: OutputOptions, checkpoint: Checkpoint? = nil, directory: String? = nil
  ) throws -> Report {
    Interruption.watch()
    var progress = Progress(isWanted: !options.quiet)
    if let checkpoint {
      let isWhole = run(&simulation, until: checkpoint.at, &progress)
      // One that ended before it has no such moment: the caller says so.
      if isWhole, simulation.stall == nil, !simulation.hasLostCaptures, !simulation.isOver || simulation.now >= checkpoint.at {
        if !simulation.isOver { simulation.advance(to: checkpoint.at) }
        do {
          try CheckpointFile.write(simulation, to: checkpoint.path)
        } catch {
          simulation.abandon()
          throw environment(error.description)
        }
      }
    }
    let isWhole = run(&simulation, until: .never, &progress)
    progress.clear()
    var report = simulation.end(interruption: isWhole ? nil : Interruption.name)
    if isWhole, !simulation.futures.isEmpty {
      let folder = directory ?? options.captures ?? CaptureDirectory.path(of: simulation.topology, seed: simulation.seed)
      do throws(ResumeError) {
        try simulation.tellFutures(in: &report, captures: { options.noCaptures ? nil : "\(folder)/\($0.name)" }) { future in
          let isWhole = run(&future, until: .never, &progress)
          progress.clear()
          return isWhole
        }
      } catch { throw environment("a future can't begin: \(error)") }
      if Interruption.isWanted { report.interruption = report.interruption ?? Interruption.name }
    }
    if let notice = report.ending ?? report.captureCutOff?.notice { Terminal.error("\(Called.name): \(notice)\n") }
    return report
  }

  /// An interrupt is heeded between any two events. False where it ended before its time.
  private static func run(_ simulation: inout Simulation, until limit: Instant, _ progress: inout Progress) -> Bool {
    while true {
      let more = simulation.run(until: limit, events: 1024) { Interruption.isWanted }
      if Interruption.isWanted { return simulation.isOver }
      if simulation.hasLostCaptures { return true }
      guard more else { return true }
      progress.update(simulation)
    }
  }

  /// What a run that was ended before its time makes of the process, whatever its expectations say.
  static func exit(_ report: Report) -> ExitCode? {
    // As a shell tells of a process that the signal ended.
    if report.interruption != nil, let signal = Interruption.signalNumber { return ExitCode(128 + signal) }
    return report.captureFailure != nil || report.stall != nil ? Exit.environment : nil
  }

  /// A run to look at, of which nothing is written.
  static func withoutCaptures(_ topology: Topology, seed: UInt64?, until: Instant?) throws -> Simulation {
    do throws(SimulationError) {
      return try Simulation(topology, seed: seed, until: until)
    } catch {
      throw environment(error.description)
    }
  }

  /// For commands that only look: what can't be reached can't be shown.
  static func demandProgress(_ simulation: borrowing Simulation) throws {
    if let stall = simulation.stall { throw environment("\(stall)") }
  }

  static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }

  static func environment(_ text: String) -> ExitCode {
    Terminal.error("\(Called.name): \(text)\n")
    return Exit.environment
  }

  /// Prints a report as asked for, and fails if an expectation did.
  static func publish(_ report: Report, of file: String, wallTime: Nanoseconds, options: OutputOptions) throws {
    if options.isJSON {
      try Terminal.out(json(report))
    } else if options.printsText, !options.quiet || !report.passed {
      try Terminal.out(options.quiet ? report.brief(paint: Terminal.paint) : report.text(paint: Terminal.paint))
    }
    if report.expectations.isEmpty { Terminal.error("\(file): warning: no expectations: nothing was tested\n") }
    try write([JUnit.Suite(report, file: file, wallTime: wallTime)], options)
    if let code = exit(report) { throw code }
    guard report.passed else { throw Exit.expectationFailed }
  }

  /// The JUnit file, if one is wanted.
  static func write(_ suites: [JUnit.Suite], _ options: OutputOptions) throws {
    guard let path = options.junit else { return }
    guard path != "-" else { return try Terminal.out(JUnit.xml(suites)) }
    do {
      try WholeFile.write(Data(JUnit.xml(suites).utf8), to: path)
    } catch {
      throw environment("can't write \(path): \(WholeFile.reason(error, path))")
    }
  }
}
