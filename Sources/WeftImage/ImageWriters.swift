struct RecordWriter<Key: CodingKey>: KeyedEncodingContainerProtocol {
  let encoder: ImageEncoder
  let depth: Int
  var codingPath: [any CodingKey] { [] }

  @inline(__always)
  private func field(_ key: Key, _ body: () throws -> Kind) rethrows {
    let field = encoder.beginField(key.stringValue, depth: depth)
    encoder.endField(field, try body())
  }

  mutating func encodeNil(forKey key: Key) { field(key) { .nothing } }
  mutating func encode(_ value: Bool, forKey key: Key) { field(key) { encoder.write(value) } }
  mutating func encode(_ value: String, forKey key: Key) { field(key) { encoder.write(value) } }
  mutating func encode(_ value: Double, forKey key: Key) { field(key) { encoder.write(value) } }
  mutating func encode(_ value: Float, forKey key: Key) { field(key) { encoder.write(value) } }
  mutating func encode(_ value: Int, forKey key: Key) { field(key) { encoder.write(integer: Int64(value)) } }
  mutating func encode(_ value: Int8, forKey key: Key) { field(key) { encoder.write(integer: Int64(value)) } }
  mutating func encode(_ value: Int16, forKey key: Key) { field(key) { encoder.write(integer: Int64(value)) } }
  mutating func encode(_ value: Int32, forKey key: Key) { field(key) { encoder.write(integer: Int64(value)) } }
  mutating func encode(_ value: Int64, forKey key: Key) { field(key) { encoder.write(integer: value) } }
  mutating func encode(_ value: UInt, forKey key: Key) { field(key) { encoder.write(natural: UInt64(value)) } }
  mutating func encode(_ value: UInt8, forKey key: Key) { field(key) { encoder.write(natural: UInt64(value)) } }
  mutating func encode(_ value: UInt16, forKey key: Key) { field(key) { encoder.write(natural: UInt64(value)) } }
  mutating func encode(_ value: UInt32, forKey key: Key) { field(key) { encoder.write(natural: UInt64(value)) } }
  mutating func encode(_ value: UInt64, forKey key: Key) { field(key) { encoder.write(natural: value) } }
  mutating func encode<T: Encodable>(_ value: T, forKey key: Key) throws { try field(key) { try encoder.write(value) } }

  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy: Nested.Type, forKey key: Key
  ) -> KeyedEncodingContainer<Nested> {
    let memory = encoder.memory(Nested.self)
    let field = encoder.beginField(key.stringValue, depth: depth)
    let inner = encoder.open(memory.isDictionary ? .dictionary : .record, keys: memory, parent: .field(field))
    return KeyedEncodingContainer(RecordWriter<Nested>(encoder: encoder, depth: inner))
  }

  mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
    let field = encoder.beginField(key.stringValue, depth: depth)
    return ListWriter(encoder: encoder, depth: encoder.open(.list, keys: nil, parent: .field(field)))
  }

  // For classes that inherit from classes, of which a value has none.
  mutating func superEncoder() -> any Encoder { encoder }
  mutating func superEncoder(forKey key: Key) -> any Encoder { encoder }
}

struct ListWriter: UnkeyedEncodingContainer {
  let encoder: ImageEncoder
  let depth: Int
  var codingPath: [any CodingKey] { [] }
  var count: Int { depth <= encoder.stack.count ? Int(encoder.stack[depth - 1].count) : 0 }

  @inline(__always)
  private func element(_ body: () throws -> Kind) rethrows {
    let place = encoder.beginElement(depth: depth)
    encoder.endElement(place, try body())
  }

  mutating func encodeNil() { element { .nothing } }
  mutating func encode(_ value: Bool) { element { encoder.write(value) } }
  mutating func encode(_ value: String) { element { encoder.write(value) } }
  mutating func encode(_ value: Double) { element { encoder.write(value) } }
  mutating func encode(_ value: Float) { element { encoder.write(value) } }
  mutating func encode(_ value: Int) { element { encoder.write(integer: Int64(value)) } }
  mutating func encode(_ value: Int8) { element { encoder.write(integer: Int64(value)) } }
  mutating func encode(_ value: Int16) { element { encoder.write(integer: Int64(value)) } }
  mutating func encode(_ value: Int32) { element { encoder.write(integer: Int64(value)) } }
  mutating func encode(_ value: Int64) { element { encoder.write(integer: value) } }
  mutating func encode(_ value: UInt) { element { encoder.write(natural: UInt64(value)) } }
  mutating func encode(_ value: UInt8) { element { encoder.write(natural: UInt64(value)) } }
  mutating func encode(_ value: UInt16) { element { encoder.write(natural: UInt64(value)) } }
  mutating func encode(_ value: UInt32) { element { encoder.write(natural: UInt64(value)) } }
  mutating func encode(_ value: UInt64) { element { encoder.write(natural: value) } }
  mutating func encode<T: Encodable>(_ value: T) throws { try element { try encoder.write(value) } }

  mutating func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type) -> KeyedEncodingContainer<Nested> {
    let memory = encoder.memory(Nested.self)
    let place = encoder.beginElement(depth: depth)
    let inner = encoder.open(memory.isDictionary ? .dictionary : .record, keys: memory, parent: .element(place))
    return KeyedEncodingContainer(RecordWriter<Nested>(encoder: encoder, depth: inner))
  }

  mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer {
    let place = encoder.beginElement(depth: depth)
    return ListWriter(encoder: encoder, depth: encoder.open(.list, keys: nil, parent: .element(place)))
  }

  mutating func superEncoder() -> any Encoder { encoder }
}

struct ValueWriter: SingleValueEncodingContainer {
  let encoder: ImageEncoder
  var codingPath: [any CodingKey] { [] }

  mutating func encodeNil() { encoder.note(.nothing) }
  mutating func encode(_ value: Bool) { encoder.note(encoder.write(value)) }
  mutating func encode(_ value: String) { encoder.note(encoder.write(value)) }
  mutating func encode(_ value: Double) { encoder.note(encoder.write(value)) }
  mutating func encode(_ value: Float) { encoder.note(encoder.write(value)) }
  mutating func encode(_ value: Int) { encoder.note(encoder.write(integer: Int64(value))) }
  mutating func encode(_ value: Int8) { encoder.note(encoder.write(integer: Int64(value))) }
  mutating func encode(_ value: Int16) { encoder.note(encoder.write(integer: Int64(value))) }
  mutating func encode(_ value: Int32) { encoder.note(encoder.write(integer: Int64(value))) }
  mutating func encode(_ value: Int64) { encoder.note(encoder.write(integer: value)) }
  mutating func encode(_ value: UInt) { encoder.note(encoder.write(natural: UInt64(value))) }
  mutating func encode(_ value: UInt8) { encoder.note(encoder.write(natural: UInt64(value))) }
  mutating func encode(_ value: UInt16) { encoder.note(encoder.write(natural: UInt64(value))) }
  mutating func encode(_ value: UInt32) { encoder.note(encoder.write(natural: UInt64(value))) }
  mutating func encode(_ value: UInt64) { encoder.note(encoder.write(natural: value)) }
  mutating func encode<T: Encodable>(_ value: T) throws { encoder.note(try encoder.write(value)) }
}
