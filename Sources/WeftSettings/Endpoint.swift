import WeftWire

/// A node named in the file, or an address.
public enum Destination: Sendable, Codable, Hashable {
  case node(String)
  case address(IPv4Address)

  /// Before a file or a program has said which.
  public static let unset = Destination.node("")
}

public enum TransportProtocol: String, Sendable, Codable, CaseIterable {
  case tcp
  case udp
}

/// `visitor:80`, `10.0.0.1:53/udp`.
public struct Endpoint: Sendable, Codable, Hashable {
  public var to: Destination
  public var port: UInt16
  public var transport: TransportProtocol

  public init(_ to: Destination, port: UInt16, _ transport: TransportProtocol = .tcp) {
    self.to = to
    self.port = port
    self.transport = transport
  }

  /// Before a file or a program has said which.
  public static let unset = Endpoint(.unset, port: 0)
}

/// `http://visitor:8080/path`.
public struct HTTPAddress: Sendable, Codable, Hashable {
  public var to: Destination
  public var port: UInt16
  public var path: String

  public init(_ to: Destination, port: UInt16, path: String) {
    self.to = to
    self.port = port
    self.path = path
  }
}
