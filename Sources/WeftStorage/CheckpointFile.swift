import Foundation
import WeftCapture
import WeftCore
import WeftFabric
import WeftSettings

/// Why a file can't be resumed from, or none could be written.
public enum CheckpointError: Error, CustomStringConvertible {
  case unreadable(path: String, String)
  case unwritable(path: String, String)
  case foreign(path: String)
  case version(path: String, found: UInt32)
  case sectionVersion(path: String, section: String, found: UInt16, reads: UInt16)
  case damaged(path: String, String)
  case capture(CaptureError)
  case resume(ResumeError)

  public var description: String {
    switch self {
    case .unreadable(let path, let why): "can't read \(path): \(why)"
    case .unwritable(let path, let why): "can't write \(path): \(why)"
    case .foreign(let path): "\(path) is not a weft checkpoint"
    case .version(let path, let found):
      "\(path) is a checkpoint of format \(found); this weft reads format \(SimulationImage.formatVersion) "
        + "(a checkpoint is for the version that wrote it)"
    case .sectionVersion(let path, let section, let found, let reads):
      "\(path) has \(section) in version \(found); this weft reads version \(reads) of it "
        + "(a checkpoint is for the version that wrote it)"
    case .damaged(let path, let what): "\(path) is damaged: \(what)"
    case .capture(let error): error.description
    case .resume(.inconsistent(let what)): "the checkpoint contradicts itself: \(what)"
    case .resume(.simulation(let error)): error.description
    }
  }

  /// Whether it is the place to write to that fails, not the file to read.
  public var isEnvironment: Bool {
    switch self {
    case .unwritable, .capture, .resume(.simulation(.capture)): true
    case .unreadable, .foreign, .version, .sectionVersion, .damaged, .resume: false
    }
  }
}

/// A lab checkpoint on disk: a run at a moment, whole. What is in it: `SimulationImage`, docs/checkpoint.md.
public enum CheckpointFile {
  public static func encode(_ simulation: borrowing Simulation) throws(CheckpointError) -> [UInt8] {
    let image: SimulationImage
    do { image = try simulation.image() } catch { throw .capture(error) }
    do { return try image.encoded() } catch { throw .damaged(path: "state", "\(error)") }
  }

  /// Whole or not at all.
  public static func write(_ simulation: borrowing Simulation, to path: String) throws(CheckpointError) {
    let bytes = try encode(simulation)
    do {
      try WholeFile.write(Data(bytes), to: path)
    } catch {
      throw .unwritable(path: path, WholeFile.reason(error, path))
    }
  }

  /// Where a resumed run's captures go.
  public enum Captures {
    /// Where `weft run` writes them: see `CaptureDirectory`.
    case standard
    case directory(String)
    case memory
    /// What was captured is let go, and no more is.
    case none
  }

  /// Goes on with the run in a file. `catalogue`: what its programs and probes may be.
  public static func resume(
    _ path: String, captures: Captures, limit: UInt64? = nil, catalogue: Catalogue = .standard
  ) throws(CheckpointError) -> Simulation {
    var isDirectory: ObjCBool = false
    if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
      throw .unreadable(path: path, "it is a directory")
    }
    let data: Data
    do {
      data = try Data(contentsOf: URL(fileURLWithPath: path))
    } catch {
      if !FileManager.default.fileExists(atPath: path) { throw .unreadable(path: path, "no such file") }
      throw .unreadable(path: path, WholeFile.reason(error, path))
    }
    return try decode([UInt8](data), path: path, captures: captures, limit: limit, catalogue: catalogue)
  }

  public static func decode(
    _ bytes: [UInt8], path: String, captures: Captures, limit: UInt64? = nil, catalogue: Catalogue = .standard
  ) throws(CheckpointError) -> Simulation {
    let pool = FramePool()
    var image: SimulationImage
    do throws(ImageError) {
      image = try SimulationImage(decoding: bytes, pool: pool, catalogue: catalogue)
    } catch {
      switch error {
      case .foreign: throw .foreign(path: path)
      case .version(let found): throw .version(path: path, found: found)
      case .sectionVersion(let section, let found, let reads):
        throw .sectionVersion(path: path, section: section, found: found, reads: reads)
      case .damaged(let what): throw .damaged(path: path, what)
      }
    }
    if case .none = captures { image.captures = nil }
    let directory: String? =
      switch captures {
      case .standard: CaptureDirectory.path(of: image.topology, seed: image.seed)
      case .directory(let path): path
      case .memory, .none: nil
      }
    do throws(ResumeError) {
      return try Simulation(resuming: image, pool: pool, captures: directory, limit: limit)
    } catch { throw .resume(error) }
  }
}
