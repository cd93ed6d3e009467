/// A row of a table that an element keeps: a session, a lease, a neighbour, a counter. Reports, listings and comparisons
/// read these and nothing else of an element.
public protocol Fact: Sendable {
  /// `neighbours`, `connections`
  static var table: String { get }
  /// What tells it from the others in its table.
  var key: String { get }
  /// The rest of it, as people read it, in an order of its own.
  var fields: [FactField] { get }
}

public struct FactField: Hashable, Sendable, Codable {
  public var name: String
  public var value: String

  public init(_ name: String, _ value: some CustomStringConvertible) {
    self.name = name
    self.value = value.description
  }
}

/// How often something has happened.
public struct CounterFact: Fact, Hashable {
  public static let table = "counters"
  public var key: String
  public var count: UInt64

  public init(_ key: String, _ count: UInt64) {
    self.key = key
    self.count = count
  }

  public var fields: [FactField] { [FactField("count", count)] }
}

/// Takes an element's rows in: all of them, or those of one table.
public struct Facts {
  private let wanted: (any Fact.Type)?
  public private(set) var rows: [any Fact] = []

  /// nil: all.
  public init(only wanted: (any Fact.Type)? = nil) { self.wanted = wanted }

  /// The rows are worked out only where somebody wants them.
  public mutating func add<F: Fact>(_ rows: @autoclosure () -> [F]) {
    if let wanted, ObjectIdentifier(wanted) != ObjectIdentifier(F.self) { return }
    self.rows += rows()
  }
}

/// What an element looks up for a frame, in words.
public struct Lookup: Sendable {
  public var text: String
  /// What of the element's configuration it is about: whoever knows the file finds its line by it.
  public var subject: (any Sendable)?

  public init(_ text: String, about subject: (any Sendable)? = nil) {
    self.text = text
    self.subject = subject
  }
}
