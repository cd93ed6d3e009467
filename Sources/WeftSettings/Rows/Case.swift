/// One way that a thing of several kinds can be: an event, a program, an expectation, a filter rule. Its row names it in the
/// file and makes the value.
///
///     Case("link-down", .cable, "Cuts a cable.", example: "laptop.uplink") { Event.Action.linkDown($0) }
public struct Case<Value>: Sendable {
  package var key: Key
  package var read: @Sendable (Written, any Reading) -> Value?
  package var redirect: Redirect<Value>?

  public init<Payload>(
    _ name: String, _ form: Form<Payload>, _ doc: String, example: String,
    _ make: @escaping @Sendable (Payload) -> Value
  ) {
    key = Key(name, form.shape, doc, example: example)
    read = { form.read($0, $1).map(make) }
  }
}

extension Field {
  /// The rows of a tagged union: an object has exactly one of these keys.
  public static func cases<Value>(
    _ path: any WritableKeyPath<Root, Value?> & Sendable, _ cases: [Case<Value>]
  ) -> [Field] {
    cases.map { row in
      let redirect: Redirect<Root> = { root, to in
        guard let change = row.redirect, var value = root[keyPath: path] else { return }
        change(&value, to)
        root[keyPath: path] = value
      }
      return Field(
        row.key, Path(path), isCase: true,
        read: { entry, reading, root in
          guard let value = row.read(entry.value, reading) else { return false }
          root[keyPath: path] = value
          return true
        }, text: { _ in nil }, redirect: redirect)
    }
  }
}
