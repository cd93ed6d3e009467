/// A value of which most owners have none: it lies apart, so that those without it are small. A value like any other.
public struct Apart<Value: Sendable & Codable>: Sendable, Codable {
  private indirect enum Box: Sendable { case value(Value) }

  private var box: Box

  public init(_ value: Value) { box = .value(value) }

  public var value: Value {
    get {
      switch box {
      case .value(let value): value
      }
    }
    set { box = .value(newValue) }
  }

  public func encode(to encoder: any Encoder) throws { try value.encode(to: encoder) }
  public init(from decoder: any Decoder) throws { self.init(try Value(from: decoder)) }
}
