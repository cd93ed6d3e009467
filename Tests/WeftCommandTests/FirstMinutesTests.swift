import Foundation
import Testing
import Weft
import WeftTestSupport

/// What a newcomer types first.
@Suite struct FirstMinutesTests {
  let scratch = Scratch()

  /// Under a name, as a shell calls it.
  private func called(_ name: String, _ arguments: String) throws -> Tool.Result {
    let weft = try #require(WeftTestSupport.Weft.path)
    return try Tool.run("bash", ["-c", "exec -a '\(name)' '\(weft)' \(arguments)"], in: scratch.path)
  }

  @Test func messagesNameTheCommandAsItWasCalled() throws {
    #expect(try called("./weft", "init lab.yaml").errors == "wrote lab.yaml; run it with: ./weft run lab.yaml\n")
    #expect(try called("weft", "init 'a b.yaml'").errors == "wrote a b.yaml; run it with: weft run 'a b.yaml'\n")
    #expect(try called("../weft", "run --help").output.contains("USAGE: ../weft run <file> "))
    #expect(try called("./weft", "frobnicate").errors.contains("See './weft --help'"))
  }

  @Test(arguments: [
    ("run", "run"), ("run lab.yaml --until soon", "run"), ("run lab.yaml --checkpoint-at 1s", "run"),
    ("test", "test"), ("check", "check"), ("conntrack --gateway laptop", "conntrack"), ("conntrack --at 5", "conntrack"),
    ("conntrack lab.yaml --at 5", "conntrack"), ("conntrack lab.yaml --gateway nobody", "conntrack"),
    ("explain lab.yaml visitor https://laptop/", "explain"), ("explain lab.yaml web", "explain"),
    ("explain lab.yaml web visitor:80 --at 5", "explain"), ("resume", "resume"), ("init --frob", "init"),
  ])
  func aWrongUseShowsTheCommandsOwnUsage(arguments: String, command: String) throws {
    scratch.write(Topology.template(), "lab.yaml")
    let result = try called("weft", arguments)
    #expect(result.status == 64 && result.output == "", "\(result)")
    #expect(result.errors.contains("Usage: weft \(command) "), "\(result.errors)")
    #expect(result.errors.contains("See 'weft \(command) --help'"))
  }

  /// What README shows of the first command is what it says.
  @Test func theReadmeShowsTodaysOutput() throws {
    let readme = try String(contentsOfFile: "\(Repository.root)/README.md", encoding: .utf8)
    let block = try #require(readme.components(separatedBy: "```console\n$ ./weft run topologies/nat-vs-bridge.yaml\n").last)
    let shown = block.components(separatedBy: "\n…").first?.split(separator: "\n") ?? []
    #expect(shown.count > 6)
    let result = try WeftTestSupport.Weft.run("run", Repository.topology("nat-vs-bridge.yaml"), in: scratch)
    var rest = result.output.split(separator: "\n")[...]
    for line in shown {
      let place = try #require(rest.firstIndex(of: line), "README shows, but weft doesn't say: \(line)")
      rest = rest[(place + 1)...]
    }
  }

  @Test func vIsVersion() throws {
    let version = try called("weft", "--version")
    #expect(version.status == 0 && version.output == weftVersion + "\n")
    #expect(try called("weft", "-v").output == version.output)
  }

  /// Where an editor looks, beginning at the file.
  private func schema(of file: String) throws -> String {
    let text = String(decoding: scratch.contents(file) ?? Data(), as: UTF8.self)
    let line = try #require(text.split(separator: "\n").first { $0.contains("yaml-language-server: $schema=") })
    let place = String(line.split(separator: "=", maxSplits: 1)[1])
    return place.hasPrefix("file:")
      ? try #require(URL(string: place)).path
      : place.hasPrefix("/") ? place : URL(fileURLWithPath: scratch.file(file)).deletingLastPathComponent().path + "/" + place
  }

  @Test func initNamesTheSchemaWhereverTheFileLies() throws {
    for folder in ["checkout/schema", "checkout/labs/mine", "with blank/schema", "elsewhere"] {
      try FileManager.default.createDirectory(atPath: scratch.file(folder), withIntermediateDirectories: true)
    }
    let schema = try called("weft", "schema").output
    #expect(schema == TopologySchema.json() && schema.contains("\"$id\": \"\(TopologySchema.id)\""))
    for checkout in ["checkout", "with blank"] { scratch.write(schema, "\(checkout)/schema/topology.schema.json") }
    for file in ["checkout/a.yaml", "checkout/labs/b.yaml", "checkout/labs/mine/c.yaml", "with blank/d.yaml", "elsewhere/e.yaml"]
    {
      #expect(try called("weft", "init '\(file)'").status == 0)
      let found = try self.schema(of: file)
      #expect(FileManager.default.contents(atPath: found) == Data(schema.utf8), "\(file): \(found)")
    }
    #expect(
      String(decoding: scratch.contents("checkout/labs/b.yaml") ?? Data(), as: UTF8.self)
        .hasPrefix("# yaml-language-server: $schema=../schema/topology.schema.json\n"))
  }

  /// bash is told to offer topology files where one belongs.
  @Test func completionsCompleteFiles() throws {
    let script = try called("./weft", "--generate-completion-script bash").output
    #expect(script.contains("complete -o filenames -F _weft weft"), "\(script.suffix(200))")
    scratch.write(script, "completion")
    try FileManager.default.createDirectory(atPath: scratch.file("labs"), withIntermediateDirectories: true)
    scratch.write("", "labs/home.yaml")
    scratch.write("", "labs/notes.txt")
    for command in ["run", "explain", "conntrack", "show"] {
      let result = try Tool.run(
        "bash",
        [
          "-c",
          "source completion; COMP_WORDS=(weft \(command) labs/); COMP_CWORD=2; COMP_LINE='weft \(command) labs/'; "
            + "COMP_POINT=${#COMP_LINE}; _weft weft labs/ \(command) 2>/dev/null; printf '%s\\n' \"${COMPREPLY[@]}\"",
        ],
        in: scratch.path)
      #expect(result.lines == ["labs/home.yaml"], "\(result)")
    }
  }
}
