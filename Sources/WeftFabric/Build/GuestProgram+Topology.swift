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
      switch program.kind {
      case .httpServer(let port, let status, let body, let size):
        .httpServer(port: port, status: status, body: body.map { Array($0.utf8) }, size: size)
      case .httpGet(let to, let port, let path, let count, let interval):
        .httpGet(
          to: .init(to, names), port: port, path: path, host: to.hostHeader, count: count, interval: interval)
      case .ping(let to, let count, let interval, let size, let ttl):
        .ping(to: .init(to, names), count: count, interval: interval, size: size, ttl: ttl)
      case .tcpEcho(let port): .tcpEcho(port: port)
      case .udpEcho(let port): .udpEcho(port: port)
      case .sink(let port): .sink(port: port)
      case .bulk(let to, let port, let size): .bulk(to: .init(to, names), port: port, size: size)
      case .udpRate(let to, let port, let size, let interval, let count):
        .udpRate(to: .init(to, names), port: port, size: size, interval: interval, count: count)
      case .stunServer(let port, let other): .stunServer(port: port, other: other.map { .init($0, names) })
      case .natProbe(let to, let port): .natProbe(to: .init(to, names), port: port)
      case .rendezvous(let port): .rendezvous(port: port)
      case .synFlood(let to, let port, let interval, let count):
        .synFlood(to: .init(to, names), port: port, interval: interval, count: count)
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
