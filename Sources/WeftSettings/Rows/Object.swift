/// Where the keys of an object stand that a table has read: beside the value, which knows nothing of files.
public struct Object<Root: Sendable>: Sendable {
  package let written: Written
  package let table: KeyTable<Root>

  package init(_ written: Written, _ table: KeyTable<Root>) {
    self.written = written
    self.table = table
  }

  /// The key that sets a property, if it stands there with a value.
  package subscript(path: PartialKeyPath<Root>) -> Written.Entry? {
    guard let entries = written.entries else { return nil }
    for field in table.fields where field.path.value == path {
      if let entry = entries.first(where: { $0.key == field.key.name && !$0.value.isNull }) { return entry }
    }
    return nil
  }

  /// Its value.
  package func place(_ path: PartialKeyPath<Root>) -> Written? { self[path]?.value }

  /// The same, be it without a value.
  package func entry(_ path: PartialKeyPath<Root>) -> Written.Entry? {
    let name = table.name(path)
    return written.entries?.first { $0.key == name }
  }

  package func bare(_ path: PartialKeyPath<Root>) -> Written? { entry(path)?.value }

  /// The keys under one of its keys.
  package func inside<Inner>(_ path: KeyPath<Root, Inner>, _ table: KeyTable<Inner>) -> Object<Inner> {
    Object<Inner>(place(path) ?? Written(kind: .map([]), mark: written.mark), table)
  }
}

/// A value and where its keys stand.
public struct Placed<Root: Sendable>: Sendable {
  public var value: Root
  package var object: Object<Root>

  package init(_ value: Root, _ object: Object<Root>) {
    self.value = value
    self.object = object
  }

  package subscript(path: PartialKeyPath<Root>) -> Written.Entry? { object[path] }
  package func place(_ path: PartialKeyPath<Root>) -> Written? { object[path]?.value }
  package var written: Written { object.written }
}

/// What a table's check says of an object of the file.
public struct Mistakes<Root: Sendable> {
  package let object: Object<Root>
  package let reading: any Reading

  package init(object: Object<Root>, reading: any Reading) { (self.object, self.reading) = (object, reading) }

  /// Whether the key that sets it stands there.
  public func has(_ path: PartialKeyPath<Root>) -> Bool { object[path] != nil }

  /// A mistake at the value of a key, or at the whole object.
  public func report(_ message: String, at path: PartialKeyPath<Root>? = nil, hint: String? = nil) {
    let place = path.flatMap { object.place($0) } ?? object.written
    reading.report(Complaint(message, hint: hint), at: place)
  }

  /// The same of the keys under one of its keys.
  public func inside<Inner>(_ path: KeyPath<Root, Inner>, _ table: KeyTable<Inner>) -> Mistakes<Inner> {
    Mistakes<Inner>(object: object.inside(path, table), reading: reading)
  }

  /// A key by its name.
  public func name(_ path: PartialKeyPath<Root>) -> String {
    object.table.fields.first { $0.path.value == path }?.key.name ?? ""
  }

  /// A mistake at a key by its name, if it stands there.
  public func report(_ message: String, atKey path: PartialKeyPath<Root>, hint: String? = nil) {
    if let entry = object[path] { reading.report(Complaint(message, hint: hint), atKey: entry) }
  }

  /// Nothing that is wrong, but seldom what was meant.
  public func warn(_ message: String, at path: PartialKeyPath<Root>? = nil, hint: String? = nil) {
    let place = path.flatMap { object.place($0) } ?? object.written
    reading.warn(Complaint(message, hint: hint), at: place)
  }
}
