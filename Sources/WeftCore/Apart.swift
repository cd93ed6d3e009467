/// A value that lies apart from what has it, which most don't: those without it pay for no more than a reference. A value like
/// any other: a copy shares it until one of the two changes.
public struct Apart<Value: Codable>: Codable {
  @usableFromInline
  final class Box {
    @usableFromInline var value: Value
    @usableFromInline init(_ value: Value) { self.value = value }
  }

  @usableFromInline var box: Box

  @inlinable public init(_ value: Value) { box = Box(value) }

  @inlinable public var value: Value {
    @inline(__always) _read { yield box.value }
    @inline(__always) _modify {
      if !isKnownUniquelyReferenced(&box) { box = Box(box.value) }
      yield &box.value
    }
  }

  public init(from decoder: any Decoder) throws { self.init(try Value(from: decoder)) }
  public func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}

// Nobody changes a box that anybody else has.
extension Apart: @unchecked Sendable where Value: Sendable {}
