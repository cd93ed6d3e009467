import WeftCore

/// What `bridge link` and `brctl showstp` say of a port.
public struct TreePortFact: Fact, Hashable {
  public static let table = "spanning-tree"
  public var port: PortIndex
  public var role: TreeRole
  public var state: TreeState
  public var cost: UInt32
  public var isEdge: Bool
  public var isShut: Bool
  /// The root that is heard of there, and who says so.
  public var root: BridgeIdentifier
  public var designatedBridge: BridgeIdentifier

  public var key: String { "port \(port.index)" }
  public var fields: [FactField] {
    [
      FactField("role", role.rawValue), FactField("state", isShut ? "shut" : state.rawValue), FactField("cost", Int(cost)),
      FactField("edge", isEdge ? "yes" : "no"), FactField("root", root.description),
      FactField("designated-bridge", designatedBridge.description),
    ]
  }
}

extension SpanningTree {
  /// By port.
  public var rows: [TreePortFact] {
    ports.enumerated().map { index, port in
      TreePortFact(
        port: PortIndex(index), role: port.role, state: port.state, cost: port.pathCost, isEdge: port.operEdge,
        isShut: port.isShut, root: port.portPriority.root, designatedBridge: port.portPriority.bridge)
    }
  }
}
