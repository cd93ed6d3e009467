import WeftCore

/// Bounds on a time.
public struct TimeBounds: Codable, Hashable, Sendable {
  public var atMost: Nanoseconds?
  public var atLeast: Nanoseconds?

  public init(atMost: Nanoseconds? = nil, atLeast: Nanoseconds? = nil) { (self.atMost, self.atLeast) = (atMost, atLeast) }

  public func contains(_ time: Nanoseconds) -> Bool { time <= atMost ?? time && time >= atLeast ?? time }

  public var text: String {
    [atMost.map { "at most \($0)" }, atLeast.map { "at least \($0)" }].compactMap { $0 }.joined(separator: " and ")
  }

  /// `< 300 ms`, or a table of this name. `subject`: what lacks bounds where none are given.
  package static func form(_ name: String, _ title: String, example: String, subject: String) -> Form<TimeBounds> {
    let keys = KeyTable(
      name, title, from: TimeBounds(),
      [
        Field("at-most", \.atMost, .duration, "Upper bound.", default: "none", example: example),
        Field("at-least", \.atLeast, .duration, "Lower bound.", default: "none", example: "1 ms"),
      ]
    ) { bounds, mistakes in
      if let high = bounds.atMost, let low = bounds.atLeast, low > high {
        mistakes.report("\"at-most\" is below \"at-least\"", at: \.atMost)
      }
      if mistakes.object.written.entries?.isEmpty ?? true {
        mistakes.report("\(subject) needs \"at-most\" or \"at-least\"")
      }
    }
    let short = Form<TimeBounds>(.roundTrip) { (text) throws(Complaint) in
      let (isUpper, rest) = try Parse.bound(text)
      let time = try Quantity.duration(rest)
      return isUpper ? TimeBounds(atMost: time) : TimeBounds(atLeast: time)
    }
    return .either(short, .table(keys))
  }
}
