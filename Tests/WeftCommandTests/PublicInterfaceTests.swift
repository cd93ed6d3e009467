import Foundation
import Testing
import WeftTestSupport

/// What `import Weft` gives is what its users may rely on: no symbol comes, goes or changes unseen.
@Suite(.enabled(if: interfaceCanBeRead, "needs python3 and the toolchain's symbol graph extractor, on Linux"))
struct PublicInterfaceTests {
  private static let file = "\(Repository.root)/docs/api.txt"

  @Test func itIsWhatDocsApiTxtSays() throws {
    let digest = try Tool.run("\(Repository.root)/scripts/api", ["digest"])
    try #require(digest.status == 0, "\(digest.errors)")
    if ProcessInfo.processInfo.environment["WEFT_UPDATE_GENERATED"] != nil {
      try digest.output.write(toFile: Self.file, atomically: true, encoding: .utf8)
    }
    let known = try String(contentsOfFile: Self.file, encoding: .utf8)
    let now = Set(digest.output.split(separator: "\n"))
    let before = Set(known.split(separator: "\n"))
    #expect(now.count > 1000)
    let gone = before.subtracting(now).sorted().prefix(20).joined(separator: "\n")
    let new = now.subtracting(before).sorted().prefix(20).joined(separator: "\n")
    #expect(
      gone.isEmpty && new.isEmpty,
      "gone: \(gone)\nnew: \(new)\nIf it is meant, run the tests with WEFT_UPDATE_GENERATED=1 and look at what changes in docs/api.txt."
    )
  }

  @Test(.enabled(if: Tool.path("docc") != nil, "needs docc")) func itsPagesAreMadeWithoutAWarning() throws {
    let scratch = Scratch()
    let pages = try Tool.run("\(Repository.root)/scripts/api", ["docs", scratch.path])
    #expect(pages.status == 0, "\(pages.output)\(pages.errors)")
  }
}

private var interfaceCanBeRead: Bool {
  #if os(Linux)
    Tool.has("python3", "swift-symbolgraph-extract")
  #else
    false
  #endif
}
