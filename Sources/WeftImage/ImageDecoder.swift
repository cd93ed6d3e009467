/// Reads what `ImageEncoder` wrote. Bytes that say something else are an error: every length is held against what there
/// is before anything is made of it.
public final class ImageDecoder: Decoder {
  public let codingPath: [any CodingKey] = []
  public let userInfo: [CodingUserInfoKey: Any]
  private let shapes: [Shape]
  private(set) var bytes = UnsafeRawBufferPointer(start: nil, count: 0)
  /// The value that is being decoded.
  private var current: Place = (.nothing, 0)

  typealias Place = (kind: Kind, offset: Int)

  public init(shapeTable: [UInt8], userInfo: [CodingUserInfoKey: Any] = [:]) throws {
    self.userInfo = userInfo
    shapes = try Self.shapes(shapeTable)
  }

  /// One value as `ImageEncoder.encode` wrote it, and nothing behind it.
  public func decode<T: Decodable>(_ type: T.Type, from source: [UInt8]) throws -> T {
    try source.withUnsafeBytes { bytes in
      self.bytes = bytes
      defer { self.bytes = UnsafeRawBufferPointer(start: nil, count: 0) }
      let kind = try kind(at: 0)
      guard try end(of: kind, at: 1) == bytes.count else { throw corrupted("bytes behind a value") }
      return try read(type, (kind, 1))
    }
  }

  private static func shapes(_ table: [UInt8]) throws -> [Shape] {
    let reader = try ImageDecoder(shapes: [])
    return try table.withUnsafeBytes { bytes in
      reader.bytes = bytes
      defer { reader.bytes = UnsafeRawBufferPointer(start: nil, count: 0) }
      var at = 0
      var shapes: [Shape] = []
      let count = try reader.compact(&at)
      guard count <= Int(UInt16.max) else { throw reader.corrupted("too many shapes") }
      for number in 0..<count {
        var keys: [String] = []
        var kinds: [Kind] = []
        for _ in 0..<(try reader.compact(&at)) {
          keys.append(try reader.text(&at))
          kinds.append(try reader.kind(at: at))
          at += 1
        }
        shapes.append(Shape(number: UInt16(number), keys: keys, kinds: kinds))
      }
      guard at == bytes.count else { throw reader.corrupted("bytes behind the shapes") }
      return shapes
    }
  }

  private init(shapes: [Shape]) throws {
    self.shapes = shapes
    userInfo = [:]
  }

  // MARK: Bytes

  func corrupted(_ what: String) -> DecodingError {
    DecodingError.dataCorrupted(.init(codingPath: [], debugDescription: what))
  }

  @inline(__always)
  func need(_ count: Int, at offset: Int) throws {
    guard offset >= 0, count >= 0, offset <= bytes.count, count <= bytes.count - offset else { throw cut }
  }

  private var cut: DecodingError { corrupted("it ends in the middle of a value") }

  @inline(__always)
  func load<T: FixedWidthInteger & BitwiseCopyable>(_: T.Type, at offset: Int) throws -> T {
    try need(MemoryLayout<T>.size, at: offset)
    return T(littleEndian: bytes.loadUnaligned(fromByteOffset: offset, as: T.self))
  }

  func kind(at offset: Int) throws -> Kind {
    guard let kind = Kind(rawValue: try load(UInt8.self, at: offset)) else { throw corrupted("an unknown kind of value") }
    return kind
  }

  @inline(__always)
  func natural(_ at: inout Int) throws -> UInt64 {
    var value: UInt64 = 0
    var shift: UInt64 = 0
    while true {
      guard at < bytes.count else { throw cut }
      let byte = bytes[at]
      at &+= 1
      if shift == 63, byte > 1 { throw corrupted("a number of more than 64 bits") }
      value |= UInt64(byte & 0x7f) << shift
      if byte < 0x80 { return value }
      shift &+= 7
    }
  }

