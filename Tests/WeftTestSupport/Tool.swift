import Foundation

/// Runs programs. Output goes through files: a pipe that nobody reads would block the program.
public enum Tool {
  public struct Result: Sendable {
    /// The exit code; nil where a signal ended the process.
    public var status: Int32?
    public var signal: Int32?
    public var output: String
    public var errors: String

    public var lines: [String] {
      output.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }
  }

  public struct Failure: Error, CustomStringConvertible {
    public var description: String
    public init(description: String) { self.description = description }
  }

  public static func path(_ name: String) -> String? {
    if name.hasPrefix("/") { return FileManager.default.isExecutableFile(atPath: name) ? name : nil }
    let searched = (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":").map(String.init)
    return (["/usr/bin", "/usr/sbin", "/bin", "/sbin", "/usr/local/bin", "/opt/homebrew/bin"] + searched).map { "\($0)/\(name)" }
      .first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  public static func has(_ names: String...) -> Bool { names.allSatisfy { path($0) != nil } }

  public static func run(
    _ name: String, _ arguments: [String], in directory: String? = nil, environment: [String: String] = [:],
    output: String? = nil
  ) throws -> Result {
    try Running(name, arguments, in: directory, environment: environment, output: output).wait()
  }

  /// A process under way. By `posix_spawn`: Foundation's `Process` doesn't like many of them at once.
  public final class Running {
    private let scratch = Scratch()
    private let output: String
    public let process: pid_t

    /// - Parameter output: where stdout goes instead of into the result.
    public init(
      _ name: String, _ arguments: [String], in directory: String? = nil, environment: [String: String] = [:],
      output: String? = nil
    ) throws {
      guard let path = Tool.path(name) else { throw Failure(description: "no \(name) here") }
      self.output = output ?? scratch.file("out")
      #if canImport(Darwin)
        var actions: posix_spawn_file_actions_t?
      #else
        var actions = posix_spawn_file_actions_t()
      #endif
      posix_spawn_file_actions_init(&actions)
      defer { posix_spawn_file_actions_destroy(&actions) }
      posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
      posix_spawn_file_actions_addopen(&actions, 1, self.output, O_WRONLY | O_CREAT | O_APPEND, 0o666)
      posix_spawn_file_actions_addopen(&actions, 2, scratch.file("err"), O_WRONLY | O_CREAT | O_APPEND, 0o666)
      // The threads that tests run on block signals, which a child would inherit.
      #if canImport(Darwin)
        var attributes: posix_spawnattr_t?
      #else
        var attributes = posix_spawnattr_t()
      #endif
      posix_spawnattr_init(&attributes)
      defer { posix_spawnattr_destroy(&attributes) }
      var signals = sigset_t()
      sigemptyset(&signals)
      posix_spawnattr_setsigmask(&attributes, &signals)
      posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK))
      let variables = ProcessInfo.processInfo.environment.merging(environment) { $1 }
      // There is no portable way to spawn in another directory.
      let shell = directory.map { ["/bin/sh", "-c", "cd \"$0\" && exec \"$@\"", $0] } ?? []
      let argv = (shell + [path] + arguments).map { strdup($0) } + [nil]
      let envp = variables.map { strdup("\($0)=\($1)") } + [nil]
      defer { for text in argv + envp { free(text) } }
      var process: pid_t = 0
      let error = posix_spawn(&process, shell.first ?? path, &actions, &attributes, argv, envp)
      guard error == 0 else { throw Failure(description: "\(path): \(String(cString: strerror(error)))") }
      self.process = process
    }

    public func send(_ signal: Int32) { kill(process, signal) }

    /// Waits for the end, at most a minute.
    public func wait(seconds: Double = 60) throws -> Result {
      var status: Int32 = 0
      let deadline = Date(timeIntervalSinceNow: seconds)
      while waitpid(process, &status, WNOHANG) == 0 {
        if Date() > deadline {
          kill(process, SIGKILL)
          waitpid(process, &status, 0)
          throw Failure(description: "still running after \(seconds) s: \(text("err"))")
        }
        usleep(2000)
      }
      let signal = status & 0x7f
      let out = FileManager.default.contents(atPath: output) ?? Data()
      return Result(
        status: signal == 0 ? status >> 8 & 0xff : nil, signal: signal == 0 ? nil : signal,
        output: String(decoding: out, as: UTF8.self),
        // tshark warns root, rightly, and always.
        errors: text("err").split(separator: "\n", omittingEmptySubsequences: false)
          .filter { !$0.hasPrefix("Running as user") }.joined(separator: "\n"))
    }

    private func text(_ name: String) -> String { String(decoding: scratch.contents(name) ?? Data(), as: UTF8.self) }
  }
}
