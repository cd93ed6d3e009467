/// The keys of one kind of object, beside the type whose values they set. It is all that the file, the schema and the
/// reference know of the type:
///
///     struct SYNFlood: Sendable {
///       var to = Endpoint.unset
///       var pps = 1000
///       var count: UInt64?
///
///       static let keys = KeyTable("syn-flood", "Sends SYNs from ever other ports and keeps no state", from: SYNFlood(), [
///         Field("to", \.to, .endpoint(.tcp), "To where.", required: true, example: "server:80"),
///         Field("pps", \.pps, .integer(1...1_000_000_000), "How many a second.", example: "10000"),
///         Field("count", \.count, .integer(1...1_000_000_000_000), "How many.", default: "until the run ends", example: "5000"),
///       ])
///     }
///
/// A key misspelt in code is a path that doesn't compile; one misspelt in the file is told with what was meant.
public struct KeyTable<Root: Sendable>: Sendable {
  package let keys: Keys
  package let fields: [Field<Root>]
  /// What an object is before its keys are read.
  package let standard: Root
  private let check: @Sendable (inout Root, Mistakes<Root>) -> Void

  /// `name`: in the schema and in messages. `variants`: what else it may begin with, by name, for the default texts.
  /// `check`: what keys of one object have to do with each other.
  public init(
    _ name: String, _ title: String, from standard: Root, variants: [(name: String, value: Root)] = [],
    takesDefaults: Bool = false, _ fields: [Field<Root>],
    check: @escaping @Sendable (inout Root, Mistakes<Root>) -> Void = { _, _ in }
  ) {
    self.standard = standard
    self.check = check
    self.fields = fields
    keys = Keys(
      name, title, exactlyOne: fields.filter(\.isCase).map(\.key.name), takesDefaults: takesDefaults,
      fields.map { field in
        var key = field.key
        let own = field.text(standard)
        key.value = own
        guard !key.isRequired, let usual = key.standard ?? own else { return key }
        let others = variants.compactMap { variant -> String? in
          let text = field.text(variant.value)
          return text == own ? nil : "\(variant.name): \(text ?? usual)"
        }
        key.standard = ([usual] + others).joined(separator: "; ")
        return key
      })
  }

  /// `standard`, or another beginning, with what is written over it; nil where something is missing or wrong, after a report.
  package func read(_ written: Written, over beginning: Root? = nil, _ reading: any Reading) -> Root? {
    guard written.isNull || written.entries != nil else { return nil }
    var root = beginning ?? standard
    let isWhole = read(written, into: &root, reading)
    return isWhole ? root : nil
  }

  /// The same, with what can be read of it. False where a required key or all cases are missing or wrong.
  @discardableResult
  package func read(_ written: Written, into root: inout Root, _ reading: any Reading) -> Bool {
    let entries = written.entries ?? []
    var (isWhole, hasCase) = (true, keys.exactlyOne.isEmpty)
    for field in fields {
      // `key:` without a value asks for the default; of a case that can stand alone it is the case.
      let entry = entries.first { $0.key == field.key.name && (!$0.value.isNull || field.isCase && field.key.shape.standsAlone) }
      guard let entry else {
        if field.key.isRequired { isWhole = false }
        continue
      }
      // Of several cases, which has been reported, the first in the file is meant.
      if field.isCase, entries.first(where: { keys.exactlyOne.contains($0.key) })?.key != entry.key { continue }
      let isRead = field.read(entry, reading, &root)
      if field.isCase { hasCase = isRead } else if field.key.isRequired, !isRead { isWhole = false }
    }
    check(&root, Mistakes(object: Object(written, self), reading: reading))
    return isWhole && hasCase
  }

  /// Changes every machine that a value names.
  package func redirect(_ root: inout Root, _ change: (Destination) -> Destination) {
    for field in fields { field.redirect?(&root, change) }
  }

  /// The name of the key that sets a property.
  package func name(_ path: PartialKeyPath<Root>) -> String {
    fields.first { $0.path.value == path }?.key.name ?? ""
  }

  /// The object that a short form stands for.
  package func object(_ values: (PartialKeyPath<Root>, Written)..., at mark: Mark) -> Written {
    Written(kind: .map(values.map { .init(key: name($0), keyMark: mark, value: $1) }), mark: mark)
  }
}
