import Foundation

// swift run -c release weft-bench [--json] [--only TEXT]
//
// Compare by ratio, on one machine, in one run: single figures vary with the machine's mood.

let arguments = CommandLine.arguments.dropFirst()
let json = arguments.contains("--json")
let only = arguments.firstIndex(of: "--only").flatMap {
  arguments.index(after: $0) < arguments.endIndex ? arguments[arguments.index(after: $0)] : nil
}

if let fixed = arguments.firstIndex(of: "--fixed") {
  let words = Array(arguments[fixed...].dropFirst())
  guard words.count == 2, let count = Int(words[1]), count > 0, FixedWork.run(words[0], count: count) else {
    FileHandle.standardError.write(
      Data("--fixed wants one of \(FixedWork.names.joined(separator: ", ")) and a count\n".utf8))
    exit(64)
  }
  exit(0)
}

if let timed = arguments.firstIndex(of: "--timed") {
  guard TimedWork.run(Array(arguments[timed...].dropFirst())) else {
    FileHandle.standardError.write(Data("--timed wants udp HOSTS PACKETS or tcp BYTES\n".utf8))
    exit(64)
  }
  exit(0)
}

let udp2 = WorldBenchmarks.udpTopology(hosts: 2)
let suites: [(String, () -> [Figure])] = [
  ("event 1 k", { [ElementBenchmarks.events(pending: 1000, goal: 60)] }),
  ("event 100 k", { [ElementBenchmarks.events(pending: 100_000, goal: 120)] }),
  ("event 1 M", { [ElementBenchmarks.events(pending: 1_000_000, goal: 300)] }),
  ("switch", { [ElementBenchmarks.switchForward()] }),
  ("nat 1 k", { NATBenchmark.figures(flows: 1000, goals: (60, 60)) }),
  ("nat 100 k", { NATBenchmark.figures(flows: 100_000, goals: (125, 80)) }),
  ("nat 1 M", { NATBenchmark.figures(flows: 1_000_000, goals: (200, 120)) }),
  ("nat flows 1 k", { NATBenchmark.lifecycle(flows: 1000) }),
  ("nat flows 32 k", { NATBenchmark.lifecycle(flows: 32_768) }),
  ("nat flows 262 k", { NATBenchmark.lifecycle(flows: 262_144) }),
  ("nat flows 4 M", { NATBenchmark.lifecycle(flows: 4_194_304) }),
  ("nat check", { [NATBenchmark.wrongTranslations(flows: 262_144)] }),
  ("capture", { CaptureBenchmark.figures() }),
  ("udp 2", { WorldBenchmarks.udp("UDP through a switch, N=2", udp2, senders: 1, goal: 3e6) }),
  (
    "udp 1024",
    {
      WorldBenchmarks.udp(
        "UDP through a switch, N=1024", WorldBenchmarks.udpTopology(hosts: 1024), senders: 512, goal: 1.3e6)
    }
  ),
  (
    "udp cpus",
    {
      WorldBenchmarks.udp("UDP through a switch, N=2, on cpus", WorldBenchmarks.cpuTopology, senders: 1, goal: 1e6)
    }
  ),
  ("udp nat", { WorldBenchmarks.udp("UDP VM → NAT → server", WorldBenchmarks.natTopology, senders: 1, goal: nil) }),
  (
    "udp captured",
    {
      WorldBenchmarks.captured("600,000 datagrams, N=2", udp2, span: .seconds(6), goal: 1.5)
    }
  ),
  ("tcp", { [WorldBenchmarks.bulk()] }),
  ("tcp captured", { WorldBenchmarks.captured("TCP 1 GB", WorldBenchmarks.bulkTopology, span: .seconds(12), goal: 2) }),
  ("checkpoint", { CheckpointBenchmark.figures(vms: 1000) }),
  ("fork", { CheckpointBenchmark.forks(vms: 1000) }),
  ("memory", { [WorldBenchmarks.memoryPerIdleVM()] }),
  ("broadcast", { [WorldBenchmarks.broadcast(hosts: 1000), WorldBenchmarks.broadcast(hosts: 10_000)] }),
  ("boot", { [WorldBenchmarks.boot(hosts: 10_000)] }),
  ("pings", { [WorldBenchmarks.thousandPings()] }),
]

var figures: [Figure] = []
for (name, suite) in suites where only.map({ name.contains($0) }) ?? true {
  let new = suite()
  figures += new
  guard !json else { continue }
  for figure in new { print(line(figure)) }
}
if json {
  let encoder = JSONEncoder()
  encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
  print(String(decoding: try encoder.encode(figures), as: UTF8.self))
}

func line(_ figure: Figure) -> String {
  func text(_ value: Double) -> String {
    value >= 1e6
      ? String(format: "%.2f M", value / 1e6)
      : value >= 100
        ? String(format: "%.0f", value)
        : value > 0 && value < 0.01 ? String(format: "%.6f", value) : String(format: "%.2f", value)
  }
  var line = figure.name.padding(toLength: 52, withPad: " ", startingAt: 0)
  line += " " + "\(text(figure.value)) \(figure.unit)".padding(toLength: 20, withPad: " ", startingAt: 0)
  line += " (\(text(figure.minimum))–\(text(figure.maximum)), \(figure.runs) runs)"
  if let goal = figure.goal {
    let reached = figure.isRate ? figure.value >= goal : figure.value <= goal
    line += "  goal \(figure.isRate ? "≥" : "≤") \(text(goal))  \(reached ? "reached" : "not reached")"
  }
  return line
}
