import WeftWire

/// Why a socket came to its end other than by both sides closing.
public enum SocketError: Codable, Hashable, Sendable {
  /// RST, or port unreachable, in answer to a SYN or a datagram.
  case refused
  case reset
  case unreachable(code: UInt8, from: IPv4Address?)
  case ttlExceeded(from: IPv4Address?)
  case timedOut
}

/// What happened to a socket since its owner was last told.
public struct SocketEvents: OptionSet, Codable, Sendable {
  public let rawValue: UInt8

  @inlinable
  public init(rawValue: UInt8) { self.rawValue = rawValue }

  @inlinable public static var connected: Self { Self(rawValue: 1) }
  @inlinable public static var readable: Self { Self(rawValue: 2) }
  /// There is room in the send buffer again, or all of it has been acknowledged.
  @inlinable public static var writable: Self { Self(rawValue: 4) }
  /// The other side sends no more.
  @inlinable public static var peerClosed: Self { Self(rawValue: 8) }
  /// The connection is no more; `error` says why, none if both sides closed.
  @inlinable public static var closed: Self { Self(rawValue: 16) }
}
