import WeftCore
import WeftSettings
import WeftWire

/// An entry of `expect`: exactly one kind of probe, what it must come to, and when.
struct ExpectationEntry: Sendable {
  var name: String?
  var from: String?
  /// In its place, where nothing is tried.
  var vm: String?
  var probe: (any ProbeSettings)?
  var outcome = Expectation.Outcome.open
  var seenAs: IPv4Address?
  var reaches: String?
  var by: String?
  var reason: DropReason?
  var roundTrip: TimeBounds?
  var at = Nanoseconds.seconds(1)
  var after: Event.Action.Deed?
  var within: Nanoseconds?
  var timeout: Nanoseconds?
  var neverDuring: Window?
  var alwaysAfter: Window?
  var future: String?

  static func table(_ kinds: [any ProbeSettings.Type]) -> KeyTable<ExpectationEntry> {
    let silences = kinds.compactMap { $0.silenceText }
    return KeyTable(
      "expectation", "What must hold", from: ExpectationEntry(),
      [
        Field(
          "name", \.name, .text, "What the report calls it.", default: "made from the rest",
          example: "nobody comes in unasked"),
        Field(
          "from", \.from, .machine, "The machine that tries. Every check has it but those of a state or an event.",
          default: "none",
          example: "visitor"),
        Field(
          "vm", \.vm, .vm, "The VM whose state it is about (\(words(of: states(kinds), ", "))).", default: "none", example: "web"),
      ] + Field.cases(\.probe, kinds.map { $0.row }) + [
        Field(
          "is", \.outcome, .choice,
          "The outcome: open, refused (RST, port unreachable), dropped (thrown away, and nobody was told), unreachable "
            + "(ICMP), blocked (one of these three), slow (answered, but not finished in time), delivered (a datagram "
            + "arrived at a socket, answered or not).",
          example: "dropped"),
        Field(
          "seen-as", \.seenAs, .address, "The address the other side sees (open).", default: "any",
          example: "134.115.153.223"),
        Field("reaches", \.reaches, .machine, "The machine that answers (open).", default: "any", example: "web"),
        Field(
          "by", \.by, .reference("network or machine", [.network, .host, .vm, .segment]),
          "What must have dropped it (dropped, refused, unreachable, blocked).", default: "any", example: "home"),
        Field(
          "reason", \.reason, .reason,
          "The reason it must have given, one of [these](drop-reasons.md) (dropped, refused, unreachable, blocked).",
          default: "any", example: "no-port-forward"),
      ] + kinds.flatMap { Field.beside($0) } + [
        Field(
          "rtt", \.roundTrip, TimeBounds.roundTrip, "Bounds on the round trip (\(words(of: measured(kinds), ", "))).",
          default: "none", example: "< 5 ms"),
        Field("at", \.at, .duration, "When it is first tried.", example: "5 s"),
        Field(
          "after", \.after, .choice,
          "In place of `at`: when this is done to its VM (`vm`, or `from`), by the only such event of the file.",
          default: "at", example: "revert"),
        Field("future", \.future, .future, "In which future: a fork's, or main.", default: "in each", example: "b"),
        Field(
          "within", \.within, .duration, "Tried again until it holds or this much time is over.",
          default: (["10 s"] + silences).joined(separator: ", and "), example: "3 s"),
        Field(
          "timeout", \.timeout, .interval, "How long one try waits for an answer.", default: patience(kinds),
          example: "500 ms"),
        Field(
          "never-during", \.neverDuring, Window.pair, "Must not hold once in this window: [from, to].", default: "none",
          example: "[2 s, 4 s]"),
        Field(
          "always-after", \.alwaysAfter, Window.beginning, "Every try from then on must hold.", default: "none",
          example: "5 s"),
      ])
  }

  /// Kinds whose round trip is that of one packet and its answer.
  static func measured(_ kinds: [any ProbeSettings.Type]) -> [any ProbeSettings.Type] { kinds.filter { $0.exchange == .single } }

