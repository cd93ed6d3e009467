import ArgumentParser
import Foundation
import Weft

/// What the commands that look into a lab are given: a topology, which is run up to the moment asked for, or a
/// checkpoint, which may go on to a later one. Nothing is written.
enum LabFile {
  static let help = ArgumentHelp("The topology file, or a checkpoint; - is stdin.", valueName: "file")

  /// - Parameters:
  ///   - moment: nil: where the run ends, or where the checkpoint stands.
  ///   - prepare: called before anything happens.
  static func open(
    _ path: String, _ input: InputOptions, seed: UInt64?, at moment: Instant?,
    prepare: (inout Simulation) throws -> Void = { _ in }
  ) throws -> Simulation {
    if isCheckpoint(path) {
      guard input.settings.isEmpty else {
        throw ValidationError("\(path) is a checkpoint, of a lab that has begun: --set is for topology files")
      }
      return try checkpoint(path, seed: seed, at: moment, prepare: prepare)
    }
    let topology = try TopologyFile.load(path, input)
    var simulation = try Runner.withoutCaptures(topology, seed: seed, until: moment.map { _ in .never })
    try prepare(&simulation)
    if let moment { simulation.advance(to: moment) } else { simulation.run() }
    try Runner.demandProgress(simulation)
    return simulation
  }

  /// Whether a file says of itself that it is a checkpoint. Pipes aren't asked: who reads them takes from them.
  static func isCheckpoint(_ path: String) -> Bool {
    var isDirectory: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), !isDirectory.boolValue,
      (try? FileManager.default.attributesOfItem(atPath: resolved(path))[.type] as? FileAttributeType) == .typeRegular,
      let handle = FileHandle(forReadingAtPath: path)
    else { return false }
    defer { try? handle.close() }
    return (try? handle.read(upToCount: SimulationImage.magic.count)).map { $0 == Data(SimulationImage.magic) } ?? false
  }

  private static func resolved(_ path: String) -> String {
    URL(fileURLWithPath: path).resolvingSymlinksInPath().path
  }

  private static func checkpoint(
    _ path: String, seed: UInt64?, at moment: Instant?, prepare: (inout Simulation) throws -> Void
  ) throws -> Simulation {
    if seed != nil {
      throw ValidationError("\(path) is a checkpoint, and a checkpoint has its seed: --seed is for topology files")
    }
    var simulation = try resume(path, captures: .none)
    guard moment.map({ $0 >= simulation.now }) ?? true else {
      throw ValidationError(
        "\(path) is of \(simulation.now) of virtual time: --at can't be earlier (\(moment ?? simulation.now))")
    }
    try prepare(&simulation)
    guard let moment else { return simulation }
    simulation.advance(to: moment)
    try Runner.demandProgress(simulation)
    return simulation
  }

  static func resume(
    _ path: String, captures: CheckpointFile.Captures, limit: UInt64? = nil
  ) throws -> Simulation {
    do throws(CheckpointError) {
      return try CheckpointFile.resume(path, captures: captures, limit: limit)
    } catch {
      Terminal.error("\(Called.name): \(error)\n")
      throw error.isEnvironment ? Exit.environment : Exit.badFile
    }
  }
}
