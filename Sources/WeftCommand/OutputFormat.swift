import ArgumentParser
import Weft

/// `--format` says how the report is printed (text, json) and how captures are written (pcapng, pcap). Both may be
/// given.
enum OutputFormat: String, CaseIterable, ExpressibleByArgument {
  case text, json, pcapng, pcap
}

/// What the commands that run a simulation have in common.
struct OutputOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "text or json for the report, pcapng or pcap for the captures; may be repeated.", valueName: "format"))
  var format: [OutputFormat] = []

  @Option(
    name: .long, help: ArgumentHelp("Where captures are written (default: captures/NAME).", valueName: "dir"),
    completion: .directory)
  var captures: String?

  @Flag(name: .long, help: "Write no captures.")
  var noCaptures = false

  @Option(
    name: .long,
    help: ArgumentHelp(
      "The most that a run's captures may take on disk, as in 500MB, or none (default: 4GB, or the file's capture.limit).",
      valueName: "size"))
  var captureLimit: String?

  @Option(
    name: .long, help: ArgumentHelp("Write the expectations' results as JUnit XML; - is stdout.", valueName: "file"),
    completion: .file(extensions: ["xml"]))
  var junit: String?

  @Flag(name: .shortAndLong, help: "Print only what failed.")
  var quiet = false

  func validate() throws {
    _ = try captureBytes()
    if noCaptures, captures != nil { throw ValidationError("--captures and --no-captures exclude each other.") }
    if noCaptures, let format = format.first(where: { $0 == .pcapng || $0 == .pcap }) {
      throw ValidationError("--format \(format.rawValue) is of captures, and --no-captures writes none.")
    }
    if noCaptures, captureLimit != nil {
      throw ValidationError("--capture-limit and --no-captures exclude each other.")
    }
    if isJSON, junit == "-" { throw ValidationError("--format json and --junit - can't both go to stdout.") }
    let reports = Set(format.filter { $0 == .text || $0 == .json })
    let files = Set(format.filter { $0 == .pcapng || $0 == .pcap })
    if reports.count > 1 || files.count > 1 {
      throw ValidationError("--format was given with two that exclude each other.")
    }
  }

  /// nil where nothing is said.
  func captureBytes() throws -> UInt64? {
    guard let captureLimit else { return nil }
    if captureLimit == "none" { return .max }
    do {
      return try ByteSize.parse(captureLimit)
    } catch {
      throw ValidationError("--capture-limit '\(captureLimit)': \(error)")
    }
  }

  var isJSON: Bool { format.contains(.json) }
  /// What goes to stdout by `-` is alone there.
  var printsText: Bool { !isJSON && junit != "-" }
  var captureFormat: CaptureFormatChoice { format.contains(.pcap) ? .pcap : .pcapng }
}

enum CaptureFormatChoice { case pcapng, pcap }