  /// A count or length: of what can't be more than the bytes there are.
  func compact(_ at: inout Int) throws -> Int {
    let value = try natural(&at)
    guard value <= UInt64(bytes.count - at) else { throw cut }
    return Int(value)
  }

  func text(_ at: inout Int) throws -> String {
    let count = try compact(&at)
    defer { at += count }
    return String(decoding: bytes[at..<at + count], as: UTF8.self)
  }

  /// Where the value that begins at `offset` ends.
  func end(of kind: Kind, at offset: Int) throws -> Int {
    var at = offset
    switch kind {
    case .nothing, .emptyList: return at
    case .bool: at += 1
    case .natural, .integer:
      while true {
        guard at < bytes.count else { throw cut }
        at += 1
        if bytes[at - 1] < 0x80 { return at }
      }
    case .float: at += 4
    case .double: at += 8
    case .text: at += try compact(&at)
    case .record: at += 6 + Int(try load(UInt32.self, at: at + 2))
    case .map: at += 4 + Int(try load(UInt32.self, at: at))
    case .list: at += 8 + Int(try load(UInt32.self, at: at))
    case .bytes, .halves, .words, .longs:
      let count = try compact(&at)
      at += count << (Int(kind.rawValue) - Int(Kind.bytes.rawValue))
    }
    guard at <= bytes.count else { throw cut }
    return at
  }

  // MARK: Values

  func read<T: Decodable>(_: T.Type, _ place: Place) throws -> T {
    if T.self == [UInt8].self, let value = try words(place, .bytes, UInt8.self) as? T { return value }
    if T.self == [UInt64].self, let value = try words(place, .longs, UInt64.self) as? T { return value }
    if T.self == [UInt32].self, let value = try words(place, .words, UInt32.self) as? T { return value }
    if T.self == [UInt16].self, let value = try words(place, .halves, UInt16.self) as? T { return value }
    let before = current
    current = place
    defer { current = before }
    return try T(from: self)
  }

  private func words<T: FixedWidthInteger & BitwiseCopyable>(_ place: Place, _ kind: Kind, _: T.Type) throws -> [T] {
    if place.kind == .emptyList { return [] }
    guard place.kind == kind else { throw mismatch(place.kind, "\([T].self)") }
    var at = place.offset
    let count = try compact(&at)
    try need(count * MemoryLayout<T>.size, at: at)
    return [T](unsafeUninitializedCapacity: count) { buffer, initialized in
      UnsafeMutableRawBufferPointer(buffer).copyMemory(
        from: UnsafeRawBufferPointer(rebasing: bytes[at..<at + count * MemoryLayout<T>.size]))
      initialized = count
    }
  }

  func mismatch(_ kind: Kind, _ wanted: String) -> DecodingError { corrupted("\(kind) where there should be \(wanted)") }

