/// The number of an entry in a table: good as long as the entry is in it.
protocol TableID: BitwiseCopyable, Hashable {
  var index: Int { get }
  init(_ index: Int)
}

struct SessionID: TableID {
  private let number: UInt32
  @inline(__always) init(_ index: Int) { number = UInt32(truncatingIfNeeded: index) }
  @inline(__always) var index: Int { Int(number) }
}

struct MappingID: TableID {
  private let number: UInt32
  @inline(__always) init(_ index: Int) { number = UInt32(truncatingIfNeeded: index) }
  @inline(__always) var index: Int { Int(number) }
}

/// An id or none in four bytes, for entries and decisions to keep.
struct Packed<ID: TableID>: BitwiseCopyable, Hashable {
  private let raw: UInt32

  static var none: Self { Self(nil) }

  @inline(__always)
  init(_ id: ID?) { raw = id.map { UInt32(truncatingIfNeeded: $0.index) } ?? .max }

  @inline(__always)
  var id: ID? { raw == .max ? nil : ID(Int(raw)) }
}

/// What a tuple finds: a session, and which of its directions the tuple is.
struct Hit: BitwiseCopyable {
  var session: SessionID
  var direction: Direction
}
