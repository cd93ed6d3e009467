import WeftCore
import WeftIP
import WeftNAT
import WeftServices
import WeftStack
import WeftSwitch
import WeftTopology
import WeftWire

/// An entry of a table of the world, for people and for scripts: addresses and states as text, units in the names of keys.
public protocol TableEntry: Encodable, Sendable {
  /// For people, in the manner of the tool that shows such tables on Linux.
  var line: String { get }
}

/// Of an ARP cache.
public struct NeighbourLine: TableEntry {
  /// The machine, or the NAT gateway.
  public var node: String
  public var interface: String
  public var address: String
  /// Nil while it is asked for.
  public var mac: String?
  /// As `ip neigh` names them: `REACHABLE`, `STALE`, `PROBE`, `INCOMPLETE`.
  public var state: String
  public var confirmedSecondsAgo: Double?

  /// As `ip neigh` prints it.
  public var line: String {
    "\(node): \(address) dev \(interface)\(mac.map { " lladdr \($0)" } ?? "") \(state)"
  }
}

/// Of a switch's forwarding database.
public struct ForwardingLine: TableEntry {
  public var `switch`: String
  public var mac: String
  /// Nil where the switch has no VLANs.
  public var vlan: UInt16?
  public var port: String
  /// Whose address it is.
  public var owner: String?
  public var ageSeconds: Double
  public var line: String

  private enum CodingKeys: CodingKey { case `switch`, mac, vlan, port, owner, ageSeconds }
}

/// A port of a switch with a spanning tree.
public struct TreeLine: TableEntry {
  public var `switch`: String
  public var port: String
  /// root, designated, alternate, backup or disabled.
  public var role: String
  /// forwarding, learning, discarding, or shut by the BPDU guard.
  public var state: String
  public var cost: UInt32
  public var isEdge: Bool
  /// Bridge identifiers: priority and MAC address.
  public var root: String
  public var designatedBridge: String

  public var line: String {
    "\(`switch`): \(port) \(role) \(state) cost \(cost)\(isEdge ? " edge" : "") root \(root) designated \(designatedBridge)"
  }
}

/// Of a DHCP server.
public struct LeaseLine: TableEntry {
  public var network: String
  public var address: String
  public var mac: String
  public var hostname: String?
  public var expiresInSeconds: Double

  public var line: String {
    "\(network): \(address) \(mac) \(hostname ?? "-") expires in \(Int(expiresInSeconds)) s"
  }
}

/// Of a NAT.
public struct ForwardLine: TableEntry {
  public var gateway: String
  public var `protocol`: String
  /// Nil: on all of the host's.
  public var hostAddress: String?
  public var hostPort: UInt16
  /// Ports, from `hostPort` and from `port` upwards.
  public var count: UInt16
  public var machine: String?
  public var address: String
  public var port: UInt16

  public var line: String {
    func ports(_ first: UInt16) -> String { count > 1 ? "\(first)-\(Int(first) + Int(count) - 1)" : "\(first)" }
    return "\(gateway): \(`protocol`) \(hostAddress ?? "*"):\(ports(hostPort)) -> \(address):\(ports(port))"
      + (machine.map { " (\($0))" } ?? "")
  }
}

extension Simulation {
  /// Whether tables can be asked for by a name: a node's, or that of a network, segment or host.
  public func hasTables(_ name: String) -> Bool { !nodes(name).isEmpty }

  /// The nodes that a name covers; all without one.
  private func nodes(_ name: String?) -> [NodeID] {
    guard let name else { return Array(world.graph.nodes.ids) }
    let covered = Set(world.names.covered[name] ?? [])
    return world.graph.nodes.ids.filter { world.name($0) == name || covered.contains($0) }
  }

  private func port(_ node: NodeID, _ index: PortIndex) -> String {
    let name = world.graph.ports[world.graph.port(index, of: node)].name
    return String(name.split(separator: "/").last ?? "")
  }

  /// Who knows whose MAC address, by node and address.
  public func neighbours(of name: String? = nil) -> [NeighbourLine] {
    nodes(name).flatMap { node in
      world.facts(NeighbourTable.Neighbour.self, of: node).map { entry in
        NeighbourLine(
          node: world.name(node), interface: port(node, entry.port), address: entry.address.description,
          mac: entry.mac?.description, state: entry.state.rawValue, confirmedSecondsAgo: entry.age?.seconds)
      }
    }
  }

  /// Which switch saw which MAC address where, by switch and address; what has aged is left out.
  public func forwardingDatabase(of name: String? = nil) -> [ForwardingLine] {
    var owners: [MACAddress: String] = [:]
    for port in world.graph.ports.ids {
      if let mac = world.mac(of: port) { owners[mac] = world.name(world.graph.ports[port].node) }
    }
    return nodes(name).flatMap { node in
      world.facts(ForwardingEntry.self, of: node).map { entry in
        let (name, port, owner) = (world.name(node), port(node, entry.port), owners[entry.address])
        return ForwardingLine(
          switch: name, mac: entry.address.description, vlan: entry.vlan == 0 ? nil : entry.vlan, port: port, owner: owner,
          ageSeconds: entry.age.seconds,
          line:
            "\(name): \(entry.address) dev \(port)\(entry.vlan == 0 ? "" : " vlan \(entry.vlan)") age \(entry.age)\(owner.map { " (\($0))" } ?? "")"
        )
      }
    }
  }

  /// What the spanning trees make of each port, by switch and port.
  public func spanningTrees(of name: String? = nil) -> [TreeLine] {
    nodes(name).flatMap { node in
      world.facts(TreePortFact.self, of: node).map { row in
        TreeLine(
          switch: world.name(node), port: port(node, row.port), role: row.role.rawValue,
          state: row.isShut ? "shut" : row.state.rawValue, cost: row.cost, isEdge: row.isEdge, root: row.root.description,
          designatedBridge: row.designatedBridge.description)
      }
    }
  }

  /// The living leases, by server and address.
  public func leases(of name: String? = nil) -> [LeaseLine] {
    nodes(name).flatMap { node in
      world.facts(DHCPServer.Lease.self, of: node).map { lease in
        LeaseLine(
          network: world.network(of: node), address: lease.address.description, mac: lease.mac.description,
          hostname: lease.hostname, expiresInSeconds: (lease.expires - now).seconds)
      }
    }
  }

  /// The port forwards that NATs have now, events' among them.
  public func forwards(of name: String? = nil) -> [ForwardLine] {
    let owners = Dictionary(world.names.byAddress.map { ($0.address, $0.name) }) { first, _ in first }
    return nodes(name).flatMap { node in
      world.facts(PortForward.self, of: node).map { forward in
        ForwardLine(
          gateway: world.name(node), protocol: forward.transport.rawValue,
          hostAddress: forward.externalAddress?.description, hostPort: forward.externalPort, count: forward.count,
          machine: owners[forward.address], address: forward.address.description, port: forward.port)
      }
    }
  }

  /// All that the tables of a node hold, of a user's own element too; nothing for a name that nobody has.
  public func facts(of name: String) -> [any Fact] {
    world.graph.nodes.ids.filter { world.name($0) == name }.flatMap { node in
      world.elements.read(world.graph.nodes[node].element, ReadAllFacts(now: now))
    }
  }
}
