import ArgumentParser
import Foundation

/// Many runs of one file, and several at once.
struct SweepOptions: ParsableArguments {
  @Option(
    name: .long,
    help: ArgumentHelp(
      "Runs with each of these seeds and says how often each expectation held: 1..60, or 3,5,8..12. Captures are "
        + "written only where --captures says.", valueName: "seeds"))
  var seeds: SeedList?

  @Option(name: .long, help: ArgumentHelp("How many run at once (default: one a processor).", valueName: "number"))
  var jobs: Int?

  func validate() throws {
    if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs wants a number from 1 to 1024.") }
  }

  /// Options that many runs can't heed.
  func check(seed: UInt64?, _ input: InputOptions, _ output: OutputOptions) throws {
    guard seeds != nil else { return }
    if seed != nil { throw ValidationError("--seed and --seeds exclude each other.") }
    if input.settings.contains(where: { $0.hasPrefix("seed=") }) {
      throw ValidationError("--set seed=… and --seeds exclude each other.")
    }
    guard output.captures == nil else { return }
    if let format = output.format.first(where: { $0 == .pcapng || $0 == .pcap }) {
      throw ValidationError("--format \(format.rawValue) goes with --captures: --seeds writes none without it.")
    }
    if output.captureLimit != nil {
      throw ValidationError("--capture-limit goes with --captures: --seeds writes none without it.")
    }
  }

  var limit: Int { jobs ?? ProcessInfo.processInfo.activeProcessorCount }
}

/// `1..60`, `7`, `3,5,8..12`.
struct SeedList: ExpressibleByArgument, Equatable {
  private(set) var seeds: [UInt64] = []

  init?(argument: String) {
    var seen: Set<UInt64> = []
    for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "..", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      guard let first = UInt64(ends[0]), let last = ends.count == 1 ? first : UInt64(ends[1]), first <= last,
        last - first < UInt64(Self.most - seeds.count)
      else { return nil }
      for seed in first...last where seen.insert(seed).inserted { seeds.append(seed) }
    }
  }

  static let most = 1_000_000
}
