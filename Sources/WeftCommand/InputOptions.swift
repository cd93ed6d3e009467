import ArgumentParser
import Weft

/// What stands over the topology file for one run.
struct InputOptions: ParsableArguments {
  @Option(
    name: .customLong("set"),
    help: ArgumentHelp(
      "Stands over the file's value there: seed=2, segments.campus.delay=5ms, expect.0.within=3s; may be repeated.",
      valueName: "path=value"))
  var settings: [String] = []

  init() {}
  init(settings: [String]) { self.settings = settings }

  func validate() throws {
    for setting in settings where setting.firstIndex(of: "=").map({ $0 == setting.startIndex }) ?? true {
      throw ValidationError("--set wants PATH=VALUE, as in seed=2; '\(setting)' is none.")
    }
  }
}

extension CompletionKind {
  static var topologyFile: CompletionKind { .file(extensions: ["yaml", "yml"]) }
  static var labFile: CompletionKind { .file(extensions: ["yaml", "yml", "ckpt"]) }
  /// Of files and of directories, which completing by extension would leave out.
  static var paths: CompletionKind { .file() }
}
