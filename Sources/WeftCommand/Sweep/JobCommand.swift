import ArgumentParser
import Foundation
import Weft

/// One run of a sweep, in a process of its own: the topology comes by stdin, the report goes to stdout.
struct JobCommand: ParsableCommand {
  static let configuration = CommandConfiguration(commandName: "job", shouldDisplay: false)

  @Option var file: String
  @Option var name: String
  @Option var seed: UInt64?
  @Option var until: String?
  @OptionGroup var input: InputOptions
  @OptionGroup var output: OutputOptions

  func run() throws {
    let limit = try until.map { Instant.start + (try duration($0)) }
    let bytes = [UInt8](FileHandle.standardInput.readDataToEndOfFile())
    guard let topology = TopologyFile.load(bytes, file: file, name: name, input).topology else { throw Exit.badFile }
    var simulation = try Runner.start(topology, seed: seed, until: limit, options: output)
    let report = try Runner.finish(&simulation, options: output)
    try FileHandle.standardOutput.write(contentsOf: JSONEncoder().encode(report))
  }
}
