import WeftWire

/// A set that is coded in order: the same state gives the same checkpoint.
@propertyWrapper
public struct InOrder<Element: Hashable & Comparable & Codable & Sendable>: Codable, Sendable {
  public var wrappedValue: Set<Element>

  public init(wrappedValue: Set<Element>) { self.wrappedValue = wrappedValue }
  public init(from decoder: any Decoder) throws { wrappedValue = Set(try [Element](from: decoder)) }
  public func encode(to encoder: any Encoder) throws { try wrappedValue.sorted().encode(to: encoder) }
}

// As keys of dictionaries they are text, which an encoder can put in order.

extension MACAddress: CodingKeyRepresentable {
  public var codingKey: any CodingKey { description.codingKey }
  public init?<T: CodingKey>(codingKey: T) { self.init(codingKey.stringValue) }
}

extension IPv4Address: CodingKeyRepresentable {
  public var codingKey: any CodingKey { description.codingKey }
  public init?<T: CodingKey>(codingKey: T) { self.init(codingKey.stringValue) }
}
