import WeftSettings

/// Why a VM's interface can't be plugged in at another host.
public enum NoCounterpart: Error, Hashable, CustomStringConvertible {
  case none(network: String, host: String)
  case several(network: String, host: String, [String])
  case elsewhere(network: String, host: String)

  public var description: String {
    switch self {
    case .none(let network, let host): "\(host) has no network like \(network)"
    case .several(let network, let host, let names):
      "\(host) has \(names.joined(separator: " and ")) for \(network): say which under networks"
    case .elsewhere(let network, let host): "\(network) isn't on \(host)"
    }
  }
}

extension Topology {
  /// The network of a host that stands for one of another: of the same mode, and on the same segment or with the same subnet.
  public func counterpart(
    of network: String, at host: String, _ moves: [MigrationSettings.Move]
  ) throws(NoCounterpart) -> String {
    guard let target = hosts.first(where: { $0.name == host }) else { throw .none(network: network, host: host) }
    if let move = moves.first(where: { $0.from == network }) {
      guard target.networks.contains(where: { $0.name == move.to }) else { throw .elsewhere(network: move.to, host: host) }
      return move.to
    }
    let owner = hosts.first { $0.networks.contains { $0.name == network } }
    guard let owner, let own = owner.networks.first(where: { $0.name == network }) else {
      throw .none(network: network, host: host)
    }
    let alike = target.networks.filter { other in
      guard other.mode == own.mode else { return false }
      return own.mode == .bridge ? owner.uplink?.segment == target.uplink?.segment : other.subnet == own.subnet
    }
    guard let first = alike.first else { throw .none(network: network, host: host) }
    guard alike.count == 1 else { throw .several(network: network, host: host, alike.map(\.name)) }
    return first.name
  }
}
