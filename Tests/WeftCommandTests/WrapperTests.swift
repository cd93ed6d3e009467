import Foundation
import Testing
import WeftTestSupport

/// `./weft`, with a compiler that only says that it was called.
@Suite struct WrapperTests {
  let scratch = Scratch()

  init() throws {
    for folder in ["lab/Sources/A", "bin"] {
      try FileManager.default.createDirectory(atPath: scratch.file(folder), withIntermediateDirectories: true)
    }
    // What is going to be run is written by processes of their own: a file that this one has open for writing, a test
    // beside may fork with at that moment, and then nobody can run it ("text file busy").
    for part in ["weft", "scripts"] {
      _ = try Tool.run("cp", ["-R", "\(Repository.root)/\(part)", scratch.file("lab/\(part)")])
    }
    scratch.write("package", "lab/Package.swift")
    for file in ["one", "two"] { scratch.write(file, "lab/Sources/A/\(file).swift") }
    scratch.write(
      """
      #!/bin/sh
      echo call >>"\(scratch.path)/calls"
      echo "[1/2] Compiling A"
      if [ "$BROKEN" ]; then echo "one.swift:1:1: error: no such thing"; exit 1; fi
      mkdir -p "$3/.build/release"
      printf '#!/bin/sh\\necho ran "$@"; cat\\n' >"$3/.build/release/weft"
      chmod +x "$3/.build/release/weft"
      """, "swift.sh")
    _ = try Tool.run("cp", [scratch.file("swift.sh"), scratch.file("bin/swift")])
    _ = try Tool.run("chmod", ["+x", scratch.file("bin/swift")])
  }

  private func weft(_ arguments: String..., lab: String = "lab", broken: Bool = false) throws -> Tool.Result {
    let path = "\(scratch.file("bin")):\(ProcessInfo.processInfo.environment["PATH"] ?? "")"
    return try Tool.run(
      scratch.file("\(lab)/weft"), arguments, environment: ["PATH": path, "BROKEN": broken ? "1" : ""])
  }

  private var builds: Int { String(decoding: scratch.contents("calls") ?? Data(), as: UTF8.self).count { $0 == "\n" } }

  private func lab(_ script: String) throws { _ = try Tool.run("sh", ["-c", script], in: scratch.file("lab")) }

  @Test func builtOnceItOnlyRuns() throws {
    let first = try weft("run", "a b")
    #expect(first.status == 0 && first.output == "ran run a b\n" && first.errors.contains("building weft"), "\(first)")
    let second = try weft("check")
    #expect(second.status == 0 && second.output == "ran check\n" && second.errors == "", "\(second)")
    #expect(builds == 1)
    // From anywhere, by a link too.
    try lab("ln -s \"$PWD/weft\" ../bin/weft-link")
    #expect(try Tool.run("sh", ["-c", "PATH=\"$PWD:$PATH\" weft-link x"], in: scratch.file("bin")).output == "ran x\n")
    #expect(builds == 1)
  }

  @Test(arguments: [
    "echo more >>Sources/A/one.swift", "echo new >Sources/A/three.swift", "rm Sources/A/two.swift",
    "mv Sources/A/two.swift Sources/A/second.swift", "echo x >>Package.swift", "echo x >Package.resolved",
    "echo >>scripts/install-packages", "echo >>weft", "mkdir Sources/B && mv Sources/A/two.swift Sources/B",
    "touch -r Sources/A/one.swift ../when && echo eno >Sources/A/one.swift && touch -r ../when Sources/A/one.swift",
    "rm .build/release/weft", "echo >>.build/release/weft",
    "echo two >Sources/A/new && mv Sources/A/new Sources/A/two.swift",
    "echo >>../bin/swift",
  ])
  func whateverChangesIsBuilt(change: String) throws {
    _ = try weft("x")
    try lab(change)
    #expect(try weft("y").output == "ran y\n")
    #expect(builds == 2, "\(change)")
    #expect(try weft("z").output == "ran z\n")
    #expect(builds == 2)
  }

  @Test func aFailedBuildIsShownAndTriedAgain() throws {
    _ = try weft("x")
    try lab("echo wrong >>Sources/A/one.swift")
    for _ in 0..<2 {
      let failed = try weft("y", broken: true)
      #expect(failed.status == 3 && failed.output == "" && failed.errors.contains("error: no such thing"), "\(failed)")
    }
    #expect(try weft("z").output == "ran z\n")
    #expect(builds == 4)
  }

  @Test func aCopiedOrMovedCheckoutIsBuiltAnew() throws {
    _ = try weft("x")
    try lab(
      "mkdir -p .build/checkouts/Yams .build/ModuleCache; touch .build/checkouts/Yams/f .build/workspace-state.json")
    try lab("cp -a . ../copy && cp -a . ../third")
    let copy = try weft("y", lab: "copy")
    #expect(copy.output == "ran y\n" && copy.errors.contains("building anew") && builds == 2, "\(copy)")
    #expect(!scratch.exists("copy/.build/ModuleCache"))
    #expect(scratch.exists("copy/.build/checkouts/Yams/f") && scratch.exists("copy/.build/workspace-state.json"))
    #expect(try weft("y", lab: "copy").errors == "" && builds == 2)
    // The first is as it was.
    #expect(try weft("x").errors == "" && builds == 2)
    #expect(scratch.exists("lab/.build/ModuleCache"))
    // Built by hand, so that only the compiler's own manifest tells.
    try lab(
      "cd ../third && rm .build/built-in && echo '[\"/old place/Sources/weft-cli/main.swift\"]' >.build/release.yaml")
    let third = try weft("z", lab: "third")
    #expect(third.errors.contains("built in /old place") && !scratch.exists("third/.build/ModuleCache"), "\(third)")
  }

  @Test func theBuildLeavesTheInputToTheRun() throws {
    let result = try Tool.run(
      "sh", ["-c", "echo topology | PATH=\"\(scratch.file("bin")):$PATH\" ./weft run -"], in: scratch.file("lab"))
    #expect(result.output == "ran run -\ntopology\n", "\(result)")
  }
}
