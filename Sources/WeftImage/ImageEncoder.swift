/// Codes values compactly: a record's field names and kinds stand once in a table of shapes, its values one after the
/// other. Whatever is `Encodable` goes in; arrays of unsigned numbers go in as they lie in memory.
///
/// The same values give the same bytes: dictionaries with text or numbers as keys are put in order.
public final class ImageEncoder: Encoder {
  /// What is being written; what stands above it in the stack is part of it.
  struct Open {
    enum Form { case record, dictionary, list }
    /// Who learns what kind it is as it is closed: its caller, a field, an element's place.
    enum Parent {
      case caller
      case field(Int)
      case element(Int)
    }
    var form: Form
    /// Where its head begins.
    var start: Int
    /// Its first field, in `fields`.
    var firstField: Int
    var parent: Parent
    var count: UInt32 = 0
    var keys: KeyMemory?
  }

  /// What the last record with the same coding keys looked like: the next looks like it, nearly always.
  final class KeyMemory {
    let isDictionary: Bool
    var last: Shape?
    init(isDictionary: Bool) { self.isDictionary = isDictionary }
  }

  public let codingPath: [any CodingKey] = []
  public let userInfo: [CodingUserInfoKey: Any] = [:]
  let out: ByteWriter
  private(set) var stack: [Open] = []
  /// Of all open records: key number × 256 + kind.
  private var fields: [UInt32] = []
  /// Where each begins.
  private var starts: [Int] = []
  /// What the value written last was; nil while one is being written and has said nothing.
  private var written: Kind?
  private var keyNumbers: [String: UInt32] = [:]
  private var keyNames: [String] = []
  private var memories: [ObjectIdentifier: KeyMemory] = [:]
  private var dictionaries: [ObjectIdentifier: Bool] = [:]
  private var shapes: [Shape] = []
  private var shapeOfFields: [[UInt32]: Shape] = [:]

  public init(capacity: Int = 1 << 16) { out = ByteWriter(capacity: capacity) }

  /// The bytes of one value: its kind, then itself.
  public func encode<T: Encodable>(_ value: T) throws -> [UInt8] {
    out.truncate(to: 0)
    out.append(0 as UInt8)
    let kind = try write(value)
    out.put(kind.rawValue, at: 0)
    return out.array
  }

  /// The shapes of all records so far: what `ImageDecoder` needs first.
  public var shapeTable: [UInt8] {
    let table = ByteWriter()
    table.appendCompact(UInt64(shapes.count))
    for shape in shapes {
      table.appendCompact(UInt64(shape.keys.count))
      for (key, kind) in zip(shape.keys, shape.kinds) {
        table.append(key)
        table.append(kind.rawValue)
      }
    }
    return table.array
  }

  // MARK: Values

  func write<T: Encodable>(_ value: T) throws -> Kind {
    if T.self == [UInt8].self { return words(value as? [UInt8] ?? [], .bytes) }
    if T.self == [UInt64].self { return words(value as? [UInt64] ?? [], .longs) }
    if T.self == [UInt32].self { return words(value as? [UInt32] ?? [], .words) }
    if T.self == [UInt16].self { return words(value as? [UInt16] ?? [], .halves) }
    let depth = stack.count
    written = nil
    if isDictionary(T.self), let entries = (value as? any TextKeyed)?.entries {
      let map = open(.dictionary, keys: nil)
      for (key, value) in entries { endField(beginField(key, depth: map), try write(value)) }
    } else {
      try value.encode(to: self)
    }
    close(to: depth)
    guard let written else { return emptyRecord() }
    return written
  }

  /// Asked once of each type.
  private func isDictionary<T>(_: T.Type) -> Bool {
    if let known = dictionaries[ObjectIdentifier(T.self)] { return known }
    let isOne = T.self is any TextKeyed.Type
    dictionaries[ObjectIdentifier(T.self)] = isOne
    return isOne
  }

