import ArgumentParser
import Foundation
import Weft

struct TestCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "test",
    abstract: "Run topologies and say which expectations failed.",
    discussion: "Example: weft test topologies/ --junit results.xml")

  @Argument(help: ArgumentHelp("Topology files, or directories of them.", valueName: "path"))
  var paths: [String]

  @Option(name: .long, help: "Stands over the files' seeds.")
  var seed: UInt64?

  @Option(name: .long, help: ArgumentHelp("Ends each run at this virtual time.", valueName: "time"))
  var until: String?

  @OptionGroup var output: OutputOptions

  func run() throws {
    let limit = try until.map { Instant.start + (try duration($0)) }
    var topologies: [(file: String, topology: Topology)] = []
    var isBad = false
    for path in paths {
      let files: [String]
      do {
        files = try TopologyFile.find(path)
      } catch {
        throw Runner.environment("can't read \(path): \((error as NSError).localizedDescription)")
      }
      if files.isEmpty {
        Terminal.error("\(path): error: no topology file (.yaml, .yml) in this directory\n")
        isBad = true
      }
      for file in files {
        if let topology = TopologyFile.read(file) { topologies.append((file, topology)) } else { isBad = true }
      }
    }
    // A wrong file is a mistake of the whole call: nothing runs, nothing is half-tested.
    guard !isBad else { throw Exit.badFile }
    var reports: [(file: String, report: Report)] = []
    var runs: [String: Int] = [:]
    for (file, topology) in topologies {
      var options = output
      // Labs of one name don't write over each other.
      let number = runs[topology.name, default: 0] + 1
      runs[topology.name] = number
      let name = number > 1 ? "\(topology.name)-\(number)" : topology.name
      if topologies.count > 1 {
        options.captures = output.noCaptures ? nil : "\(output.captures ?? "captures")/\(name)"
      }
      var simulation = try Runner.start(topology, seed: seed, until: limit, options: options)
      reports.append((file, try Runner.finish(&simulation, options: options)))
    }
    try Runner.publish(reports, options: output, asList: true)
  }
}

struct CheckCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "check", abstract: "Say what is wrong with topology files, all of it, without running them.")

  @Argument(help: ArgumentHelp("Topology files.", valueName: "file"))
  var files: [String]

  @Flag(name: .shortAndLong, help: "Print only mistakes.")
  var quiet = false

  func run() throws {
    var isBad = false
    for file in files {
      guard let topology = TopologyFile.read(file) else {
        isBad = true
        continue
      }
      guard !quiet else { continue }
      try Terminal.out(
        "\(file): ok (\(topology.segments.count) segments, \(topology.hosts.count) hosts, \(topology.vms.count) VMs, "
          + "\(topology.expectations.count) expectations)\n")
    }
    if isBad { throw Exit.badFile }
  }
}

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Write a topology file to start from.")

  @Argument(help: ArgumentHelp("The file to write.", valueName: "file"))
  var file = "topology.yaml"

  @Flag(name: .long, help: "Write over a file that is there.")
  var force = false

  func run() throws {
    guard force || !FileManager.default.fileExists(atPath: file) else {
      Terminal.error("weft: \(file) exists; --force writes over it\n")
      throw Exit.environment
    }
    let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
    do {
      try WholeFile.write(Data(Topology.template(name: name).utf8), to: file)
    } catch {
      throw Runner.environment("can't write \(file): \((error as NSError).localizedDescription)")
    }
    Terminal.error("wrote \(file); run it with: weft run \(file)\n")
  }
}

struct ResumeCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "resume",
    abstract: "Go on with a run from a checkpoint, as if it had never stopped.",
    discussion: "Example: weft run lab.yaml --checkpoint-at 5s lab.ckpt && weft resume lab.ckpt")

  @Argument(help: ArgumentHelp("A checkpoint that `weft run --checkpoint-at` wrote.", valueName: "file"))
  var file: String

  @Option(name: .long, help: ArgumentHelp("Ends the run at this virtual time: 30s, 5min.", valueName: "time"))
  var until: String?

  @OptionGroup var output: OutputOptions

  func run() throws {
    let limit = try until.map { Instant.start + (try duration($0)) }
    let captures: CheckpointFile.Captures =
      output.noCaptures ? .none : output.captures.map { .directory($0) } ?? .standard
    var simulation = try LabFile.resume(file, captures: captures)
    if let limit {
      guard limit >= simulation.now else {
        simulation.abandon()
        throw ValidationError("\(file) is of \(simulation.now) of virtual time: --until can't be earlier (\(limit))")
      }
      simulation.end(at: limit)
    }
    let report = try Runner.finish(&simulation, options: output)
    try Runner.publish([(file, report)], options: output, asList: false)
  }
}
