import Foundation
import WeftCapture
import WeftCore
import WeftFabric

/// Why a file can't be resumed from, or none could be written.
public enum CheckpointError: Error, CustomStringConvertible {
  case unreadable(path: String, String)
  case unwritable(path: String, String)
  case foreign(path: String)
  case version(path: String, found: UInt32)
  case damaged(path: String, String)
  case capture(CaptureError)
  case resume(ResumeError)

  public var description: String {
    switch self {
    case .unreadable(let path, let why): "can't read \(path): \(why)"
    case .unwritable(let path, let why): "can't write \(path): \(why)"
    case .foreign(let path): "\(path) is not a weft checkpoint"
    case .version(let path, let found):
      "\(path) is a checkpoint of format \(found); this weft reads format \(CheckpointFile.version) "
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
    default: false
    }
  }
}

/// A lab checkpoint on disk: a run at a moment, whole.
///
///     magic "WEFTCKPT" | version (32) | count of sections (32)
///     per section: length (64) | CRC-32 (32) | bytes
///
/// Numbers are little-endian. Section 0 is the state as JSON; section 1 + i the bytes captured so far of capture file
/// i, kept apart because they may be large.
public enum CheckpointFile {
  /// Raised whenever the state's coding changes.
  public static let version: UInt32 = 2
  static let magic = Array("WEFTCKPT".utf8)
  /// What every checkpoint begins with: whoever gets a file can tell.
  public static var mark: [UInt8] { magic }
  private static let sectionLimit = 1 << 20

  public static func encode(_ simulation: borrowing Simulation) throws(CheckpointError) -> Data {
    var image: SimulationImage
    do { image = try simulation.image() } catch { throw .capture(error) }
    var sections = [Data()]
    for index in 0..<(image.captures?.files.count ?? 0) {
      sections.append(Data(image.captures?.files[index].bytes ?? []))
      image.captures?.files[index].bytes = []
    }
    let encoder = JSONEncoder()
    // The same moment gives the same file.
    encoder.outputFormatting = .sortedKeys
    do { sections[0] = try encoder.encode(image) } catch { throw .damaged(path: "state", "\(error)") }
    var data = Data(magic)
    data.append(version.littleEndianBytes)
    data.append(UInt32(sections.count).littleEndianBytes)
    for section in sections {
      data.append(UInt64(section.count).littleEndianBytes)
      data.append(CRC32.checksum(section).littleEndianBytes)
      data.append(section)
    }
    return data
  }

  /// Whole or not at all.
  public static func write(_ simulation: borrowing Simulation, to path: String) throws(CheckpointError) {
    let data = try encode(simulation)
    do {
      try WholeFile.write(data, to: path)
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

  /// Goes on with the run in a file.
  public static func resume(
    _ path: String, captures: Captures, limit: UInt64? = nil
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
    return try decode(data, path: path, captures: captures, limit: limit)
  }

  public static func decode(
    _ data: Data, path: String, captures: Captures, limit: UInt64? = nil
  ) throws(CheckpointError) -> Simulation {
    guard data.starts(with: magic) else { throw .foreign(path: path) }
    var reader = Reader(data: data, offset: magic.count)
    guard let found = reader.integer(UInt32.self) else { throw .damaged(path: path, "it ends in its header") }
    guard found == version else { throw .version(path: path, found: found) }
    guard let count = reader.integer(UInt32.self), count >= 1, count <= sectionLimit else {
      throw .damaged(path: path, "its header")
    }
    var sections: [Data] = []
    for index in 0..<count {
      guard let length = reader.integer(UInt64.self), let sum = reader.integer(UInt32.self),
        let bytes = reader.bytes(length)
      else { throw .damaged(path: path, "it ends in section \(index) of \(count)") }
      guard CRC32.checksum(bytes) == sum else { throw .damaged(path: path, "section \(index) has a wrong checksum") }
      sections.append(bytes)
    }
    guard reader.offset == data.count else { throw .damaged(path: path, "there are bytes behind its end") }
    let pool = FramePool()
    let decoder = JSONDecoder()
    decoder.userInfo[.framePool] = FramePoolReference(pool)
    var image: SimulationImage
    do {
      image = try decoder.decode(SimulationImage.self, from: sections[0])
    } catch {
      throw .damaged(path: path, "its state doesn't decode: \(error)")
    }
    guard sections.count - 1 == image.captures?.files.count ?? 0 else {
      throw .damaged(path: path, "its captures are not all there")
    }
    for (index, bytes) in sections.dropFirst().enumerated() { image.captures?.files[index].bytes = [UInt8](bytes) }
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

  private struct Reader {
    let data: Data
    var offset: Int

    mutating func integer<T: FixedWidthInteger>(_: T.Type) -> T? {
      guard let bytes = bytes(UInt64(MemoryLayout<T>.size)) else { return nil }
      return bytes.reversed().reduce(0 as T) { $0 << 8 | T($1) }
    }

    mutating func bytes(_ count: UInt64) -> Data? {
      guard count <= UInt64(data.count - offset) else { return nil }
      defer { offset += Int(count) }
      return data.subdata(in: offset..<offset + Int(count))
    }
  }
}

extension FixedWidthInteger {
  var littleEndianBytes: Data { withUnsafeBytes(of: littleEndian) { Data($0) } }
}
