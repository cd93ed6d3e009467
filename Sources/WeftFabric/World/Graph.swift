import WeftCore

/// What stands in the topology for a node. Nothing is told by its name.
enum Role: Hashable, Sendable {
  case segment(String)
  /// The switch of a host's network, whatever its mode.
  case network(String, host: String)
  /// The NAT of a host.
  case gateway(host: String)
  /// The DHCP server of a network or segment.
  case dhcpServer(of: String)
  case host(String)
  case vm(String)
  /// Placed by a program, not by a file.
  case custom
}

/// An element's place in the graph.
struct Node {
  let element: ElementID
  let name: String
  let role: Role
  /// Its packets' ids begin with it.
  let packetNumber: UInt32
  /// The ports that it was made with lie together.
  fileprivate let first: PortID
  fileprivate let firstCount: Int
  /// Those that came later.
  fileprivate var more: [PortID] = []
  /// Whether its element sees to what waits for its cables itself.
  let queuesFrames: Bool
  /// Whether floods go by what its guest would do with them, as far as they know: see `FloodTable`.
  var isFiltered = false
  /// Nobody's any more: it keeps its id, and does nothing.
  var isRemoved = false
  /// Its deadline as the scheduler knows it: most calls don't change it.
  var due = Instant.never

  var portCount: Int { firstCount + more.count }

  @inline(__always)
  func port(_ index: PortIndex) -> PortID {
    index.index < firstCount ? PortID(first.index &+ index.index) : more[index.index - firstCount]
  }

  var ports: [PortID] { (0..<portCount).map { port(PortIndex($0)) } }
}

/// A port of a node.
struct Port {
  let node: NodeID
  /// Of the node's ports.
  let index: PortIndex
  /// `home/wan`
  let name: String
  /// The link direction that leads out of it; nil while no cable is plugged.
  var link: LinkID?
  var capture: CaptureID?
  /// Where it has none and is a switch's: the file of the far end, in which the switch's drops are told.
  var farCapture: CaptureID?
  /// Nothing is ever plugged into it again.
  var isRemoved = false
  var counters = Counters()

  @inline(__always)
  mutating func countReceived(_ bytes: Int) {
    counters.received &+= 1
    counters.receivedBytes &+= UInt64(bytes)
  }

  @inline(__always)
  mutating func countTransmitted(_ bytes: Int) {
    counters.transmitted &+= 1
    counters.transmittedBytes &+= UInt64(bytes)
  }

  struct Counters: Codable, Hashable {
    var received: UInt64 = 0
    var receivedBytes: UInt64 = 0
    var transmitted: UInt64 = 0
    var transmittedBytes: UInt64 = 0
  }
}

/// Where a link direction begins and ends.
struct LinkEnds {
  var from: PortID
  var to: PortID
  var toNode: NodeID
  /// Of the receiving node.
  var toPort: PortIndex
  /// The cable's other direction.
  var reverse: LinkID
}

/// The two directions of a cable, that from its first end before the other.
struct Cable: Hashable {
  var there: LinkID
  var back: LinkID

  var links: [LinkID] { [there, back] }
}

/// Who is joined to whom: nodes, their ports, and the cables between these.
struct Graph: ~Copyable {
  var nodes = Arena<NodeTag, Node>()
  var ports = Arena<PortTag, Port>()
  private(set) var ends = Arena<LinkTag, LinkEnds>()

  /// `ports`: their names.
  mutating func addNode(
    _ element: ElementID, _ name: String, _ role: Role, packetNumber: UInt32, queuesFrames: Bool, ports names: [String]
  ) -> NodeID {
    let node = NodeID(nodes.count)
    nodes.append(
      Node(
        element: element, name: name, role: role, packetNumber: packetNumber, first: PortID(ports.count),
        firstCount: names.count, queuesFrames: queuesFrames))
    for (index, port) in names.enumerated() {
      ports.append(Port(node: node, index: PortIndex(index), name: "\(name)/\(port)"))
    }
    return node
  }

  /// Its element must take frames from it from now on.
  mutating func addPort(_ name: String, to node: NodeID) -> PortID {
    let index = PortIndex(nodes[node].portCount)
    let port = ports.append(Port(node: node, index: index, name: "\(nodes[node].name)/\(name)"))
    nodes[node].more.append(port)
    return port
  }

  /// Both directions; the caller has a link for each.
  mutating func connect(_ a: PortID, _ b: PortID) -> Cable {
    let cable = Cable(there: LinkID(ends.count), back: LinkID(ends.count + 1))
    for (from, to, link, reverse) in [(a, b, cable.there, cable.back), (b, a, cable.back, cable.there)] {
      ends.append(LinkEnds(from: from, to: to, toNode: ports[to].node, toPort: ports[to].index, reverse: reverse))
      ports[from].link = link
    }
    return cable
  }

  /// Takes the cable out of a port and of that at its far end. The ids of its directions name nothing any more.
  mutating func disconnect(_ port: PortID) {
    guard let link = ports[port].link else { return }
    ports[ends[link].to].link = nil
    ports[port].link = nil
  }

  @inline(__always)
  func port(_ index: PortIndex, of node: NodeID) -> PortID { nodes.place(of: node).pointee.port(index) }
  @inline(__always)
  func end(of link: LinkID) -> LinkEnds { ends.place(of: link).pointee }

  /// What is at the far end of the cable in a port.
  func neighbour(of port: PortID) -> PortID? { ports[port].link.map { ends[$0].to } }

  /// `home/wan`, `home/host`, `home/lan`
  func portNames(of node: NodeID) -> [String] { nodes[node].ports.map { ports[$0].name } }
}
