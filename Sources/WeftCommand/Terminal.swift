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
  static func error(_ text: String) { send(shown(text)) }

  /// As it is, escapes and all.
  static func send(_ text: String) { try? FileHandle.standardError.write(contentsOf: Data(text.utf8)) }

  static let stderrIsTerminal = isatty(STDERR_FILENO) == 1
  static let stdoutIsTerminal = isatty(STDOUT_FILENO) == 1
  /// https://no-color.org: any non-empty value.
  private static let noColor = !(ProcessInfo.processInfo.environment["NO_COLOR"] ?? "").isEmpty
  static let colorsErrors = stderrIsTerminal && !noColor && !hasStrangeWords
  static let colorsOutput = stdoutIsTerminal && !noColor

  /// What was typed that a terminal would obey rather than show, and the parts of it that messages name.
  private static let strangeWords: [String] = {
    let words = CommandLine.arguments.filter { $0.visible != $0 }
    let parts = words.flatMap { $0.split { ":/=".contains($0) }.map(String.init) }.filter { $0.visible != $0 }
    return (words + parts).sorted { $0.utf8.count > $1.utf8.count }
  }()
  static var hasStrangeWords: Bool { !strangeWords.isEmpty }

  /// Words of the command line are shown as those of a file are.
  private static func shown(_ text: String) -> String {
    guard hasStrangeWords else { return text }
    var text = text
    for word in strangeWords { text = text.replacing(word, with: word.visible) }
    return text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0).visible }
      .joined(separator: "\n")
  }

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
    Terminal.send("\r\u{1b}[K\(simulation.topology.name): \(simulation.now) of virtual time\(expectations)")
  }

  mutating func clear() {
    if isShowing { Terminal.send("\r\u{1b}[K") }
    isShowing = false
  }
}
