import ArgumentParser
import Foundation
import Weft

/// Runs simulations for the commands: progress, interruption, captures, and errors as exit codes.
enum Runner {
  struct Checkpoint {
    var at: Instant
    var path: String
  }

  static func start(
    _ topology: Topology, seed: UInt64?, until: Instant?, options: OutputOptions
  ) throws -> Simulation {
    let directory = options.captures ?? "captures/\(topology.name)"
    let captures =
      options.noCaptures
      ? nil : CaptureOptions(directory: directory, format: options.captureFormat == .pcap ? .pcap : .pcapng)
    do throws(SimulationError) {
      return try Simulation(topology, seed: seed, until: until, captures: captures)
    } catch {
      throw environment(error.description)
    }
  }

  /// Runs to the end, saving a checkpoint on the way if asked to.
  static func finish(
    _ simulation: inout Simulation, options: OutputOptions, checkpoint: Checkpoint? = nil
  ) throws -> Report {
    Interruption.watch()
    var progress = Progress(isWanted: !options.quiet)
    if let checkpoint {
      try run(&simulation, until: checkpoint.at, &progress)
      // One that ended before it has no such moment: the caller says so.
      if !simulation.isOver || simulation.now >= checkpoint.at {
        if !simulation.isOver { simulation.advance(to: checkpoint.at) }
        do {
          try CheckpointFile.write(simulation, to: checkpoint.path)
        } catch {
          simulation.abandon()
          throw environment(error.description)
        }
      }
    }
    try run(&simulation, until: .never, &progress)
    progress.clear()
    do {
      return try simulation.finish()
    } catch {
      throw environment(error.description)
    }
  }

  /// In slices, so that an interrupt is noticed and leaves nothing half-written.
  private static func run(_ simulation: inout Simulation, until limit: Instant, _ progress: inout Progress) throws {
    while true {
      let more = simulation.run(until: limit, events: 1 << 16)
      if let signal = Interruption.signalNumber {
        progress.clear()
        simulation.abandon()
        Terminal.error("interrupted at \(simulation.now) of virtual time; no captures were written\n")
        // As a shell tells of a process that the signal ended.
        throw ExitCode(128 + signal)
      }
      guard more else { return }
      progress.update(simulation)
    }
  }

  /// A run to look at, of which nothing is written.
  static func withoutCaptures(_ topology: Topology, seed: UInt64?, until: Instant?) throws -> Simulation {
    do throws(SimulationError) {
      return try Simulation(topology, seed: seed, until: until)
    } catch {
      throw environment(error.description)
    }
  }

  static func json(_ value: some Encodable) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(value), as: UTF8.self) + "\n"
  }

  static func environment(_ text: String) -> ExitCode {
    Terminal.error("weft: \(text)\n")
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
    guard report.passed else { throw Exit.expectationFailed }
  }

  /// The JUnit file, if one is wanted.
  static func write(_ suites: [JUnit.Suite], _ options: OutputOptions) throws {
    guard let path = options.junit else { return }
    guard path != "-" else { return try Terminal.out(JUnit.xml(suites)) }
    do {
      try WholeFile.write(Data(JUnit.xml(suites).utf8), to: path)
    } catch {
      throw environment("can't write \(path): \((error as NSError).localizedDescription)")
    }
  }
}

/// Remembers that the user wants to stop; the run looks between slices.
enum Interruption {
  nonisolated(unsafe) private static var flag: sig_atomic_t = 0

  /// The signal that asked to stop.
  static var signalNumber: Int32? { flag == 0 ? nil : Int32(flag) }

  static func watch() {
    // A second signal ends the process at once: the handler gives way after the first.
    for number in [SIGINT, SIGTERM, SIGHUP] {
      signal(number) { received in
        Interruption.flag = sig_atomic_t(received)
        signal(received, SIG_DFL)
      }
    }
  }
}
