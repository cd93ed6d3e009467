/// One key of a kind of object: the row that drives checking, reading, the schema, the reference and its default's text.
///
///     Field("mss-clamp", \.mssClamp, .boolean, "Lowers the MSS of TCP to what fits the links.", example: "true")
///
/// What holds without the key is what the table's `from` has at the path; `default:` says it where that is nil or has a
/// meaning of its own.
public struct Field<Root: Sendable>: Sendable {
  package var key: Key
  /// One of the keys of which an object has exactly one.
  package var isCase = false
  /// What it sets; of a case, the whole choice.
  package var path: Path<Root>
  /// False after a report.
  package var read: @Sendable (Written.Entry, any Reading, inout Root) -> Bool
  /// How a value's own text is.
  package var text: @Sendable (Root) -> String?
  package var redirect: Redirect<Root>?

  public init<Value>(
    _ name: String, _ path: any WritableKeyPath<Root, Value> & Sendable, _ form: Form<Value>, _ doc: String,
    required: Bool = false, default standard: String? = nil, example: String
  ) {
    self.init(name, path, form, doc, required, standard, example) { root, value, _ in
      root[keyPath: path] = value
    } text: {
      $0[keyPath: path]
    }
    if let change = form.redirect { redirect = { change(&$0[keyPath: path], $1) } }
    if let readOver = form.readOver {
      read = { entry, reading, root in
        guard let value = readOver(root[keyPath: path], entry.value, reading) else { return false }
        root[keyPath: path] = value
        return true
      }
    }
  }

  public init<Value>(
    _ name: String, _ path: any WritableKeyPath<Root, Value?> & Sendable, _ form: Form<Value>, _ doc: String,
    required: Bool = false, default standard: String? = nil, example: String
  ) {
    self.init(name, path, form, doc, required, standard, example) { root, value, _ in
      root[keyPath: path] = value
    } text: {
      $0[keyPath: path]
    }
    if let change = form.redirect {
      redirect = { root, to in
        guard var value = root[keyPath: path] else { return }
        change(&value, to)
        root[keyPath: path] = value
      }
    }
  }

  /// With its place, for what has to be said of it later.
  public init<Value>(
    _ name: String, _ path: any WritableKeyPath<Root, Located<Value>?> & Sendable, _ form: Form<Value>, _ doc: String,
    required: Bool = false, default standard: String? = nil, example: String
  ) {
    self.init(name, path, form, doc, required, standard, example) {
      root, value, entry in
      root[keyPath: path] = Located(value, at: entry)
    } text: {
      $0[keyPath: path]?.value
    }
  }

  private init<Value>(
    _ name: String, _ path: PartialKeyPath<Root>, _ form: Form<Value>, _ doc: String, _ required: Bool,
    _ standard: String?, _ example: String,
    set: @escaping @Sendable (inout Root, Value, Written.Entry) -> Void, text: @escaping @Sendable (Root) -> Value?
  ) {
    self.path = Path(path)
    key = Key(name, form.shape, doc, required: required, default: standard, example: example)
    read = { entry, reading, root in
      guard let value = form.read(entry.value, reading) else { return false }
      set(&root, value, entry)
      return true
    }
    self.text = { root in text(root).flatMap { form.text?($0) } }
  }
}

extension Field {
  package init(
    _ key: Key, _ path: Path<Root>, isCase: Bool, read: @escaping @Sendable (Written.Entry, any Reading, inout Root) -> Bool,
    text: @escaping @Sendable (Root) -> String?, redirect: Redirect<Root>?
  ) {
    (self.key, self.path, self.isCase) = (key, path, isCase)
    (self.read, self.text, self.redirect) = (read, text, redirect)
  }
}

/// What a row sets, to find its key by. A literal path holds no values, so that any task may have it.
package struct Path<Root>: @unchecked Sendable {
  package let value: PartialKeyPath<Root>

  package init(_ value: PartialKeyPath<Root>) { self.value = value }
}

/// A value with the place in the file where it stands.
public struct Located<Value> {
  public var value: Value
  package var entry: Written.Entry

  package init(_ value: Value, at entry: Written.Entry) {
    self.value = value
    self.entry = entry
  }

  public var mark: Mark { entry.value.mark }
  package var place: Written { entry.value }
}

extension Located: Sendable where Value: Sendable {}

extension Field {
  /// The rows of another table that stand in this one, and are read from there over what holds without them. `default`: in
  /// place of theirs.
  package static func apart<Other>(_ other: KeyTable<Other>, default standard: String? = nil, optional: Bool = false) -> [Field] {
    other.keys.keys.map { key in
      var key = key
      if let standard { (key.standard, key.value) = (standard, nil) }
      if optional { key.isRequired = false }
      return Field(key, Path(\Root.self), isCase: false, read: { _, _, _ in true }, text: { _ in nil }, redirect: nil)
    }
  }
}
