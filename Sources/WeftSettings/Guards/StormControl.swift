import WeftCore

/// How many frames of which everybody gets a copy a port may send.
public struct StormControl: Sendable, Codable, Hashable {
  /// Frames a second; nil: as many as there are.
  public var broadcast: UInt64?
  public var multicast: UInt64?
  /// To one address that the switch doesn't know.
  public var unknown: UInt64?
  /// Of each sort at once.
  public var burst: UInt64 = 50

  public init(all rate: UInt64? = nil) { (broadcast, multicast, unknown) = (rate, rate, rate) }

  public static let keys: KeyTable<StormControl> = KeyTable(
    "storm-control", "How many frames of which everybody gets a copy a NIC may send. Short form: as many of each sort",
    from: StormControl(),
    [
      Field("broadcast", \.broadcast, .perSecond, "To everybody.", default: "any", example: "100/s"),
      Field("multicast", \.multicast, .perSecond, "To a group.", default: "any", example: "100/s"),
      Field("unknown", \.unknown, .perSecond, "To an address that the switch doesn't know.", default: "any", example: "100/s"),
      Field("burst", \.burst, .integer(1...1_000_000), "So many at once, of each sort.", example: "20"),
    ]
  ) { storm, mistakes in
    if storm.broadcast == nil, storm.multicast == nil, storm.unknown == nil {
      mistakes.report("\"storm-control\" needs broadcast, multicast or unknown", hint: "for all of them: storm-control: 100/s")
    }
  }

  static let form = Form<StormControl>.table(keys, short: .perSecond) { StormControl(all: $0) }
}

extension Form where Value == UInt64 {
  /// `100/s`
  static var perSecond: Form {
    Form(words: "a number per second (100/s)", text: { "\($0)/s" }) { (text) throws(Complaint) in
      let digits = text.hasSuffix("/s") ? Quantity.trim(text.dropLast(2)) : ""
      guard !digits.isEmpty, digits.utf8.allSatisfy(Quantity.isDigit), let number = UInt64(digits) else {
        let meant = UInt64(text).map { "did you mean \($0)/s?" }
        throw Complaint("\"\(text)\" is not a number per second", hint: meant ?? "write it like 100/s")
      }
      guard (1...1_000_000_000).contains(number) else {
        throw Complaint("\(text) is out of range: 1/s…1000000000/s")
      }
      return number
    }
  }
}
