/// What a value in the file may look like.
indirect enum Shape: Sendable {
  case scalar(ScalarKind)
  case list(Shape)
  /// A map from names to such values.
  case named(Shape)
  case object(KeyTable)
  /// One of several; a value is taken for the first whose form (text, list, map) it has.
  case either([Shape])

  static func choice(_ words: String...) -> Shape { .scalar(.choice(words)) }
  static func integer(_ range: ClosedRange<UInt64>) -> Shape { .scalar(.integer(range)) }
}

/// Kinds of text.
enum ScalarKind: Sendable, Equatable {
  case text, boolean
  case always(Bool)
  case integer(ClosedRange<UInt64>)
  case duration, rate, size, fraction
  /// A duration of more than 0: an interval of none would never let time pass.
  case interval
  /// A size in bounds, in bytes.
  case bytes(ClosedRange<UInt64>)
  /// A port, or `80-90`.
  case ports
  /// Any prefix, or an address as one.
  case network
  /// tcp, udp, icmp or a number.
  case protocolNumber
  case address, prefix, mac, port, range, addressPattern, macPattern
  case choice([String])
  /// The name of something of this sort.
  case reference(String)
  /// A name for the members of a group.
  case namePattern
  case destination, endpoint, http, path, forward, forwardTarget, link, uplink, roundTrip
  /// Why something was dropped, in the words of reports.
  case reason
}

/// One key of an object of the file. The same row drives reading, checking, the schema and the reference.
struct Key: Sendable {
  var name: String
  var shape: Shape
  var doc: String
  var isRequired = false
  /// What holds without it, in words.
  var standard: String?
  var example: String

  init(
    _ name: String, _ shape: Shape, _ doc: String, required: Bool = false, default standard: String? = nil,
    example: String
  ) {
    self.name = name
    self.shape = shape
    self.doc = doc
    isRequired = required
    self.standard = standard
    self.example = example
  }
}

/// The keys of one kind of object.
struct KeyTable: Sendable {
  /// Its name in the schema.
  var name: String
  var title: String
  var keys: [Key]
  /// Exactly one of these says what the object is.
  var exactlyOne: [String] = []
  /// Required keys may come from `defaults`, so that they can only be missed after merging.
  var takesDefaults = false

  init(_ name: String, _ title: String, exactlyOne: [String] = [], takesDefaults: Bool = false, _ keys: [Key]) {
    self.name = name
    self.title = title
    self.keys = keys
    self.exactlyOne = exactlyOne
    self.takesDefaults = takesDefaults
  }

  func key(_ name: String) -> Key? { keys.first { $0.name == name } }
}
