import ArgumentParser
import Weft

struct ExplainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "explain",
    abstract: "Follow one packet through the fabric: every lookup, and the line of the file that decided.",
    discussion: """
      The packet is sent into the run at the very moment asked for, and the run goes on around it: what is told is what a \
      check there would come to. A time after the run's end is reached all the same.

      Examples:
        \(Called.name) explain topologies/nat-vs-bridge.yaml visitor laptop:80/tcp --at 2s
        \(Called.name) explain topologies/nat-vs-bridge.yaml web http://visitor/ --at 2s
      """)

  @Argument(help: LabFile.help, completion: .labFile)
  var file: String

  @Argument(
    help: ArgumentHelp(
      "FROM TO:PORT[/udp], FROM http://TO:PORT/PATH, or FROM TO for a ping. An arrow may stand between them: FROM → TO, or "
        + "'FROM -> TO' in quotes, since a shell takes a bare > for a file.", valueName: "from to"))
  var ends: [String]

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The virtual time at which it is sent (default: 1s, or the moment of the checkpoint).", valueName: "time"))
  var at: String?

  @Option(name: .long, help: "Stands over the file's seed.")
  var seed: UInt64?

  @OptionGroup var input: InputOptions

  @Option(name: .long, help: "text or json.")
  var format = ReportFormat.text

  /// An arrow that is a word of its own begins like an option.
  static func spelled(_ arguments: [String]) -> [String] {
    arguments.map { ["->", "-->", "=>", "->>"].contains($0) ? "→" : $0 }
  }

  func run() throws {
    let (from, to) = try parsedEnds()
    let probe: any ProbeSettings
    do throws(ProbeTextError) { probe = try Expectation.probe(text: to) } catch {
      throw ValidationError(error.description)
    }
    let moment = try at.map { Instant.start + (try duration($0)) } ?? (LabFile.isCheckpoint(file) ? nil : .seconds(1))
    var question: ExplainQuestion?
    var simulation = try LabFile.open(file, input, seed: seed, at: moment) { simulation in
      do throws(ExplainError) {
        question = try simulation.ask(from: from, probe, to: to, at: moment)
      } catch {
        throw ValidationError(error.description)
      }
    }
    guard let question else { return }
    let explanation = simulation.answer(question)
    try Runner.demandProgress(simulation)
    if format == .json {
      try Terminal.out(Runner.json(explanation))
    } else {
      try Terminal.out(explanation.text(file: file.visible, paint: Terminal.paint))
    }
    if !explanation.isOpen { throw Exit.expectationFailed }
  }

  /// `web → visitor:80`, `web -> visitor:80`, `web visitor:80`, or all in one word.
  private func parsedEnds() throws -> (String, String) {
    var text = ends.joined(separator: " ")
    for arrow in ["-->", "->", "=>"] { text = text.replacing(arrow, with: " ") }
    let words = text.split { " →>".contains($0) }.map(String.init).filter { $0 != "to" }
    if ends.count > 1, ends.last == "-" {
      throw ValidationError(
        "'-' is what a shell leaves of a bare -> (the rest is now an empty file): quote it, '\(ends[0]) -> TO:PORT', or leave "
          + "it out")
    }
    guard words.count == 2 else { throw ValidationError("Expected FROM and TO:PORT, as in: web visitor:80/tcp") }
    return (words[0], words[1])
  }
}

enum ReportFormat: String, CaseIterable, ExpressibleByArgument { case text, json }
