import Foundation

/// The built command, which lies beside the test bundle.
public enum Weft {
  public static let path: String? = {
    var places = [Bundle.main.executablePath, CommandLine.arguments.first].compactMap { $0 }
    if let real = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") { places.append(real) }
    for bundle in Bundle.allBundles { places.append(bundle.bundlePath) }
    for place in places {
      var directory = URL(fileURLWithPath: place)
      for _ in 0..<5 {
        directory.deleteLastPathComponent()
        let candidate = directory.appendingPathComponent("weft").path
        var isDirectory: ObjCBool = false
        if FileManager.default.fileExists(atPath: candidate, isDirectory: &isDirectory), !isDirectory.boolValue,
          FileManager.default.isExecutableFile(atPath: candidate)
        {
          return candidate
        }
      }
    }
    return nil
  }()

  /// Runs `weft` in a directory.
  public static func run(
    _ arguments: String..., in scratch: Scratch, environment: [String: String] = [:], output: String? = nil
  ) throws -> Tool.Result {
    try start(arguments, in: scratch, environment: environment, output: output).wait()
  }

  public static func start(
    _ arguments: [String], in scratch: Scratch, environment: [String: String] = [:], output: String? = nil
  ) throws -> Tool.Running {
    guard let path else { throw Tool.Failure(description: "no weft beside the tests: swift build makes it") }
    return try Tool.Running(path, arguments, in: scratch.path, environment: environment, output: output)
  }
}