  @inline(__always)
  func integer<T: FixedWidthInteger>(_: T.Type, _ place: Place) throws -> T {
    var at = place.offset
    switch place.kind {
    case .natural:
      if let value = T(exactly: try natural(&at)) { return value }
    case .integer:
      let value = try natural(&at)
      if let value = T(exactly: Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)) { return value }
    default: throw mismatch(place.kind, "\(T.self)")
    }
    throw corrupted("a number that is no \(T.self)")
  }

  func bool(_ place: Place) throws -> Bool {
    guard place.kind == .bool else { throw mismatch(place.kind, "Bool") }
    return try load(UInt8.self, at: place.offset) != 0
  }

  func string(_ place: Place) throws -> String {
    guard place.kind == .text else { throw mismatch(place.kind, "String") }
    var at = place.offset
    return try text(&at)
  }

  func float(_ place: Place) throws -> Float {
    guard place.kind == .float else { throw mismatch(place.kind, "Float") }
    return Float(bitPattern: try load(UInt32.self, at: place.offset))
  }

  func double(_ place: Place) throws -> Double {
    guard place.kind == .double else { throw mismatch(place.kind, "Double") }
    return Double(bitPattern: try load(UInt64.self, at: place.offset))
  }

  func record(_ place: Place) throws -> RecordCursor {
    switch place.kind {
    case .record:
      let number = Int(try load(UInt16.self, at: place.offset))
      guard number < shapes.count else { throw corrupted("a record of an unknown shape") }
      return RecordCursor(
        self, shapes[number], start: place.offset + 6, end: try end(of: .record, at: place.offset))
    case .map:
      let end = try end(of: .map, at: place.offset)
      var at = place.offset + 4
      var keys: [String] = []
      var places: [Place] = []
      for _ in 0..<(try compact(&at)) {
        keys.append(try text(&at))
        let kind = try kind(at: at)
        places.append((kind, at + 1))
        at = try self.end(of: kind, at: at + 1)
      }
      guard at == end else { throw corrupted("a dictionary's length") }
      return RecordCursor(self, Shape(number: 0, keys: keys, kinds: places.map(\.kind)), places: places)
    default: throw mismatch(place.kind, "a record")
    }
  }

  func list(_ place: Place) throws -> ListReader {
    switch place.kind {
    case .emptyList: return ListReader(decoder: self, length: 0, at: place.offset, end: place.offset)
    case .list:
      let end = try end(of: .list, at: place.offset)
      let count = Int(try load(UInt32.self, at: place.offset + 4))
      // An element is at least its kind.
      guard count <= end - place.offset - 8 else { throw corrupted("a list's count") }
      return ListReader(decoder: self, length: count, at: place.offset + 8, end: end)
    default: throw mismatch(place.kind, "a list")
    }
  }

  // MARK: Decoder

  public func container<Key: CodingKey>(keyedBy: Key.Type) throws -> KeyedDecodingContainer<Key> {
    KeyedDecodingContainer(RecordReader<Key>(decoder: self, cursor: try record(current)))
  }

  public func unkeyedContainer() throws -> any UnkeyedDecodingContainer { try list(current) }

  public func singleValueContainer() throws -> any SingleValueDecodingContainer {
    ValueReader(decoder: self, place: current)
  }
}

/// Finds a record's fields, which are nearly always asked for in their order.
final class RecordCursor {
  let decoder: ImageDecoder
  let shape: Shape
  /// Of a dictionary; nil: to be walked to.
  private let places: [ImageDecoder.Place]?
  private let start: Int
  private let end: Int
  private var next = 0
  private var offset: Int
  /// Of the field before `next`: whether it is nil is asked before what it is.
  private var last: ImageDecoder.Place?

  init(_ decoder: ImageDecoder, _ shape: Shape, start: Int, end: Int) {
    self.decoder = decoder
    self.shape = shape
    self.start = start
    self.end = end
    places = nil
    offset = start
  }

  init(_ decoder: ImageDecoder, _ shape: Shape, places: [ImageDecoder.Place]) {
    self.decoder = decoder
    self.shape = shape
    self.places = places
    (start, end, offset) = (0, 0, 0)
  }

  func contains(_ key: String) -> Bool {
    next < shape.keys.count && shape.keys[next] == key || shape.place(of: key) != nil
  }

  func find(_ key: String) throws -> ImageDecoder.Place {
    if let last, next > 0, shape.keys[next - 1] == key { return last }
    var place = next
    if next >= shape.keys.count || shape.keys[next] != key {
      guard let known = shape.place(of: key) else { throw decoder.corrupted("no \(key)") }
      place = known
    }
    if let places {
      next = place + 1
      last = places[place]
      return places[place]
    }
    if place < next {
      next = 0
      offset = start
    }
    while next < place { try step() }
    let found = (shape.kinds[next], offset)
    try step()
    last = found
    return found
  }

  private func step() throws {
    offset = try decoder.end(of: shape.kinds[next], at: offset)
    guard offset <= end else { throw decoder.corrupted("a record's length") }
    next += 1
  }
}
