import WeftCore

/// The way of one packet through the fabric, and of its answer back: what `weft explain` tells.
public struct Explanation: Codable, Sendable {
  public var from: String
  public var to: String
  /// When it was sent.
  public var at: Instant
  /// `open in 6 ms`, `dropped by home: no-port-forward (tcp/80)`
  public var outcome: String
  public var isOpen: Bool
  /// Where in the file the verdict comes from, and what would change it.
  public var line: Int?
  public var hint: String?
  public var steps: [ExplainStep]
}

/// One thing that happened to it.
public struct ExplainStep: Codable, Hashable, Sendable {
  public enum Event: String, Codable, Sendable { case sent, arrived, delivered, dropped }

  public var event: Event
  public var at: Instant
  public var packetID: UInt64
  /// `home`, a NAT gateway.
  public var node: String
  public var element: String
  /// `home/wan`
  public var port: String
  /// `tcp 192.168.122.2:53016 > 134.115.153.10:80 SYN, ttl 64`; empty where it is the same as before.
  public var packet: String
  /// What was looked up here and what was found, in order.
  public var details: [String]
  /// The line of the file that made it so.
  public var line: Int?
}
