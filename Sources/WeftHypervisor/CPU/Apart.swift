/// A value that lies apart from what has it, which most don't: a machine on a host without cpus pays for no more than a
/// reference. A copy shares it until one of the two changes.
public struct Apart<Value: Codable>: Codable {
  private final class Box {
    var value: Value
    init(_ value: Value) { self.value = value }
  }

  private var box: Box

  public init(_ value: Value) { box = Box(value) }

  public var value: Value {
    @inline(__always) _read { yield box.value }
    @inline(__always) _modify {
      if !isKnownUniquelyReferenced(&box) { box = Box(box.value) }
      yield &box.value
    }
  }

  public init(from decoder: any Decoder) throws { self.init(try Value(from: decoder)) }
  public func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
}
