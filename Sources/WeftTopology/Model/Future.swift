import WeftSettings

/// Another way that things may go, from a moment that was kept.
public struct Future: Sendable, Codable, Hashable {
  public var name: String
  /// A checkpoint of the run.
  public var from: String
  /// Chance is another from then on; nil: it is the same.
  public var seed: UInt64?

  public init(_ name: String, from checkpoint: String, seed: UInt64? = nil) {
    (self.name, from, self.seed) = (name, checkpoint, seed)
  }

  /// That of the run itself.
  public static let main = "main"
}

/// Under `fork`.
struct ForkEntry: Sendable {
  var name = ""
  var from = ""
  var seed: UInt64?

  static let keys: KeyTable<ForkEntry> = KeyTable(
    "fork", "Lets the lab go on once more from a checkpoint, by itself", from: ForkEntry(),
    [
      Field("name", \.name, .text, "What to call that future: events and checks may name it.", required: true, example: "b"),
      Field("from", \.from, .text, "Which checkpoint.", required: true, example: "morning"),
      Field(
        "seed", \.seed, .integer(0...UInt64.max), "Chance is another from then on.", default: "chance is the same", example: "2"),
    ])

  /// The key of the event.
  static let word = "fork"
}

extension Event.Action {
  static let forkCases: [Case<Event.Action>] = [
    Case("checkpoint", .text, "Keeps the whole lab as it is, to fork from.", example: "morning") { .checkpoint($0) },
    Case(
      ForkEntry.word, .table(ForkEntry.keys),
      "Lets the lab go on once more from a checkpoint, by itself: all that the file says happens there too, but for what is of "
        + "another future.", example: "{name: b, from: morning, seed: 2}"
    ) { .fork(Future($0.name, from: $0.from, seed: $0.seed)) },
  ]
}

extension Form where Value == String {
  /// A fork of the file, or main.
  static var future: Form {
    Form(.text) { (text) throws(Complaint) -> String in
      text
    } resolve: { name, place, reading in
      (reading as? Resolver)?.future(name, at: place)
    }
  }
}
