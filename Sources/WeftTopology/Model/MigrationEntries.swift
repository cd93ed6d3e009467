import WeftCore
import WeftSettings

/// Under `migrate`.
struct MigrationEntry: Sendable {
  var vm = ""
  var to = ""
  var settings = MigrationSettings()

  static let keys: KeyTable<MigrationEntry> = KeyTable(
    "migrate", "Moves a VM to another host while it runs", from: MigrationEntry(),
    [
      Field("vm", \.vm, .vm, "Which VM.", required: true, example: "web"),
      Field("to", \.to, .host, "To which host.", required: true, example: "server2"),
      Field(
        "policy", \.settings.policy, .choice,
        "What becomes of one whose memory changes faster than it is sent: cancel (it stays), force (it is stopped for as long as the "
          + "rest takes), auto-converge (its CPU is throttled, more each round), postcopy (it goes on there, and its pages follow).",
        example: "auto-converge"),
      Field(
        "downtime-limit", \.settings.downtimeLimit, .interval, "It is stopped once what is left takes no longer.",
        example: "30 ms"),
      Field(
        "max-bandwidth", \.settings.maxBandwidth, .bandwidth, "Until it is stopped; `none`: what its cables give.",
        default: "128 MiB/s", example: "32 MiB/s"),
      Field("rounds", \.settings.rounds, .integer(1...1000), "After so many it is the policy's turn.", example: "10"),
      Field(
        "via", \.settings.via, .place,
        "The segment or network by which its memory goes; both hosts are plugged into it (`links`).",
        default: "from uplink to uplink", example: "backbone"),
      Field(
        "adaptive-rate", \.settings.adaptiveRate, .table(MigrationSettings.AdaptiveRate.keys),
        "The rate grows with what is written: the next round's is that at which memory was written in the last, and `step`. It is "
          + "stopped once that is more than `to`, no more than `rest` is left, or the rounds are over, whatever downtime-limit and "
          + "policy say (but postcopy); the rest goes at full rate. `{}`: as in Clark et al. 2005, as handed down.",
        default: "no such rule", example: "{from: 100 Mbit/s, to: 500 Mbit/s}"),
      Field(
        "activation", \.settings.activation, .duration, "What starting it there takes, beside what is sent (modelled).",
        example: "9 ms"),
      Field(
        "networks", \.settings.networks, .moves, "Which network there stands for which here.",
        default: "the host's one of the same mode, and the same segment or subnet", example: "{lan: lan2}"),
    ])
}

extension MigrationSettings.AdaptiveRate {
  static let keys: KeyTable<Self> = KeyTable(
    "adaptive-rate", "A migration's rate that grows with what is written", from: Self(),
    [
      Field("from", \.from, .rate, "Of the first round, and the least.", example: "100 Mbit/s"),
      Field("to", \.to, .rate, "The most: where more would be needed it is stopped.", example: "500 Mbit/s"),
      Field("step", \.step, .rate, "More than what is written.", example: "50 Mbit/s"),
      Field("rest", \.rest, .size(0...1 << 40), "It is stopped where no more is left.", example: "256 KiB"),
    ]
  ) { rate, mistakes in
    if rate.from > rate.to { mistakes.report("it begins with a rate above its most", atKey: \.from) }
  }
}

extension Form where Value == UInt64? {
  /// Bits per second, or none.
  fileprivate static var bandwidth: Form {
    Form(words: "a rate, or `none`", text: { $0.map { Quantity.text($0, Quantity.rates.suffix(3)) } ?? "none" }) {
      (text) throws(Complaint) in text == "none" ? nil : try Quantity.rate(text)
    }
  }
}

extension Form where Value == [MigrationSettings.Move] {
  /// A map from networks to networks.
  fileprivate static var moves: Form {
    Form(shape: .named(Form<String>.network.shape), text: { _ in nil }) { written, reading in
      written.entries?.compactMap { entry in
        guard reading.resolve(entry.key, [.network], at: entry.keyPlace), let to = Form<String>.network.read(entry.value, reading)
        else { return nil }
        return MigrationSettings.Move(from: entry.key, to: to)
      }
    }
  }
}

extension Written.Entry {
  /// Where its key stands, as a text.
  var keyPlace: Written { Written(kind: .scalar(key, quoted: false), mark: keyMark) }
}
