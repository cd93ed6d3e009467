import ArgumentParser
import Foundation
import Weft

/// Reads topology files for the commands.
enum TopologyFile {
  /// A file as read: its topology, or what is wrong with it.
  struct Reading {
    /// What messages call it.
    var file: String
    var bytes: [UInt8]
    var topology: Topology?
    /// The mistakes as they were printed, without colour.
    var mistakes: [String]
  }

  static let help = ArgumentHelp("The topology file; - is stdin.", valueName: "file")

  /// The topology, or its mistakes on stderr and exit code 2.
  static func load(_ path: String, _ input: InputOptions = InputOptions(settings: [])) throws -> Topology {
    guard let topology = read(path, input).topology else { throw Exit.badFile }
    return topology
  }

  /// Prints what is wrong (and warnings); no topology if it can't be run.
  static func read(_ path: String, _ input: InputOptions = InputOptions(settings: [])) -> Reading {
    let source: Source
    do {
      source = try contents(path)
    } catch {
      Terminal.error("\(path.visible): error: \(error)\n")
      return Reading(file: path, bytes: [], topology: nil, mistakes: ["\(path.visible): error: \(error)"])
    }
    let load = load(source.bytes, file: source.shown, name: source.name, input)
    for diagnostic in load.diagnostics { Terminal.error(diagnostic.render(color: Terminal.colorsErrors) + "\n") }
    return Reading(
      file: source.shown, bytes: source.bytes, topology: load.topology,
      mistakes: load.diagnostics.filter { $0.severity == .error }.map { $0.render(color: false) })
  }

  /// The topology in some bytes.
  static func load(_ bytes: [UInt8], file: String, name: String?, _ input: InputOptions) -> TopologyLoad {
    Topology.load(
      bytes: bytes, file: file, name: name, settings: input.settings, filterChecker: CaptureFilter.problem,
      portNames: \.portNames, opening: Topology.files(besides: file))
  }

  // MARK: Reading

  private struct Source {
    var bytes: [UInt8]
    var shown: String
    /// The lab's, where neither the text nor a file's name gives one.
    var name: String?
  }

  private struct Unreadable: Error, CustomStringConvertible { let description: String }

  /// stdin can be read only once, but be named twice.
  nonisolated(unsafe) private static var stdin: [UInt8]?

  /// Files of every kind: pipes, FIFOs and `<(…)` have no length, and may be endless.
  private static func contents(_ path: String) throws -> Source {
    if path == "-" {
      if stdin == nil {
        if isatty(STDIN_FILENO) == 1 { Terminal.error("reading a topology from the terminal; Ctrl-D ends it\n") }
        stdin = try read(STDIN_FILENO)
      }
      return Source(bytes: stdin ?? [], shown: "<stdin>", name: "stdin")
    }
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw Unreadable(description: errno == ENOENT ? "no such file" : String(cString: strerror(errno)))
    }
    defer { close(descriptor) }
    let isStream = ["/dev/stdin", "/dev/fd/", "/proc/self/fd/"].contains { path.hasPrefix($0) }
    return Source(bytes: try read(descriptor), shown: path, name: isStream ? "stdin" : nil)
  }

  /// Up to one byte more than a topology file may have.
  private static func read(_ descriptor: Int32) throws -> [UInt8] {
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count <= Topology.maximumBytes {
      let count = chunk.withUnsafeMutableBytes { unsafe readBytes(descriptor, $0.baseAddress, $0.count) }
      if count == 0 { break }
      if count < 0 {
        if errno == EINTR { continue }
        throw Unreadable(
          description: errno == EISDIR ? "it is a directory, not a topology file" : String(cString: strerror(errno)))
      }
      bytes += chunk[..<count]
    }
    return bytes
  }
}

/// read(2), which the functions above hide.
private func readBytes(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  unsafe read(descriptor, buffer, count)
}