  /// Kinds that are about a VM and try nothing.
  static func states(_ kinds: [any ProbeSettings.Type]) -> [any ProbeSettings.Type] {
    kinds.filter { $0 is any StateSettings.Type }
  }

  static func words(of kinds: [any ProbeSettings.Type], _ separator: String) -> String {
    kinds.map { $0.word }.joined(separator: separator)
  }

  /// `4 s; nat, punch: 8 s`
  private static func patience(_ kinds: [any ProbeSettings.Type]) -> String {
    var groups: [(text: String, kinds: [any ProbeSettings.Type])] = []
    for kind in kinds {
      if let index = groups.firstIndex(where: { $0.text == kind.patienceText }) {
        groups[index].kinds.append(kind)
      } else {
        groups.append((kind.patienceText, [kind]))
      }
    }
    let texts = groups.enumerated().map { $0 == 0 ? $1.text : "\(words(of: $1.kinds, ", ")): \($1.text)" }
    return texts.joined(separator: "; ")
  }
}

extension Field where Root == ExpectationEntry {
  /// The keys of a kind that stand beside it in the check.
  fileprivate static func beside<Settings: ProbeSettings>(_ kind: Settings.Type) -> [Field] {
    guard Settings.keysStandBeside else { return [] }
    return zip(Settings.keys.fields, Settings.keys.keys.keys).map { field, key in
      Field(
        key, Path(\ExpectationEntry.self), isCase: false,
        read: { entry, reading, root in
          guard var own = root.probe as? Settings else { return true }
          let isRead = field.read(entry, reading, &own)
          root.probe = own
          return isRead
        }, text: { _ in nil }, redirect: nil)
    }
  }
}

/// A window of time, and how often to try in it.
struct Window: Sendable {
  var from = Nanoseconds.zero
  var to: Nanoseconds?
  var every = Nanoseconds.seconds(1)

  var end: Nanoseconds { to ?? from + .seconds(10) }

  static let keys = KeyTable(
    "window", "A window of time and how often to try in it", from: Window(),
    [
      Field("from", \.from, .duration, "Its beginning.", required: true, example: "2 s"),
      Field("to", \.to, .duration, "Its end.", default: "10 s after from", example: "4 s"),
      Field(
        "every", \.every, .interval, "From one try to the next; a check may have 100,000 tries, a file's 1,000,000.",
        example: "100 ms"),
    ]
  ) { window, mistakes in
    if let place = mistakes.object.place(\.to) { window.checkOrder(at: place, mistakes.reading) }
  }

  /// `[2 s, 4 s]`
  static let pair: Form<Window> = .either(
    Form(shape: Form<[Nanoseconds]>.list(of: .duration).shape) { written, reading in
      guard let items = written.items else { return nil }
      if items.count != 2 {
        reading.report(Complaint("a window is two times: [from, to]", hint: "for example [2 s, 4 s]"), at: written)
      }
      var window = Window()
      if let first = items.first { window.from = Form<Nanoseconds>.duration.read(first, reading) ?? .zero }
      if let last = items.dropFirst().first {
        window.to = Form<Nanoseconds>.duration.read(last, reading)
        window.checkOrder(at: last, reading)
      }
      return window
    }, .table(keys))

  /// `5 s`
  static let beginning: Form<Window> = .table(keys, short: .duration) { Window(from: $0) }

  private func checkOrder(at place: Written, _ reading: any Reading) {
    if end < from {
      reading.report(Complaint("the window is reversed: it ends at \(end), before it begins at \(from)"), at: place)
    } else if end == from {
      reading.report(Complaint("the window is empty"), at: place)
    }
  }
}

extension TimeBounds {
  static let roundTrip = form("rtt", "Bounds on the round trip. Short form: `< 5 ms`", example: "5 ms", subject: "\"rtt\"")
}
