/// How a value is written in a file: what it may look like, how it is read, and how it is said in a text.
///
/// The forms of numbers, units, names and addresses are in Form+Scalars.swift, Form+Network.swift and Form+Names.swift; a list, a map, a
/// table or a choice of two is made of them:
///
///     .list(of: .address)      .table(Echo.keys, short: .port) { Echo(port: $0) }
///
/// A form of one's own is made from what reads its text:
///
///     Form<Colour>(words: "a colour", text: \.name) { text throws(Complaint) in … }
public struct Form<Value>: Sendable {
  package var shape: Shape
  /// Nil after a report.
  package var read: @Sendable (Written, any Reading) -> Value?
  /// Over what a value has been so far, where it is made of keys.
  package var readOver: (@Sendable (Value, Written, any Reading) -> Value?)?
  /// As the file writes it, for default texts; nil where a default has to be put in words.
  package var text: (@Sendable (Value) -> String?)?
  /// Changes the machines that the value names, where it names any (`next` in a group).
  package var redirect: Redirect<Value>?

  package init(
    shape: Shape, text: (@Sendable (Value) -> String?)? = nil, redirect: Redirect<Value>? = nil,
    read: @escaping @Sendable (Written, any Reading) -> Value?
  ) {
    self.shape = shape
    self.text = text
    self.redirect = redirect
    self.read = read
  }
}

public typealias Redirect<Value> = @Sendable (inout Value, (Destination) -> Destination) -> Void

extension Form where Value: Sendable {
  /// A text by itself.
  package init(
    _ kind: ScalarKind, text: (@Sendable (Value) -> String?)? = nil, redirect: Redirect<Value>? = nil,
    parse: @escaping @Sendable (String) throws(Complaint) -> Value
  ) {
    self.init(kind, text: text, redirect: redirect, parse: parse) { value, _, _ in value }
  }

  /// A text that stands for something the rest of the file must know too.
  package init<Parsed: Sendable>(
    _ kind: ScalarKind, text: (@Sendable (Value) -> String?)? = nil, redirect: Redirect<Value>? = nil,
    parse: @escaping @Sendable (String) throws(Complaint) -> Parsed,
    resolve: @escaping @Sendable (Parsed, Written, any Reading) -> Value?
  ) {
    let scalar = Scalar(kind) { (text) throws(Complaint) in try parse(text) }
    self.init(shape: .text(scalar), text: text, redirect: redirect) { written, reading in
      guard let parsed: Parsed = reading.value(of: written, scalar) else { return nil }
      return resolve(parsed, written, reading)
    }
  }

  /// A text in words of one's own.
  public init(
    words: String, text: (@Sendable (Value) -> String?)? = nil,
    parse: @escaping @Sendable (String) throws(Complaint) -> Value
  ) {
    self.init(.own(words), text: text, parse: parse)
  }
}

extension Form {
  /// The same where a default is no value to be told: a row says it in words.
  package var unsaid: Form {
    var form = self
    form.text = nil
    return form
  }

  /// The same, made into something else.
  public func map<Other>(_ make: @escaping @Sendable (Value) -> Other) -> Form<Other> {
    Form<Other>(shape: shape) { [read] in read($0, $1).map(make) }
  }

  /// A list, by whose items that can't be read nothing else is lost.
  public static func list<Element>(of element: Form<Element>) -> Form where Value == [Element] {
    Form(shape: .list(element.shape), text: { $0.isEmpty ? "none" : nil }) { written, reading in
      written.items?.compactMap { element.read($0, reading) }
    }
  }

  /// A map from names, in the order of the file, without keys of the user's own.
  public static func named<Element>(_ element: Form<Element>) -> Form where Value == [Named<Element>] {
    Form(shape: .named(element.shape), text: { $0.isEmpty ? "none" : nil }) { written, reading in
      written.entries?.named.compactMap { entry in
        element.read(entry.value, reading).map { Named(name: entry.key, value: $0, entry: entry) }
      }
    }
  }

  /// An object of the file.
  public static func table(_ table: KeyTable<Value>) -> Form where Value: Sendable {
    var form = Form(shape: .object(table.keys), redirect: { table.redirect(&$0, $1) }) { table.read($0, $1) }
    form.readOver = { table.read($1, over: $0, $2) }
    return form
  }

  /// An object, or a text that stands for one: `8080` for `{port: 8080}`.
  public static func table<Short>(
    _ table: KeyTable<Value>, short: Form<Short>, _ make: @escaping @Sendable (Short) -> Value
  ) -> Form where Value: Sendable {
    .either(short.map(make), .table(table))
  }

  /// An object, and where its keys stand.
  public static func placed<Root>(_ table: KeyTable<Root>) -> Form where Value == Placed<Root> {
    Form(shape: .object(table.keys), redirect: { table.redirect(&$0.value, $1) }) { written, reading in
      table.read(written, reading).map { Placed($0, Object(written, table)) }
    }
  }

  /// A short form and a long one; the first whose form (text, list, map) a value has.
  public static func either(_ short: Form, _ long: Form) -> Form {
    Form(
      shape: .either(short.shape.alternatives + long.shape.alternatives), text: short.text ?? long.text,
      redirect: long.redirect ?? short.redirect
    ) { written, reading in
      let isShort = short.shape.alternatives.contains { $0.hasForm(of: written) }
      // Nothing written asks for what a table begins with.
      return isShort && !(written.isNull && long.shape.standsAlone)
        ? short.read(written, reading) : long.read(written, reading)
    }
  }
}

extension Form where Value == Written {
  /// As it stands, for what can be read only when more is known.
  package static func raw(_ shape: Shape) -> Form { Form(shape: shape) { written, _ in written } }
}

/// A value and what it is called.
public struct Named<Value> {
  public var name: String
  public var value: Value
  package var entry: Written.Entry

  public var mark: Mark { entry.keyMark }
}

extension Named: Sendable where Value: Sendable {}
