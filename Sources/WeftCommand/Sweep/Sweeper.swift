import Foundation
import Weft

/// A topology that has been read and can be run.
struct Lab {
  var file: String
  var bytes: [UInt8]
  var topology: Topology
  /// Where its captures go; nil: nowhere.
  var captures: String?
}

/// Runs labs in processes of their own, each once or with many seeds.
struct Sweeper {
  var seeds: [UInt64]?
  var seed: UInt64?
  var until: String?
  var input: InputOptions
  var output: OutputOptions
  var limit: Int

  enum Result {
    case sweep(Sweep)
    case report(Report)
    case failed(String, detail: String)
  }

  /// `done` is told of each lab, in order, as soon as it and those before it are through.
  func run(_ labs: [Lab], done: (Lab, Result, Nanoseconds) throws -> Void) throws {
    let each = seeds?.count ?? 1
    var began: [Int: ContinuousClock.Instant] = [:]
    var sweep: Sweep?
    var told = 0
    do {
      try JobPool.run(count: labs.count * each, limit: limit, isQuiet: output.quiet) { index in
        if began[index / each] == nil { began[index / each] = ContinuousClock().now }
        return Job(bytes: labs[index / each].bytes, arguments: arguments(labs[index / each], seeds?[index % each]))
      } done: { index, outcome in
        let lab = labs[index / each]
        guard let seeds else {
          told += 1
          switch outcome {
          case .report(let report, let time): return try done(lab, .report(report), time)
          case .failed(let what, let detail): return try done(lab, .failed(what, detail: detail), .zero)
          }
        }
        if index % each == 0 { sweep = Sweep(file: lab.file, name: lab.topology.name, seeds: seeds) }
        switch outcome {
        case .report(let report, _): sweep?.add(report)
        case .failed(let what, let detail): sweep?.add(what, seed: seeds[index % each], detail: detail)
        }
        if let whole = sweep, index % each == each - 1 {
          told += 1
          let time = began[index / each].map { Nanoseconds(ContinuousClock().now - $0) } ?? .zero
          try done(lab, .sweep(whole), time)
        }
      }
    } catch let interrupted as JobPool.Interrupted {
      // What of the lab under way was found out isn't lost.
      if told < labs.count, seeds != nil, interrupted.done % each > 0, var half = sweep {
        half.seeds = Array(half.seeds.prefix(interrupted.done % each))
        try done(labs[told], .sweep(half), .zero)
      }
      throw interrupted
    }
  }

  private func arguments(_ lab: Lab, _ seed: UInt64?) -> [String] {
    var words = ["--file=\(lab.file)", "--name=\(lab.topology.name)", "--quiet"]
    if let seed = seed ?? self.seed { words.append("--seed=\(seed)") }
    if let until { words.append("--until=\(until)") }
    words += input.settings.map { "--set=\($0)" }
    if let captures = lab.captures {
      words.append("--captures=\(seeds == nil ? captures : "\(captures)/seed-\(seed ?? 0)")")
      if output.captureFormat == .pcap { words.append("--format=pcap") }
    } else {
      words.append("--no-captures")
    }
    return words
  }

  /// How to see one of its runs by itself, where one failed.
  func hint(_ sweep: Sweep) -> String? {
    guard let seed = sweep.firstFailed else { return nil }
    let file = sweep.file == "<stdin>" ? "-" : sweep.file
    var words = ["run", file, "--seed", "\(seed)"]
    if let until { words += ["--until", until] }
    for setting in input.settings { words += ["--set", setting] }
    return "  look into one: \(Called.name) " + words.map(Called.quoted).joined(separator: " ") + "\n"
  }
}
