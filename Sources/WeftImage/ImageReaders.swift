struct RecordReader<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let decoder: ImageDecoder
  let cursor: RecordCursor
  var codingPath: [any CodingKey] { [] }
  var allKeys: [Key] { cursor.shape.keys.compactMap { Key(stringValue: $0) } }

  func contains(_ key: Key) -> Bool { cursor.contains(key.stringValue) }
  func decodeNil(forKey key: Key) throws -> Bool { try cursor.find(key.stringValue).kind == .nothing }
  func decode(_: Bool.Type, forKey key: Key) throws -> Bool { try decoder.bool(cursor.find(key.stringValue)) }
  func decode(_: String.Type, forKey key: Key) throws -> String { try decoder.string(cursor.find(key.stringValue)) }
  func decode(_: Double.Type, forKey key: Key) throws -> Double { try decoder.double(cursor.find(key.stringValue)) }
  func decode(_: Float.Type, forKey key: Key) throws -> Float { try decoder.float(cursor.find(key.stringValue)) }
  func decode(_: Int.Type, forKey key: Key) throws -> Int { try decoder.integer(Int.self, cursor.find(key.stringValue)) }
  func decode(_: Int8.Type, forKey key: Key) throws -> Int8 { try decoder.integer(Int8.self, cursor.find(key.stringValue)) }
  func decode(_: Int16.Type, forKey key: Key) throws -> Int16 { try decoder.integer(Int16.self, cursor.find(key.stringValue)) }
  func decode(_: Int32.Type, forKey key: Key) throws -> Int32 { try decoder.integer(Int32.self, cursor.find(key.stringValue)) }
  func decode(_: Int64.Type, forKey key: Key) throws -> Int64 { try decoder.integer(Int64.self, cursor.find(key.stringValue)) }
  func decode(_: UInt.Type, forKey key: Key) throws -> UInt { try decoder.integer(UInt.self, cursor.find(key.stringValue)) }
  func decode(_: UInt8.Type, forKey key: Key) throws -> UInt8 { try decoder.integer(UInt8.self, cursor.find(key.stringValue)) }
  func decode(_: UInt16.Type, forKey key: Key) throws -> UInt16 { try decoder.integer(UInt16.self, cursor.find(key.stringValue)) }
  func decode(_: UInt32.Type, forKey key: Key) throws -> UInt32 { try decoder.integer(UInt32.self, cursor.find(key.stringValue)) }
  func decode(_: UInt64.Type, forKey key: Key) throws -> UInt64 { try decoder.integer(UInt64.self, cursor.find(key.stringValue)) }
  func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T {
    try decoder.read(type, cursor.find(key.stringValue))
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    let cursor = try decoder.record(cursor.find(key.stringValue))
    return KeyedDecodingContainer(RecordReader<Nested>(decoder: decoder, cursor: cursor))
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try decoder.list(cursor.find(key.stringValue))
  }

  // For classes that inherit from classes, of which a value has none.
  func superDecoder() throws -> any Decoder { throw decoder.corrupted("no superclass") }
  func superDecoder(forKey key: Key) throws -> any Decoder { throw decoder.corrupted("no superclass") }
}

struct ListReader: UnkeyedDecodingContainer {
  let decoder: ImageDecoder
  let length: Int
  private var at: Int
  private let end: Int
  private(set) var currentIndex = 0
  var codingPath: [any CodingKey] { [] }
  var count: Int? { length }
  var isAtEnd: Bool { currentIndex >= length }

  init(decoder: ImageDecoder, length: Int, at: Int, end: Int) {
    self.decoder = decoder
    self.length = length
    self.at = at
    self.end = end
  }

  private mutating func next() throws -> ImageDecoder.Place {
    guard !isAtEnd else { throw decoder.corrupted("a list that is too short") }
    let place = (try decoder.kind(at: at), at + 1)
    at = try decoder.end(of: place.0, at: at + 1)
    guard at <= end else { throw decoder.corrupted("a list's length") }
    currentIndex += 1
    return place
  }

