import Foundation
import Weft

/// A run that is to be made in another process.
struct Job {
  /// The topology file, as it was read.
  var bytes: [UInt8]
  var arguments: [String]

  enum Outcome {
    case report(Report, wallTime: Nanoseconds)
    /// It ended otherwise: its exit code, or what it died of, and what it said.
    case failed(String, detail: String)
  }
}

/// Runs jobs, some at once. Processes, since a world's frames and their counts belong to one thread, and since one that
/// dies takes no other with it.
enum JobPool {
  private final class Running {
    let index: Int
    let process: pid_t
    let output: Int32
    let errors: Int32
    let began = ContinuousClock().now

    init(index: Int, process: pid_t, output: Int32, errors: Int32) {
      (self.index, self.process, self.output, self.errors) = (index, process, output, errors)
    }
  }

  /// The outcomes in the order of the jobs, each told when it and all before it are there. Nil for those that an
  /// interrupt kept from being made.
  static func run(
    count: Int, limit: Int, isQuiet: Bool, job: (Int) -> Job, done: (Int, Job.Outcome) throws -> Void
  ) throws {
    Interruption.watch()
    guard let program = Called.program else { throw Runner.environment("can't find this program's own file") }
    var progress = JobProgress(count: count, isWanted: !isQuiet)
    var waiting = 0..<count
    var running: [Running] = []
    var outcomes: [Int: Job.Outcome] = [:]
    var told = 0
    while told < count {
      if let signal = Interruption.signalNumber {
        for one in running { kill(one.process, SIGTERM) }
        for one in running { _ = finish(one, waiting: true) }
        progress.clear()
        throw Interrupted(signal: signal, done: told)
      }
      while running.count < limit, let index = waiting.first {
        waiting.removeFirst()
        running.append(try start(program, job(index), index: index))
      }
      var hasNews = false
      running.removeAll { one in
        guard let outcome = finish(one, waiting: false) else { return false }
        outcomes[one.index] = outcome
        hasNews = true
        return true
      }
      while let outcome = outcomes.removeValue(forKey: told) {
        progress.clear()
        try done(told, outcome)
        told += 1
      }
      if !hasNews {
        progress.update(done: told + outcomes.count)
        usleep(1000)
      }
    }
    progress.clear()
  }

  struct Interrupted: Error {
    var signal: Int32
    var done: Int
  }

  private static func start(_ program: String, _ job: Job, index: Int) throws -> Running {
    let input = try scratch()
    defer { close(input) }
    let written = FileHandle(fileDescriptor: input, closeOnDealloc: false)
    do { try written.write(contentsOf: job.bytes) } catch { throw Runner.environment("can't write a scratch file") }
    lseek(input, 0, SEEK_SET)
    let (output, errors) = (try scratch(), try scratch())
    #if canImport(Darwin)
      var actions: posix_spawn_file_actions_t?
    #else
      var actions = posix_spawn_file_actions_t()
    #endif
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    for (descriptor, standard) in [(input, STDIN_FILENO), (output, STDOUT_FILENO), (errors, STDERR_FILENO)] {
      posix_spawn_file_actions_adddup2(&actions, descriptor, standard)
    }
    let words = ([program, "job"] + job.arguments).map { unsafe strdup($0) } + [nil]
    defer { for word in unsafe words { unsafe free(word) } }
    var process: pid_t = 0
    let error = unsafe posix_spawn(&process, program, &actions, nil, words, environ)
    guard error == 0 else {
      throw Runner.environment("can't start \(program): \(String(cString: strerror(error)))")
    }
    return Running(index: index, process: process, output: output, errors: errors)
  }

  /// A file that only its descriptor leads to: nothing is left of it, however this ends.
  private static func scratch() throws -> Int32 {
    var template = Array((NSTemporaryDirectory() + "/weft-XXXXXX").utf8CString)
    let descriptor = template.withUnsafeMutableBufferPointer { buffer in
      guard let path = buffer.baseAddress else { return Int32(-1) }
      let descriptor = unsafe mkstemp(path)
      if descriptor >= 0 { unsafe unlink(path) }
      return descriptor
    }
    guard descriptor >= 0 else {
      throw Runner.environment("can't make a file in \(NSTemporaryDirectory()): \(String(cString: strerror(errno)))")
    }
    _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
    return descriptor
  }

  /// What became of a process; nil while it runs.
  private static func finish(_ running: Running, waiting: Bool) -> Job.Outcome? {
    var status: Int32 = 0
    var ended: pid_t = 0
    repeat { ended = waitpid(running.process, &status, waiting ? 0 : WNOHANG) } while ended < 0 && errno == EINTR
    guard ended != 0 else { return nil }
    let wallTime = Nanoseconds(ContinuousClock().now - running.began)
    let (output, errors) = (contents(running.output), contents(running.errors))
    if status == 0, let report = try? JSONDecoder().decode(Report.self, from: output) {
      return .report(report, wallTime: wallTime)
    }
    let signal = status & 0x7f
    let what = signal == 0 ? "its process ended with exit code \(status >> 8 & 0xff)" : "its process died of signal \(signal)"
    return .failed(what, detail: String(decoding: errors, as: UTF8.self))
  }

  private static func contents(_ descriptor: Int32) -> Data {
    lseek(descriptor, 0, SEEK_SET)
    return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true).readDataToEndOfFile()
  }
}

/// "17 of 60 runs" on a terminal, from the second second on.
struct JobProgress {
  private let began = Date()
  private let count: Int
  private let isWanted: Bool
  private var shown = -1

  init(count: Int, isWanted: Bool) {
    self.count = count
    self.isWanted = isWanted && Terminal.stderrIsTerminal
  }

  mutating func update(done: Int) {
    guard isWanted, done != shown, Date().timeIntervalSince(began) > 1 else { return }
    shown = done
    Terminal.error("\r\u{1b}[K\(done) of \(count) runs")
  }

  mutating func clear() {
    if shown >= 0 { Terminal.error("\r\u{1b}[K") }
    shown = -1
  }
}
