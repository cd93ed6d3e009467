import Foundation
import Testing
import WeftTestSupport

@testable import WeftISO

/// What we write, judged by xorriso, isoinfo and bsdtar; what xorriso and genisoimage write, read by us.
@Suite(
  .enabled(
    if: Tool.has("xorriso", "genisoimage", "isoinfo", "bsdtar"),
    "needs xorriso, genisoimage with isoinfo, and bsdtar (apt: xorriso genisoimage libarchive-tools); what they think was NOT heard"
  ))
struct DiscJudgesTests {
  @discardableResult
  private func run(_ tool: String, _ arguments: [String], _ folder: Scratch) throws -> String {
    let result = try Tool.run(tool, arguments, in: folder.path)
    #expect(result.status == 0, "\(tool) \(arguments.joined(separator: " ")): \(result.errors)")
    return result.output + result.errors
  }

  private func written(_ volume: ISOVolume) throws -> Scratch {
    let folder = Scratch()
    folder.write(Data(try volume.iso()), "d.iso")
    return folder
  }

  @Test func xorrisoListsOurDisc() throws {
    let folder = try written(DiscTests.volume)
    let text = try run("xorriso", ["-indev", "d.iso", "-pvd_info", "-find", "/", "-exec", "lsdl", "--"], folder)
    #expect(text.contains("Volume Id    : Tools 1"))
    #expect(!text.contains("WARNING") && !text.contains("FAILURE"), "\(text)")
    for (path, bytes) in DiscTests.volume.files {
      let line = text.split(separator: "\n").first { $0.hasSuffix(" '/\(path)'") }
      #expect(line?.contains(" \(bytes.count) Jan  1  2026") == true, "\(path): \(line ?? "nothing")")
    }
  }

  @Test func isoinfoReadsBothTrees() throws {
    let folder = try written(DiscTests.volume)
    let text = try run("isoinfo", ["-d", "-i", "d.iso"], folder)
    #expect(text.contains("Joliet with UCS level 3 found") && text.contains("Rock Ridge signatures version 1 found"))
    let joliet = try run("isoinfo", ["-J", "-f", "-i", "d.iso"], folder).split(separator: "\n")
    let paths = DiscTests.volume.files.map { "/" + $0.path }
    // It has no UTF-8 for those of Joliet.
    #expect(Set(joliet.map(String.init)).isSuperset(of: paths.filter { $0.utf8.allSatisfy { $0 < 0x80 } }))
    let rockRidge = try run("isoinfo", ["-R", "-f", "-i", "d.iso"], folder).split(separator: "\n").map(String.init)
    #expect(Set(rockRidge).isSuperset(of: paths))
    #expect(
      try run("isoinfo", ["-R", "-l", "-i", "d.iso"], folder).contains("-r--r--r--   1    0    0            2049 Jan  1 2026"))
    #expect(try run("isoinfo", ["-p", "-i", "d.iso"], folder).contains("THREE"))
  }

  @Test func bsdtarExtractsEveryByte() throws {
    let folder = try written(DiscTests.volume)
    for (path, bytes) in DiscTests.volume.files {
      let file = folder.file("out")
      try? FileManager.default.removeItem(atPath: file)
      _ = try Tool.run("bsdtar", ["-xOf", "d.iso", path], in: folder.path, environment: ["LC_ALL": "C.UTF-8"], output: file)
      #expect(folder.contents("out") == Data(bytes), "\(path)")
    }
  }

  @Test func aSeedIsSmallAndReadByAll() throws {
    let seed = CloudInitSeed(instanceID: "i-7f3a", hostname: "web", networkConfig: "version: 2\n")
    #expect(seed.iso.count <= 80 << 10 && seed.iso == seed.iso)
    let folder = Scratch()
    folder.write(Data(seed.iso), "d.iso")
    for (name, text) in [("meta-data", seed.metaData), ("user-data", seed.userData), ("network-config", "version: 2\n")] {
      #expect(try run("bsdtar", ["-xOf", "d.iso", name], folder) == text)
      #expect(try run("isoinfo", ["-J", "-x", "/\(name)", "-i", "d.iso"], folder) == text)
      #expect(try run("isoinfo", ["-R", "-x", "/\(name)", "-i", "d.iso"], folder) == text)
    }
    #expect(try run("xorriso", ["-indev", "d.iso", "-toc"], folder).contains("'cidata'"))
  }

  // MARK: Theirs

  /// Files of the lengths that matter, long names, eight levels.
  private static func fill(_ folder: Scratch, deep: Int) throws -> [String: Data] {
    var files: [String: Data] = [:]
    for length in [0, 1, 2048, 2049] { files["f\(length)"] = Data(DiscTests.bytes(length)) }
    files["meta-data"] = Data("instance-id: x\n".utf8)
    files[String(repeating: "m", count: 60) + ".txt"] = Data(DiscTests.bytes(10))
    files[(1..<deep).map { "level-\($0)/" }.joined() + "end"] = Data(DiscTests.bytes(4000))
    for (path, data) in files {
      let file = folder.file("tree/" + path)
      try FileManager.default.createDirectory(
        atPath: String(file[..<(try #require(file.lastIndex(of: "/")))]), withIntermediateDirectories: true)
      folder.write(data, "tree/" + path)
    }
    return files
  }

  @Test(
    arguments: ["genisoimage", "xorriso"], [["-J"], ["-R"], ["-J", "-R"], [], ["-J", "-R", "-b", "f2048", "-no-emul-boot"]])
  func discsOfOthersAreRead(tool: String, options: [String]) throws {
    let folder = Scratch()
    let files = try Self.fill(folder, deep: 8)
    // Without Rock Ridge to say where they belong, genisoimage leaves the deepest out unless it is told.
    let deep = options.contains("-R") ? [] : ["-D"]
    let common = ["-quiet", "-V", "THEIRS", "-o", "d.iso"] + options + deep + ["tree"]
    try run(tool, (tool == "xorriso" ? ["-as", "mkisofs"] : []) + common, folder)
    let image = [UInt8](try #require(folder.contents("d.iso")))
    let volume = try ISOVolume(iso: image)
    #expect(volume.label == "THEIRS")
    let read = Dictionary(uniqueKeysWithValues: volume.files.map { ($0.path, Data($0.bytes)) })
    let hasNames = options.contains("-J") || options.contains("-R")
    for (path, data) in files {
      if hasNames {
        #expect(read[path] == data, "\(path)")
      } else {
        // Level 1 has shorter names: what is in the files must be there.
        #expect(read.values.contains(data), "\(path)")
      }
    }
    if options.contains("-J") {
      #expect(try Set(ISOVolume(iso: image, names: .joliet).files.map { Data($0.bytes) }).isSuperset(of: files.values))
    }
    for length in stride(from: 0, to: image.count, by: 2048) {
      #expect(throws: ISOError.self) { try ISOVolume(iso: Array(image[..<length])) }
    }
  }

  /// Deeper than the standard lets them be: genisoimage moves them away and leaves a mark where they belong.
  @Test(arguments: ["genisoimage", "xorriso"]) func directoriesThatWereMovedAreWhereTheyBelong(tool: String) throws {
    let folder = Scratch()
    let files = try Self.fill(folder, deep: 13)
    try run(tool, (tool == "xorriso" ? ["-as", "mkisofs"] : []) + ["-quiet", "-R", "-o", "d.iso", "tree"], folder)
    let volume = try ISOVolume(iso: [UInt8](try #require(folder.contents("d.iso"))))
    for (path, data) in files { #expect(volume.file(at: path).map { Data($0) } == data, "\(path)") }
  }
}
