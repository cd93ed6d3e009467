import Foundation
import Testing
import WeftImage
import WeftTestSupport

@testable import WeftFabric
@testable import WeftStorage

/// docs/checkpoint.md is enough to read a checkpoint: a script in another language, made from it, does.
@Suite(.enabled(if: Tool.has("python3"))) struct ReadCheckpointTests {
  private static let script = "\(Repository.root)/scripts/read-checkpoint"

  private static func file() throws -> [UInt8] {
    var simulation = try Simulation(topology(Labs.busy), captures: CaptureOptions(directory: nil))
    simulation.run(until: .milliseconds(320))
    return try CheckpointFile.encode(simulation)
  }

  @Test func theScriptListsTheSectionsAndTheirSums() throws {
    let scratch = Scratch()
    let bytes = try Self.file()
    let result = try Tool.run("python3", [Self.script, scratch.write(Data(bytes), "lab.ckpt")])
    #expect(result.status == 0, "\(result)")
    let sections = try SectionFile.decode(
      bytes, magic: SimulationImage.magic, version: SimulationImage.formatVersion, named: ImagePart.title)
    let lines = result.lines.dropFirst()
    #expect(result.lines[0] == "format 3, \(sections.count) sections, \(bytes.count) bytes")
    #expect(lines.count == sections.count)
    for (line, section) in zip(lines, sections) {
      let sum = String(CRC32.checksum(section.bytes), radix: 16)
      #expect(line.contains("\(section.bytes.count) bytes") && line.contains(sum), "\(line)")
      #expect(section.name.isEmpty || line.contains(section.name), "\(line)")
    }
  }

  @Test func theScriptFindsADamagedSection() throws {
    let scratch = Scratch()
    var bytes = try Self.file()
    bytes[bytes.count - 5] ^= 4
    let result = try Tool.run("python3", [Self.script, scratch.write(Data(bytes), "lab.ckpt")])
    #expect(result.status == 1 && result.output.contains("DAMAGED"), "\(result)")
    let foreign = try Tool.run("python3", [Self.script, scratch.write("name: lab\n", "lab.yaml")])
    #expect(foreign.status == 2)
  }

  /// The values too, as the damaging script in Fuzz/Mutate reads and writes them.
  @Test func valuesReadAndWrittenByTheDocumentAreTheSameRun() throws {
    let scratch = Scratch()
    let path = scratch.write(Data(try Self.file()), "lab.ckpt")
    let script = """
      import sys
      sys.path.insert(0, "\(Repository.root)/Fuzz/Mutate")
      import coding
      data = open("\(path)", "rb").read()
      found = coding.sections(data)
      open("\(path)", "wb").write(coding.build(coding.changed(found, coding.state(found)), 3))
      """
    let result = try Tool.run("python3", ["-c", script])
    #expect(result.status == 0, "\(result)")
    var again = try CheckpointFile.resume(path, captures: .memory)
    var whole = try CheckpointFile.decode(try Self.file(), path: "lab.ckpt", captures: .memory)
    let isSame = try again.outcome().isSame(whole.outcome())
    #expect(isSame)
  }
}
