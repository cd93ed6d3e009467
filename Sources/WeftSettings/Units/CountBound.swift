/// A bound on a number: `3`, `< 5`, `<= 5`, `> 0`, `>= 1`.
public struct CountBound: Sendable, Codable, Hashable, CustomStringConvertible {
  public var atLeast: UInt64
  public var atMost: UInt64

  public init(atLeast: UInt64 = 0, atMost: UInt64 = .max) { (self.atLeast, self.atMost) = (atLeast, atMost) }

  public func holds(_ count: UInt64) -> Bool { (atLeast...max(atLeast, atMost)).contains(count) }

  public var description: String {
    atLeast == atMost ? "\(atLeast)" : atMost == .max ? ">= \(atLeast)" : "<= \(atMost)"
  }

  static let form = Form<CountBound>(words: "a number or a bound (< 5, >= 1)", text: \.description) { text throws(Complaint) in
    let sign = text.prefix { "<>=".contains($0) }
    let digits = Quantity.trim(text.dropFirst(sign.count))
    guard let number = UInt64(digits), number < 1 << 60, digits.utf8.allSatisfy(Quantity.isDigit) else {
      throw Complaint("\"\(text)\" is not a number or a bound on one", hint: "write it like 0, < 5 or >= 1")
    }
    switch sign {
    case "", "=", "==": return CountBound(atLeast: number, atMost: number)
    case ">=": return CountBound(atLeast: number)
    case ">": return CountBound(atLeast: number + 1)
    case "<=": return CountBound(atMost: number)
    case "<" where number > 0: return CountBound(atMost: number - 1)
    default: throw Complaint("\"\(text)\" is not a bound on a number", hint: "write it like 0, < 5 or >= 1")
    }
  }
}
