import WeftCore

/// A node of the graph: which element it is, and where its ports are.
struct Node {
  enum Kind: UInt8 { case virtualSwitch, gateway, dhcpServer, machine }

  var kind: Kind
  /// Into the world's array of that kind.
  var index: Int
  var name: String
  /// Into the world's ports, which lie together.
  var firstPort: Int
  var portCount: Int
}

/// A port of a node.
struct Port {
  var node: Int
  /// `home/wan`
  var name: String
  /// The link direction that leads out of it; -1 while no cable is plugged.
  var linkOut = -1
  /// The capture's number; -1 without one.
  var capture = -1
  var counters = Counters()

  struct Counters: Codable, Hashable {
    var received: UInt64 = 0
    var receivedBytes: UInt64 = 0
    var transmitted: UInt64 = 0
    var transmittedBytes: UInt64 = 0
  }
}

/// Where a link direction begins and ends.
struct LinkEnds {
  /// Into the world's ports.
  var from: Int
  var to: Int
  var toNode: Int
  /// Of the receiving node.
  var toPort: PortIndex
}

/// Names of the event queue's sources. What happens to the world comes before what happens in it, arrivals before timers.
enum Source {
  static let director: EventQueue.Source = 0
  static func link(_ index: Int) -> EventQueue.Source { EventQueue.Source(truncatingIfNeeded: 1 &+ index) }
  static func node(_ index: Int, links: Int) -> EventQueue.Source {
    EventQueue.Source(truncatingIfNeeded: 1 &+ links &+ index)
  }
}
