import WeftProbes
import WeftPrograms
import WeftSettings
import WeftTopology

extension Expectation.Probe {
  /// What it does on a machine's sockets. Nil while the target has no address, and of what is seen without a packet.
  func settings(_ names: NameTable) -> (any ProbeSettings)? {
    func target(_ destination: Destination) -> Target? {
      let target = Target(destination, names)
      return target.address == nil ? nil : target
    }
    switch self {
    case .connect(let to, let port, let transport):
      return target(to).map { ConnectProbe.Settings(to: $0, port: port, transport.ipProtocol) }
    case .ping(let to, let size, let ttl):
      return target(to).map { PingProbe.Settings(to: $0, size: size, timeToLive: ttl) }
    case .http(let to, let port, let path, _, let bodyContains):
      return target(to).map {
        HTTPProbe.Settings(to: $0, port: port, path: path, host: to.hostHeader, bodyContains: bodyContains)
      }
    case .throughput(let to, let port, let size, _, _):
      return target(to).map { ThroughputProbe.Settings(to: $0, port: port, size: size) }
    case .nat(let via, let port, _, _, _): return target(via).map { NATTypeProbe.Settings(via: $0, port: port) }
    case .punch(_, let via, let port, let transport):
      return target(via).map { PunchProbe.Settings(via: $0, port: port, transport.ipProtocol, isPartner: false) }
    case .idle(let to, let port, let transport, let time):
      return target(to).map { IdleProbe.Settings(to: $0, port: port, transport.ipProtocol, delay: time) }
    case .lease: return nil
    }
  }

  /// What the other machine has to do for it, and which that is.
  func partner(_ names: NameTable) -> (node: NodeID, settings: any ProbeSettings)? {
    guard case .punch(let peer, let via, let port, let transport) = self, let node = names.machines[peer] else { return nil }
    return (
      node, PunchProbe.Settings(via: Target(via, names), port: port, transport.ipProtocol, isPartner: true)
    )
  }
}
