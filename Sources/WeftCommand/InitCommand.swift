import ArgumentParser
import Foundation
import Weft

struct InitCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "init", abstract: "Write a topology file to start from.",
    discussion: "Example: \(Called.name) init lab.yaml")

  @Argument(help: ArgumentHelp("The file to write; - is stdout.", valueName: "file"), completion: .topologyFile)
  var file = "topology.yaml"

  @Flag(name: .long, help: "Write over a file that is there.")
  var force = false

  func run() throws {
    guard file != "-" else {
      return try Terminal.out(Topology.template(schema: SchemaFile.place(from: "stdin"), command: Called.name))
    }
    guard force || !FileManager.default.fileExists(atPath: file) else {
      throw Runner.environment("\(file) exists; --force writes over it")
    }
    let name = URL(fileURLWithPath: file).deletingPathExtension().lastPathComponent
    do {
      try WholeFile.write(
        Data(Topology.template(name: name, schema: SchemaFile.place(from: file), command: Called.name).utf8), to: file)
    } catch {
      throw Runner.environment("can't write \(file): \(WholeFile.reason(error, file))")
    }
    Terminal.error("wrote \(file); run it with: \(Called.name) run \(Called.quoted(file))\n")
  }
}

struct SchemaCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "schema", abstract: "Print the JSON Schema of topology files, by which editors complete and check.",
    discussion: "Example: \(Called.name) schema > topology.schema.json")

  func run() throws { try Terminal.out(TopologySchema.json()) }
}

/// Where the schema lies, as seen from a topology file.
enum SchemaFile {
  private static let place = "schema/topology.schema.json"

  /// Relative inside a checkout, absolute elsewhere; nil where no file can be named.
  static func place(from file: String) -> String? {
    let home = URL(fileURLWithPath: file).deletingLastPathComponent().resolvingSymlinksInPath()
    if let (root, up) = ancestor(of: home) {
      return encoded(String(repeating: "../", count: up) + place, isIn: root)
    }
    guard let program = Called.program,
      let (root, _) = ancestor(of: URL(fileURLWithPath: program).resolvingSymlinksInPath())
    else { return nil }
    return encoded(root.appendingPathComponent(place).path, isIn: root)
  }

  /// The nearest directory around that holds the schema, and how far up it is.
  private static func ancestor(of directory: URL) -> (root: URL, up: Int)? {
    var root = directory
    for up in 0..<64 {
      let file = root.appendingPathComponent(place).path
      if let data = FileManager.default.contents(atPath: file),
        String(decoding: data.prefix(400), as: UTF8.self).contains(TopologySchema.id)
      {
        return (root, up)
      }
      if root.path == "/" { break }
      root.deleteLastPathComponent()
    }
    return nil
  }

  /// Editors read up to the first blank: a path that has one is written as a URL.
  private static func encoded(_ path: String, isIn root: URL) -> String {
    guard path.contains(where: \.isWhitespace) else { return path }
    return root.appendingPathComponent(place).absoluteString
  }
}
