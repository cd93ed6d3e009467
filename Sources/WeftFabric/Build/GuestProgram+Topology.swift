import WeftGuest
import WeftSettings
import WeftTopology
import WeftWire

extension GuestTarget {
  /// A node without an address yet stays a name, which the guest waits for.
  init(_ destination: Destination, _ names: NameTable) {
    switch destination {
    case .address(let address): self = .address(address)
    case .node(let name): self = names.addresses[name].map { .address($0) } ?? .named(name)
    }
  }
}

extension GuestProgram {
  init(_ program: Program, _ names: NameTable) {
    let kind: GuestProgram.Kind =
      switch program.settings {
      case let s as HTTPServerSettings:
        .httpServer(port: s.port, status: s.status, body: s.body.map { Array($0.utf8) }, size: s.size)
      case let s as HTTPGetSettings:
        .httpGet(
          to: .init(s.to.to, names), port: s.to.port, path: s.path, host: s.to.to.hostHeader, count: s.count,
          interval: s.interval)
      case let s as PingSettings:
        .ping(to: .init(s.to, names), count: s.count, interval: s.interval, size: s.size, ttl: s.ttl)
      case let s as TCPEchoSettings: .tcpEcho(port: s.port)
      case let s as UDPEchoSettings: .udpEcho(port: s.port)
      case let s as SinkSettings: .sink(port: s.port)
      case let s as BulkSettings: .bulk(to: .init(s.to.to, names), port: s.to.port, size: s.size)
      case let s as UDPRateSettings:
        .udpRate(to: .init(s.to.to, names), port: s.to.port, size: s.size, interval: s.interval, count: s.count)
      case let s as STUNServerSettings: .stunServer(port: s.port, other: s.other.map { .init($0, names) })
      case let s as NATProbeSettings: .natProbe(to: .init(s.via, names), port: s.port)
      case let s as RendezvousSettings: .rendezvous(port: s.port)
      case let s as SYNFloodSettings:
        .synFlood(to: .init(s.to.to, names), port: s.to.port, interval: s.interval, count: s.count)
      default: preconditionFailure("nothing runs a \(program.word)")
      }
    self.init(kind, start: program.start)
  }
}

extension TransportProtocol {
  var ipProtocol: IPProtocol { self == .tcp ? .tcp : .udp }
}

extension Destination {
  /// What a browser would put into the Host header.
  var hostHeader: String {
    switch self {
    case .node(let name): name
    case .address(let address): address.description
    }
  }
}
