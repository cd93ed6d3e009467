/// A value that lies apart from what has it, which most don't: those without it pay for no more than a reference. A value like
/// any other: a copy shares it until one of the two changes.
public struct Apart<Value: Codable>: Codable {
  /// Behind a pointer: what is asked of the value is read where it lies, without a copy of it or a check of who else does so.
  @usableFromInline
  final class Box {
    @usableFromInline let place: UnsafeMutablePointer<Value>

    @usableFromInline init(_ value: Value) {
      place = .allocate(capacity: 1)
      place.initialize(to: value)
    }

    deinit {
      place.deinitialize(count: 1)
      place.deallocate()
    }
  }

  @usableFromInline var box: Box

  @inlinable public init(_ value: Value) { box = Box(value) }

  @inlinable public var value: Value {
    @inline(__always) unsafeAddress { UnsafePointer(box.place) }
    @inline(__always) unsafeMutableAddress {
      if !isKnownUniquelyReferenced(&box) { box = Box(box.place.pointee) }
      return box.place
    }
  }

  public init(from decoder: any Decoder) throws { self.init(try Value(from: decoder)) }
  public func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}

/// Whoever looks into it sees the value.
extension Apart: CustomReflectable {
  public var customMirror: Mirror { Mirror(self, children: ["value": value]) }
}

// Nobody changes a box that anybody else has.
extension Apart: @unchecked Sendable where Value: Sendable {}
