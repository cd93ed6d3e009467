import ArgumentParser
import Foundation
import Weft

struct ResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Go on with a run from a checkpoint, as if it had never stopped.",
    discussion: "Example: \(Called.name) run lab.yaml --checkpoint-at 5s lab.ckpt && \(Called.name) resume lab.ckpt")

  @Argument(
    help: ArgumentHelp("A checkpoint that run --checkpoint-at wrote.", valueName: "file"), completion: .file())
  var file: String

  @Option(name: .long, help: ArgumentHelp("Ends the run at this virtual time: 30s, 5min.", valueName: "time"))
  var until: String?

  @OptionGroup var output: OutputOptions

  func run() throws {
    let limit = try until.map { Instant.start + (try duration($0)) }
    let captures: CheckpointFile.Captures =
      output.noCaptures ? .none : output.captures.map { .directory($0) } ?? .standard
    let clock = ContinuousClock()
    let began = clock.now
    var simulation = try LabFile.resume(file, captures: captures, limit: try output.captureBytes())
    if let limit {
      guard limit >= simulation.now else {
        simulation.abandon()
        throw ValidationError("\(file) is of \(simulation.now) of virtual time: --until can't be earlier (\(limit))")
      }
      simulation.end(at: limit)
    }
    let report = try Runner.finish(&simulation, options: output)
    try Runner.publish(report, of: file, wallTime: Nanoseconds(clock.now - began), options: output)
  }
}
