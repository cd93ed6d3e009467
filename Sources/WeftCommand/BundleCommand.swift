import ArgumentParser
import Foundation
import Weft

struct BundleCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "bundle",
    abstract: "A VM in one file, for another lab: export, list.",
    discussion:
      "Example: \(Called.name) bundle export lab.yaml --vm web -o web.vm; then vms: {web: {from: web.vm, networks: {lan: home}}}",
    subcommands: [Export.self, List.self])

  struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Writes a VM and its disks, without its host, pools and addresses.")
    @Argument(help: TopologyFile.help, completion: .topologyFile) var file: String
    @Option(name: .long, help: "Which VM.") var vm: String
    @Option(name: .long, help: ArgumentHelp("The virtual time whose disks it has (default: the beginning).", valueName: "time"))
    var at: String?
    @Option(name: .long, help: "Stands over the file's seed.") var seed: UInt64?
    @Option(name: [.customShort("o"), .long], help: "The bundle.") var output: String

    func run() throws {
      let moment = try at.map { Instant.start + (try duration($0)) } ?? .start
      let reading = TopologyFile.read(file)
      guard let topology = reading.topology else { throw Exit.badFile }
      var simulation = try Runner.withoutCaptures(topology, seed: seed, until: .never)
      if moment > .start { simulation.advance(to: moment) }
      let bytes: [UInt8]
      do throws(BundleFile.Problem) {
        bytes = try BundleFile.encode(
          vm, of: simulation, text: String(decoding: reading.bytes, as: UTF8.self), file: reading.file)
      } catch {
        Terminal.error("\(Called.name): \(error)\n")
        throw Exit.badFile
      }
      do { try WholeFile.write(Data(bytes), to: output) } catch {
        throw Runner.environment("can't write \(output): \(WholeFile.reason(error, output))")
      }
    }
  }

  struct List: ParsableCommand {
    static let configuration = CommandConfiguration(abstract: "What is in a bundle; each disk is read.")
    @Argument(help: ArgumentHelp("A bundle.", valueName: "file"), completion: .file()) var file: String

    func run() throws {
      guard let data = FileManager.default.contents(atPath: file) else {
        Terminal.error("\(Called.name): can't read \(file.visible)\n")
        throw Exit.badFile
      }
      do throws(BundleFile.Problem) {
        for (name, bytes) in try BundleFile.check([UInt8](data), file: file) { try? Terminal.out("\(name)  \(bytes) B\n") }
      } catch {
        Terminal.error("\(Called.name): \(error)\n")
        throw Exit.badFile
      }
    }
  }
}