  private func words<T: FixedWidthInteger & BitwiseCopyable>(_ words: [T], _ kind: Kind) -> Kind {
    if words.isEmpty { return .emptyList }
    out.append(words: words)
    return kind
  }

  /// A value that had nothing to say.
  private func emptyRecord() -> Kind {
    open(.record, keys: nil)
    close(to: stack.count - 1)
    return written ?? .nothing
  }

  func write(_ value: Bool) -> Kind {
    out.append(value ? 1 : 0 as UInt8)
    return .bool
  }

  func write(natural value: UInt64) -> Kind {
    out.appendCompact(value)
    return .natural
  }

  func write(integer value: Int64) -> Kind {
    out.appendCompact(UInt64(bitPattern: value << 1 ^ value >> 63))
    return .integer
  }

  func write(_ value: Float) -> Kind {
    out.append(value.bitPattern)
    return .float
  }

  func write(_ value: Double) -> Kind {
    out.append(value.bitPattern)
    return .double
  }

  func write(_ value: String) -> Kind {
    out.append(value)
    return .text
  }

  /// A value of its own that isn't part of a container.
  func note(_ kind: Kind) { written = kind }

  // MARK: Containers

  /// Returns its depth: what is written there closes all that stands above.
  @discardableResult
  func open(_ form: Open.Form, keys: KeyMemory?, parent: Open.Parent = .caller) -> Int {
    stack.append(
      Open(form: form, start: out.count, firstField: fields.count, parent: parent, keys: keys))
    switch form {
    case .record:
      out.append(0 as UInt16)
      out.append(0 as UInt32)
    case .dictionary: break
    case .list: out.append(0 as UInt64)
    }
    return stack.count
  }

  func memory<Key: CodingKey>(_: Key.Type) -> KeyMemory {
    if let known = memories[ObjectIdentifier(Key.self)] { return known }
    // Of the standard library's own keys: a dictionary's names are its content.
    let memory = KeyMemory(isDictionary: String(describing: Key.self) == "_DictionaryCodingKey")
    memories[ObjectIdentifier(Key.self)] = memory
    return memory
  }

  /// Begins a field of the record at `depth`; its kind is noted once it is known.
  func beginField(_ key: String, depth: Int) -> Int {
    close(to: depth)
    let open = stack[depth - 1]
    let place = fields.count - open.firstField
    if let last = open.keys?.last, place < last.keys.count, last.keys[place] == key {
      fields.append(last.fields[place] & ~255)
    } else {
      fields.append(number(of: key) << 8)
    }
    starts.append(out.count)
    return fields.count - 1
  }

  func endField(_ field: Int, _ kind: Kind) { fields[field] |= UInt32(kind.rawValue) }

  private func number(of key: String) -> UInt32 {
    if let known = keyNumbers[key] { return known }
    let number = UInt32(keyNames.count)
    keyNumbers[key] = number
    keyNames.append(key)
    return number
  }

  /// Begins an element of the list at `depth`; returns where its kind is to be put.
  func beginElement(depth: Int) -> Int {
    close(to: depth)
    stack[depth - 1].count &+= 1
    out.append(0 as UInt8)
    return out.count - 1
  }

  func endElement(_ place: Int, _ kind: Kind) { out.put(kind.rawValue, at: place) }

  func close(to depth: Int) {
    while stack.count > depth {
      let open = stack.removeLast()
      let kind: Kind
      switch open.form {
      case .record: kind = closeRecord(open)
      case .dictionary: kind = closeMap(open)
      case .list: kind = closeList(open)
      }
      fields.removeLast(fields.count - open.firstField)
      starts.removeLast(starts.count - open.firstField)
      switch open.parent {
      case .caller: break
      case .field(let field): endField(field, kind)
      case .element(let place): endElement(place, kind)
      }
      written = kind
    }
  }

