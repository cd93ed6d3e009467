import WeftCore
import WeftSettings
import WeftTopology

/// The graph while it is being drawn: nodes whose ports are still being added, and the cables between them.
struct GraphPlan {
  struct PlannedNode {
    var element: ElementID
    var name: String
    var role: Role
    var ports: [String] = []
  }

  struct End {
    var node: NodeID
    var port: PortIndex
  }

  struct Cable {
    var a: End
    var b: End
    var aToB: LinkParameters
    var bToA: LinkParameters
    /// What it is called in the file, at either end if need be.
    var names: [LinkName] = []
  }

  var nodes: [PlannedNode] = []
  var cables: [Cable] = []
  /// Of all ports.
  private var names: Set<String> = []

  mutating func add(_ element: ElementID, _ name: String, _ role: Role) -> NodeID {
    nodes.append(PlannedNode(element: element, name: name, role: role))
    return NodeID(nodes.count - 1)
  }

  /// A VM may be called `gateway` too: a name that the node has already gets a number, for captures, link streams and
  /// reports tell ports apart by name.
  mutating func port(_ node: NodeID, _ wanted: String) -> End {
    var name = wanted
    var number = 2
    while !names.insert("\(nodes[node.index].name)/\(name)").inserted {
      name = "\(wanted)-\(number)"
      number += 1
    }
    nodes[node.index].ports.append(name)
    return End(node: node, port: PortIndex(nodes[node.index].ports.count - 1))
  }

  /// Inside a host cables cost no time and lose nothing.
  mutating func connect(_ a: End, _ b: End, _ settings: LinkSettings? = nil, name: LinkName?...) {
    let parameters = settings.map(LinkParameters.init) ?? LinkParameters()
    cables.append(Cable(a: a, b: b, aToB: parameters, bToA: parameters, names: name.compactMap(\.self)))
  }
}

extension LinkParameters {
  init(_ settings: LinkSettings) {
    self.init(
      delay: settings.delay, rate: settings.rate, queueFrames: settings.queue.frames, queueBytes: settings.queue.bytes,
      mtu: settings.mtu.map { Int($0) }, loss: settings.loss)
  }
}
