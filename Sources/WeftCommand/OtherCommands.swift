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

  @OptionGroup var output: OutputOptions

  func run() throws {
    let captures: CheckpointFile.Captures =
      output.noCaptures ? .none : output.captures.map { .directory($0) } ?? .standard
    var simulation = try resume(captures)
    let clock = ContinuousClock()
    let began = clock.now
    let report = try Runner.finish(&simulation, options: output)
    try Runner.publish(report, of: file, wallTime: Nanoseconds(clock.now - began), options: output)
  }

  private func resume(_ captures: CheckpointFile.Captures) throws -> Simulation {
    do throws(CheckpointError) {
      return try CheckpointFile.resume(file, captures: captures)
    } catch {
      Terminal.error("weft: \(error)\n")
      throw error.isEnvironment ? Exit.environment : Exit.badFile
    }
  }
}
