import WeftCore
import WeftTopology

/// Why an element can't be placed.
public enum PlacementError: Error, Hashable, CustomStringConvertible {
  case nameTaken(String)
  /// The element has another number of ports than cables are named for it.
  case portCount(element: Int, plugs: Int)
  /// No segment or network is called so.
  case unknownPlace(String)

  public var description: String {
    switch self {
    case .nameTaken(let name): "something is called \"\(name)\" already"
    case .portCount(let element, let plugs): "the element has \(element) ports, and there are cables for \(plugs)"
    case .unknownPlace(let name): "no segment or network is called \"\(name)\""
    }
  }
}

/// Where a port of an element that a program places is plugged in.
public struct Plug: Sendable {
  /// Of the element's port, as captures have it behind the element's name.
  public var name: String
  /// A segment, or a host's network.
  public var into: String
  /// The cable, the same in both directions.
  public var link: LinkParameters

  /// Without more a cable takes no time and loses nothing.
  public init(_ name: String, into: String, link: LinkParameters = LinkParameters()) {
    self.name = name
    self.into = into
    self.link = link
  }
}

extension Simulation {
  /// Puts an element of one's own into the world, port by port into segments and networks: a tap, a generator of traffic,
  /// a middlebox. Before the run or in its midst; what is there already keeps its numbers and its chances.
  ///
  ///     try simulation.place(Mirror(), named: "mirror", plugs: [Plug("in", into: "lan"), Plug("out", into: "lab")])
  ///
  /// Its ports are captured as the file's `capture` says, its frames count like all others, and `facts(of:)` tells what its
  /// tables hold. A checkpoint is made of a file, so a run with an element that isn't in it can't be resumed: that is an
  /// error then, which says so.
  public mutating func place(
    _ element: some Element, named name: String, plugs: [Plug]
  ) throws(PlacementError) {
    guard !world.graph.nodes.ids.contains(where: { world.name($0) == name }) else { throw .nameTaken(name) }
    guard element.portCount == plugs.count else {
      throw .portCount(element: element.portCount, plugs: plugs.count)
    }
    var bridges: [NodeID] = []
    for plug in plugs {
      guard let node = world.bridge(of: plug.into) else { throw .unknownPlace(plug.into) }
      bridges.append(node)
    }
    let id = ElementID.custom(world.elements.custom.append(element))
    let node = world.add(id, name, .custom, ports: plugs.map(\.name))
    for (index, plug) in plugs.enumerated() {
      guard let bridge = world.graph.nodes[bridges[index]].element.virtualSwitch else { continue }
      world.elements.switches[bridge].addPort()
      let far = world.graph.addPort(index == 0 ? name : "\(name)-\(plug.name)", to: bridges[index])
      let near = world.graph.port(PortIndex(index), of: node)
      _ = world.connect(near, far, plug.link, plug.link, seed: seed)
    }
    world.capturePorts(of: node, topology)
    watchdog = Watchdog(limit: Watchdog.limit(sources: world.links.count + world.graph.nodes.count))
  }
}

extension World {
  /// The switch that a segment or network is.
  fileprivate func bridge(of name: String) -> NodeID? {
    graph.nodes.ids.first { node in
      switch graph.nodes[node].role {
      case .segment(name), .network(name, _): true
      case .segment, .network, .gateway, .dhcpServer, .host, .vm, .custom: false
      }
    }
  }
}
