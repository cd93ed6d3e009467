import WeftCore
import WeftNAT
import WeftServices
import WeftSwitch

/// An element of the world: of which kind, and which of them.
enum ElementID: Hashable, BitwiseCopyable {
  case virtualSwitch(ID<VirtualSwitch>)
  case gateway(ID<NATGateway>)
  case dhcpServer(ID<DHCPServer>)
  case machine(ID<Machine>)
  /// Of a kind that is none of ours.
  case custom(ID<CustomElement>)

  var virtualSwitch: ID<VirtualSwitch>? { if case .virtualSwitch(let id) = self { id } else { nil } }
  var gateway: ID<NATGateway>? { if case .gateway(let id) = self { id } else { nil } }
  var dhcpServer: ID<DHCPServer>? { if case .dhcpServer(let id) = self { id } else { nil } }
  var machine: ID<Machine>? { if case .machine(let id) = self { id } else { nil } }
}

enum CustomElement {}

/// Something done to an element of whatever kind. Written once, compiled for each kind: nothing is boxed, and a hop costs
/// one branch.
protocol ElementVisitor {
  associatedtype Result
  mutating func visit<E: Element>(_ element: inout E, _ out: inout Effects) -> Result
}

/// Something asked of an element of whatever kind.
protocol ElementReader {
  associatedtype Result
  func read<E: Element>(_ element: borrowing E) -> Result
}

/// All elements, those of a kind together. The only place where kinds are told apart.
struct Elements: ~Copyable {
  var switches = Arena<VirtualSwitch, VirtualSwitch>()
  var gateways = Arena<NATGateway, NATGateway>()
  var servers = Arena<DHCPServer, DHCPServer>()
  var machines = Arena<Machine, Machine>()
  /// Boxed, as we don't know them when we are compiled.
  var custom = Arena<CustomElement, any Element>()

  @inline(__always)
  mutating func visit<V: ElementVisitor>(_ id: ElementID, _ visitor: inout V, _ out: inout Effects) -> V.Result {
    switch id {
    case .virtualSwitch(let id): visitor.visit(&switches[id], &out)
    case .gateway(let id): visitor.visit(&gateways[id], &out)
    case .dhcpServer(let id): visitor.visit(&servers[id], &out)
    case .machine(let id): visitor.visit(&machines[id], &out)
    case .custom(let id): visitor.visit(&custom[id], &out)
    }
  }

  @inline(__always)
  func read<R: ElementReader>(_ id: ElementID, _ reader: R) -> R.Result {
    switch id {
    case .virtualSwitch(let id): reader.read(switches[id])
    case .gateway(let id): reader.read(gateways[id])
    case .dhcpServer(let id): reader.read(servers[id])
    case .machine(let id): reader.read(machines[id])
    case .custom(let id): reader.read(custom[id])
    }
  }
}