  mutating func decodeNil() throws -> Bool {
    guard !isAtEnd, try decoder.kind(at: at) == .nothing else { return false }
    _ = try next()
    return true
  }

  mutating func decode(_: Bool.Type) throws -> Bool { try decoder.bool(next()) }
  mutating func decode(_: String.Type) throws -> String { try decoder.string(next()) }
  mutating func decode(_: Double.Type) throws -> Double { try decoder.double(next()) }
  mutating func decode(_: Float.Type) throws -> Float { try decoder.float(next()) }
  mutating func decode(_: Int.Type) throws -> Int { try decoder.integer(Int.self, next()) }
  mutating func decode(_: Int8.Type) throws -> Int8 { try decoder.integer(Int8.self, next()) }
  mutating func decode(_: Int16.Type) throws -> Int16 { try decoder.integer(Int16.self, next()) }
  mutating func decode(_: Int32.Type) throws -> Int32 { try decoder.integer(Int32.self, next()) }
  mutating func decode(_: Int64.Type) throws -> Int64 { try decoder.integer(Int64.self, next()) }
  mutating func decode(_: UInt.Type) throws -> UInt { try decoder.integer(UInt.self, next()) }
  mutating func decode(_: UInt8.Type) throws -> UInt8 { try decoder.integer(UInt8.self, next()) }
  mutating func decode(_: UInt16.Type) throws -> UInt16 { try decoder.integer(UInt16.self, next()) }
  mutating func decode(_: UInt32.Type) throws -> UInt32 { try decoder.integer(UInt32.self, next()) }
  mutating func decode(_: UInt64.Type) throws -> UInt64 { try decoder.integer(UInt64.self, next()) }
  mutating func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.read(type, next()) }

  mutating func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type) throws -> KeyedDecodingContainer<Nested> {
    KeyedDecodingContainer(RecordReader<Nested>(decoder: decoder, cursor: try decoder.record(next())))
  }

  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try decoder.list(next()) }
  mutating func superDecoder() throws -> any Decoder { throw decoder.corrupted("no superclass") }
}

struct ValueReader: SingleValueDecodingContainer {
  let decoder: ImageDecoder
  let place: ImageDecoder.Place
  var codingPath: [any CodingKey] { [] }

  func decodeNil() -> Bool { place.kind == .nothing }
  func decode(_: Bool.Type) throws -> Bool { try decoder.bool(place) }
  func decode(_: String.Type) throws -> String { try decoder.string(place) }
  func decode(_: Double.Type) throws -> Double { try decoder.double(place) }
  func decode(_: Float.Type) throws -> Float { try decoder.float(place) }
  func decode(_: Int.Type) throws -> Int { try decoder.integer(Int.self, place) }
  func decode(_: Int8.Type) throws -> Int8 { try decoder.integer(Int8.self, place) }
  func decode(_: Int16.Type) throws -> Int16 { try decoder.integer(Int16.self, place) }
  func decode(_: Int32.Type) throws -> Int32 { try decoder.integer(Int32.self, place) }
  func decode(_: Int64.Type) throws -> Int64 { try decoder.integer(Int64.self, place) }
  func decode(_: UInt.Type) throws -> UInt { try decoder.integer(UInt.self, place) }
  func decode(_: UInt8.Type) throws -> UInt8 { try decoder.integer(UInt8.self, place) }
  func decode(_: UInt16.Type) throws -> UInt16 { try decoder.integer(UInt16.self, place) }
  func decode(_: UInt32.Type) throws -> UInt32 { try decoder.integer(UInt32.self, place) }
  func decode(_: UInt64.Type) throws -> UInt64 { try decoder.integer(UInt64.self, place) }
  func decode<T: Decodable>(_ type: T.Type) throws -> T { try decoder.read(type, place) }
}
