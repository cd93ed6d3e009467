/// What a value in the file may look like.
package indirect enum Shape: Sendable {
  case text(Scalar)
  case list(Shape)
  /// A map from names to such values.
  case named(Shape)
  case object(Keys)
  /// Whatever another program's file may have there, in words.
  case foreign(String)
  /// One of several; a value is taken for the first whose form (text, list, map) it has.
  case either([Shape])
}

/// A text that stands for a value.
package struct Scalar: Sendable {
  package var kind: ScalarKind
  /// The value that a text stands for, or why it is none.
  package var parse: @Sendable (String) throws(Complaint) -> any Sendable

  package init(_ kind: ScalarKind, _ parse: @escaping @Sendable (String) throws(Complaint) -> any Sendable) {
    self.kind = kind
    self.parse = parse
  }
}

/// Kinds of text, by which the schema, the reference and hints know them.
package enum ScalarKind: Sendable, Equatable {
  case text, boolean
  case always(Bool)
  case integer(ClosedRange<UInt64>)
  case duration, rate, fraction
  /// A duration of more than 0: an interval of none would never let time pass.
  case interval
  /// A size in bounds, in bytes.
  case bytes(ClosedRange<UInt64>)
  /// A port, or `80-90`.
  case ports
  /// Any prefix, or an address as one.
  case network
  /// tcp, udp, icmp, sctp, udplite or a number.
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
  /// In words of a user's own form.
  case own(String)
}

/// One key of an object of the file, as checks, schema, reference and hints see it.
package struct Key: Sendable {
  package var name: String
  package var shape: Shape
  package var doc: String
  package var isRequired = false
  /// What holds without it, in words.
  package var standard: String?
  /// The same as the table's beginning has it, where that is a value that can be written.
  package var value: String?
  package var example: String

  package init(
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
package struct Keys: Sendable {
  /// Its name in the schema.
  package var name: String
  package var title: String
  package var keys: [Key]
  /// Exactly one of these says what the object is.
  package var exactlyOne: [String] = []
  /// Required keys may come from `defaults`, so that they can only be missed after merging.
  package var takesDefaults = false

  package init(_ name: String, _ title: String, exactlyOne: [String] = [], takesDefaults: Bool = false, _ keys: [Key]) {
    self.name = name
    self.title = title
    self.keys = keys
    self.exactlyOne = exactlyOne
    self.takesDefaults = takesDefaults
  }

  package func key(_ name: String) -> Key? { keys.first { $0.name == name } }

  /// Whether the object may be left empty, or be named by its word alone.
  package var needsNothing: Bool { exactlyOne.isEmpty && !keys.contains { $0.isRequired } }
}

extension Shape {
  package var alternatives: [Shape] { if case .either(let shapes) = self { shapes } else { [self] } }

  /// Of a text.
  package var kind: ScalarKind? { if case .text(let scalar) = self { scalar.kind } else { nil } }

  /// Whether nothing at all may be written: a table without keys that are required.
  package var standsAlone: Bool {
    alternatives.contains { if case .object(let keys) = $0 { keys.needsNothing } else { false } }
  }

  package func hasForm(of value: Written) -> Bool {
    switch (self, value.kind) {
    case (.text, .scalar), (.list, .list), (.object, .map), (.named, .map): true
    case (.foreign, _): !value.isNull
    case (.either(let shapes), _): shapes.contains { $0.hasForm(of: value) }
    case (.text, _), (.list, _), (.object, _), (.named, _): false
    }
  }
}
