import ArgumentParser
import Foundation
import Weft

/// Discs as files, for who wants to look at them with other tools.
struct ISOCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "iso", abstract: "List the files of a disc's image, or write the disc of a VM as one.",
    subcommands: [List.self, Write.self])

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "List what is on a disc.", discussion: "Example: \(Called.name) iso list tools.iso")

    @Argument(help: ArgumentHelp("An image of ISO 9660.", valueName: "file"), completion: .file())
    var file: String

    func run() throws {
      let disc: Disc
      do {
        disc = try Disc(name: file, iso: try FilesBeside("./").read(file))
      } catch {
        Terminal.error("\(Called.name): \(file.visible): \(error)\n")
        throw Exit.badFile
      }
      let files = disc.volume.files
      try Terminal.out("\(disc.volume.label.visible): \(files.count) files\n")
      for file in files { try Terminal.out("\(file.bytes.count)\t\(file.path.visible)\n") }
    }
  }

  struct Write: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write the disc that a VM has in its drive from the beginning.",
      discussion: "Example: \(Called.name) iso write topologies/iso-cidata.yaml --vm web -o seed.iso")

    @Argument(help: TopologyFile.help, completion: .topologyFile)
    var file: String

    @Option(name: .long, help: "Whose disc.")
    var vm: String

    @Option(name: .shortAndLong, help: ArgumentHelp("Where to write it.", valueName: "file"), completion: .file())
    var output: String

    func run() throws {
      let topology = try TopologyFile.load(file)
      guard let found = topology.vms.first(where: { $0.name == vm }) else {
        throw ValidationError("there is no VM \"\(vm)\" in \(file)")
      }
      guard let cd = found.cd else { throw ValidationError("\"\(vm)\" has no disc in its drive") }
      do {
        try WholeFile.write(Data(try cd.disc.volume.iso()), to: output)
      } catch let error as ISOError {
        throw Runner.environment("can't write \(output): \(error)")
      } catch {
        throw Runner.environment("can't write \(output): \(WholeFile.reason(error, output))")
      }
    }
  }
}
