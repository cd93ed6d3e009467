import Foundation
import Weft

/// What is printed where, and whether in colour.
enum Terminal {
  /// A full disk or a closed stdout is the environment's lack, like that of a capture.
  static func out(_ text: String) throws {
    do {
      try FileHandle.standardOutput.write(contentsOf: Data(text.utf8))
    } catch {
      throw Runner.environment("can't write to stdout: \((error as NSError).localizedDescription)")
    }
  }

  /// There is nobody to tell if this fails.
  static func error(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }

  static let stderrIsTerminal = isatty(STDERR_FILENO) == 1
  static let stdoutIsTerminal = isatty(STDOUT_FILENO) == 1
  /// https://no-color.org: any non-empty value.
  private static let noColor = !(ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty
  static let colorsErrors = stderrIsTerminal && !noColor
  static let colorsOutput = stdoutIsTerminal && !noColor

  static func paint(_ text: String, _ colour: Report.Colour) -> String {
    guard colorsOutput else { return text }
    let code =
      switch colour {
      case .bold: "1"
      case .red: "31"
      case .green: "32"
      case .dim: "2"
      }
    return "\u{1b}[\(code)m\(text)\u{1b}[0m"
  }
}

/// A line on stderr that says how far a long run is. Nothing where stderr isn't a terminal, or within the first second.
struct Progress {
  private let began = Date()
  private var shown = Date.distantPast
  private var isShowing = false
  let isWanted: Bool

  init(isWanted: Bool) { self.isWanted = isWanted && Terminal.stderrIsTerminal }

  mutating func update(_ simulation: borrowing Simulation) {
    guard isWanted else { return }
    let now = Date()
    guard now.timeIntervalSince(began) > 1, now.timeIntervalSince(shown) > 0.2 else { return }
    shown = now
    isShowing = true
    let progress = simulation.progress
    let expectations = progress.of > 0 ? ", \(progress.decided) of \(progress.of) expectations decided" : ""
    Terminal.error("\r\u{1b}[K\(simulation.topology.name): \(simulation.now) of virtual time\(expectations)")
  }

  mutating func clear() {
    if isShowing { Terminal.error("\r\u{1b}[K") }
    isShowing = false
  }
}
