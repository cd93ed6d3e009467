// Rows of KeyEffectTests: checkpoints and forks. What a fork comes to is in the report.

extension KeyEffect {
  private static let kept = "{at: 1 s, checkpoint: one}, {at: 2 s, checkpoint: two}"
  private static let forked = kept + ", {at: 3 s, fork: {name: f, from: one}}"

  private static func event(_ key: String, _ before: String, _ after: String, _ beside: [String: String] = [:]) -> KeyEffect {
    .init(key, in: "events", before, after, beside.merging(["root": "duration: 4 s"]) { first, _ in first })
  }

  static let futures: [KeyEffect] = [
    event("event.checkpoint", "{at: 1 s, checkpoint: one}", "{at: 3500 ms, pause: b}"),
    event("event.fork", kept, forked),
    event("event.future", forked + ", {at: 2 s, pause: b}", forked + ", {at: 2 s, pause: b, future: f}"),
    event("fork.name", forked, kept + ", {at: 3 s, fork: {name: g, from: one}}"),
    event("fork.from", forked, kept + ", {at: 3 s, fork: {name: f, from: two}}"),
    event(
      "fork.seed", forked, kept + ", {at: 3 s, fork: {name: f, from: one, seed: 7}}",
      ["segment": "loss: 30 %", "b-programs": "{ping: {to: srv, count: 100, interval: 20 ms}}"]),
    .init(
      "expectation.future", in: "check", "at: 2 s, future: main", "at: 2 s, future: f",
      ["events": forked, "root": "duration: 4 s"]),
  ]
}
