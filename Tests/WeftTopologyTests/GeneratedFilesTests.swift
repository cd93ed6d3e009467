import Foundation
import Testing

@testable import WeftTopology

struct GeneratedFilesTests {
  /// `WEFT_UPDATE_GENERATED=1 swift test` writes them anew.
  private func compare(_ path: String, _ text: String) throws {
    let url = packageRoot.appending(path: path)
    if ProcessInfo.processInfo.environment["WEFT_UPDATE_GENERATED"] != nil {
      try text.write(to: url, atomically: true, encoding: .utf8)
    }
    let stored = try String(contentsOf: url, encoding: .utf8)
    #expect(stored == text, "\(path) is out of date: run WEFT_UPDATE_GENERATED=1 swift test --filter GeneratedFiles")
  }

  @Test func schemaInGitIsTheGenerators() throws {
    try compare("schema/topology.schema.json", TopologySchema.json())
  }

  @Test func referenceInGitIsTheGenerators() throws {
    try compare("docs/topology-file.md", TopologyReference.markdown())
  }

  @Test func everyKeyHasADocumentationAndAnExample() {
    for table in TopologySchema.tables() {
      #expect(Set(table.keys.map(\.name)).count == table.keys.count)
      for key in table.keys {
        #expect(!key.doc.isEmpty && !key.example.isEmpty)
        #expect(key.name.allSatisfy { $0.isLowercase || $0.isNumber || $0 == "-" }, "\(table.name).\(key.name)")
      }
      for name in table.exactlyOne { #expect(table.key(name) != nil) }
    }
  }

  /// The example of each key is read without complaint by the shape it is the example of.
  @Test func everyExampleHasTheShapeOfItsKey() throws {
    for table in TopologySchema.tables() {
      for key in table.keys {
        let source = SourceText(text: "k: \(key.example)\n", file: "example")
        var yaml = YAMLReader(source)
        let value = try #require(yaml.read()?["k"], "\(table.name).\(key.name): \(yaml.diagnostics)")
        let reader = Reader(Complaints(source), .standard)
        reader.check(value, key.shape, at: value.mark)
        let found = reader.complaints.diagnostics
        #expect(found.isEmpty, "\(table.name).\(key.name): \(found.map(\.message))")
      }
    }
  }

  /// Draft-07 by an independent validator; without it there is nothing to ask.
  private func validate(_ arguments: [String]) throws {
    let process = Process()
    process.executableURL = URL(filePath: "/usr/bin/env")
    process.arguments =
      [
        "python3", packageRoot.appending(path: "Tests/WeftTopologyTests/validate.py").path,
        packageRoot.appending(path: "schema/topology.schema.json").path,
      ] + arguments
    let pipe = Pipe()
    process.standardOutput = pipe
    process.standardError = pipe
    do { try process.run() } catch { return print("skipped: no python3") }
    let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    if process.terminationStatus == 77 { return print("skipped: \(output)") }
    #expect(process.terminationStatus == 0, "\(output)")
  }

  /// Runs with a folder that holds one file for each text.
  private func withFiles(_ texts: [String], _ body: ([String]) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "weft-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var paths: [String] = []
    for (i, text) in texts.enumerated() {
      let url = folder.appending(path: "\(i).yaml")
      try text.write(to: url, atomically: true, encoding: .utf8)
      paths.append(url.path)
    }
    try body(paths)
  }

  @Test func examplesAreValidUnderTheSchema() throws {
    let folder = packageRoot.appending(path: "topologies").path
    let files = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".yaml") }.sorted()
    let bare = "hosts: {a: {programs: [http-server: , tcp-echo: 8]}}"
    let forms = packageRoot.appending(path: "Tests/WeftTopologyTests/Fixtures/every-form.yaml").path
    try withFiles([Topology.template(), base, bare]) { try validate($0 + [forms] + files.map { "\(folder)/\($0)" }) }
  }

  /// Editors see wrong keys, forms and units where the reader does; what needs more than one place, they cannot.
  @Test func theSchemaRefusesWhatTheTablesRefuse() throws {
    let words = [
      "unknown key", "is not a unit", "expected", "out of range", "none of", "not an IPv4",
      "cannot stand beside \"start",
    ]
    let all =
      MistakeTests.forms + MistakeTests.networks + MistakeTests.machines + MistakeTests.events
      + MistakeTests.expectations
    let wrong = all.filter { mistake in words.contains { mistake.message.contains($0) } }
    #expect(wrong.count > 20)
    try withFiles(wrong.map(\.text)) { paths in try validate(["--invalid"] + paths) }
  }

  /// Yams brings Foundation along; this library's own code stays without.
  @Test func theLibraryImportsOnlyYamsAndItsOwn() throws {
    let folder = packageRoot.appending(path: "Sources/WeftTopology")
    let files = FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil)
    while let url = files?.nextObject() as? URL {
      guard url.pathExtension == "swift" else { continue }
      for line in try String(contentsOf: url, encoding: .utf8).split(separator: "\n") where line.hasPrefix("import ") {
        #expect(
          ["WeftCore", "WeftDisk", "WeftISO", "WeftSettings", "WeftWire", "Yams"].contains(String(line.dropFirst(7))),
          "\(url.lastPathComponent): \(line)")
      }
    }
  }

  @Test func everyExampleFileLoads() throws {
    let folder = packageRoot.appending(path: "topologies")
    for file in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() where file.hasSuffix(".yaml") {
      let load = Topology.load(
        bytes: Array(try Data(contentsOf: folder.appending(path: file))), file: file,
        readFile: { Array(try Data(contentsOf: folder.appending(path: $0))) })
      #expect(load.diagnostics.isEmpty, "\(load.diagnostics.map { $0.render(color: false) }.joined(separator: "\n"))")
    }
  }
}