  private func closeRecord(_ open: Open) -> Kind {
    guard let shape = shape(open) else {
      // More kinds of records than there are numbers: this one says its own names.
      out.moveUp(from: open.start, by: 6)
      for place in open.firstField..<starts.count { starts[place] -= 6 }
      return closeMap(open)
    }
    open.keys?.last = shape
    out.put(shape.number, at: open.start)
    out.put(UInt32(truncatingIfNeeded: out.count - open.start - 6), at: open.start + 2)
    return .record
  }

  private func shape(_ open: Open) -> Shape? {
    let own = fields[open.firstField...]
    if let last = open.keys?.last, last.fields.count == own.count, last.fields.elementsEqual(own) { return last }
    let fields = Array(own)
    if let known = shapeOfFields[fields] { return known }
    guard shapes.count < Int(UInt16.max) else { return nil }
    let shape = Shape(
      number: UInt16(shapes.count), keys: fields.map { keyNames[Int($0 >> 8)] },
      kinds: fields.map { Kind(rawValue: UInt8(truncatingIfNeeded: $0)) ?? .nothing }, fields: fields)
    shapes.append(shape)
    shapeOfFields[fields] = shape
    return shape
  }

  private func closeMap(_ open: Open) -> Kind {
    var entries: [(key: String, kind: UInt8, bytes: [UInt8])] = []
    for field in open.firstField..<fields.count {
      let end = field + 1 < fields.count ? starts[field + 1] : out.count
      entries.append(
        (
          keyNames[Int(fields[field] >> 8)], UInt8(truncatingIfNeeded: fields[field]),
          Array(out.bytes[starts[field]..<end])
        ))
    }
    entries.sort { $0.key < $1.key }
    out.truncate(to: open.start)
    out.append(0 as UInt32)
    out.appendCompact(UInt64(entries.count))
    for entry in entries {
      out.append(entry.key)
      out.append(entry.kind)
      entry.bytes.withUnsafeBytes { out.append($0) }
    }
    out.put(UInt32(truncatingIfNeeded: out.count - open.start - 4), at: open.start)
    return .map
  }

  private func closeList(_ open: Open) -> Kind {
    guard open.count > 0 else {
      out.truncate(to: open.start)
      return .emptyList
    }
    out.put(UInt32(truncatingIfNeeded: out.count - open.start - 8), at: open.start)
    out.put(open.count, at: open.start + 4)
    return .list
  }

  // MARK: Encoder

  public func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedEncodingContainer<Key> {
    let memory = memory(Key.self)
    let depth = open(memory.isDictionary ? .dictionary : .record, keys: memory)
    return KeyedEncodingContainer(RecordWriter<Key>(encoder: self, depth: depth))
  }

  public func unkeyedContainer() -> any UnkeyedEncodingContainer {
    ListWriter(encoder: self, depth: open(.list, keys: nil))
  }

  public func singleValueContainer() -> any SingleValueEncodingContainer { ValueWriter(encoder: self) }
}

/// A dictionary goes in by its keys' order: its own is another each time, and would show in the order in which shapes
/// are first seen.
private protocol TextKeyed {
  /// Nil where keys are no text.
  var entries: [(key: String, value: any Encodable)]? { get }
}

extension Dictionary: TextKeyed {
  fileprivate var entries: [(key: String, value: any Encodable)]? {
    var entries: [(key: String, value: any Encodable)] = []
    entries.reserveCapacity(count)
    for (key, value) in self {
      guard let value = value as? any Encodable else { return nil }
      switch key {
      case let key as String: entries.append((key, value))
      case let key as Int: entries.append((String(key), value))
      case let key as any CodingKeyRepresentable: entries.append((key.codingKey.stringValue, value))
      default: return nil
      }
    }
    return entries.sorted { $0.key < $1.key }
  }
}

extension ByteWriter {
  /// Takes `distance` bytes out at `place`.
  func moveUp(from place: Int, by distance: Int) {
    (base + place).copyMemory(from: base + place + distance, byteCount: count - place - distance)
    truncate(to: count - distance)
  }
}
