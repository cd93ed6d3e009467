import WeftCore
import WeftSettings
import WeftWire

// Forwards to ports on which nobody listens: seldom meant, and seen late.

extension Resolver {
  func checkServed() {
    for network in topology.hosts.lazy.flatMap(\.networks) { checkServed(network.forwards, network.name) }
    for event in topology.events {
      if case .addForward(let network, let forwards) = event.action { checkServed(forwards, network) }
    }
  }

  private func checkServed(_ forwards: [Forward], _ network: String) {
    for (index, forward) in forwards.enumerated() {
      // Of `both` one protocol is enough, and one warning.
      let same = forwards.filter { $0.mark == forward.mark }
      guard forwards.firstIndex(where: { $0.mark == forward.mark }) == index, let machine = machine(of: forward, on: network),
        !isRouter(machine)
      else { continue }
      let listens = programs(of: machine).flatMap(\.listens)
      let isServed = same.contains { forward in
        // Of a range one is enough too.
        listens.contains { transport, port in
          transport == forward.protocol && port >= forward.vmPort && Int(port) < Int(forward.vmPort) + Int(forward.count)
        }
      }
      if isServed { continue }
      let last = Int(forward.vmPort) + Int(forward.count) - 1
      let ports = forward.count == 1 ? "\(forward.vmPort)" : "\(forward.vmPort)-\(last)"
      let protocols = same.map(\.protocol.rawValue).joined(separator: " or ")
      let server = forward.protocol == .tcp ? "http-server" : "udp-echo"
      let others = listens.prefix(8).map { "\($1)/\($0.rawValue)" }.joined(separator: ", ")
      report(
        "nobody listens on port \(ports)/\(protocols) of \"\(machine)\"", at: forward.mark,
        hint: others.isEmpty ? "programs: [{\(server): \(forward.vmPort)}]" : "it listens on \(others)", severity: .warning)
    }
  }

  /// What becomes of it there is for its own NAT to say.
  private func isRouter(_ machine: String) -> Bool {
    hostIndex[machine].map { topology.hosts[$0].networks.contains { $0.mode == .nat } } ?? false
  }

  /// Whom a forward is for; nil where an address may be anybody's.
  private func machine(of forward: Forward, on network: String) -> String? {
    guard let address = forward.vmAddress else { return forward.vm }
    let vm = topology.vms.first {
      $0.nics.contains { place(of: $0.place) == network && ($0.address ?? $0.reservation) == address }
    }
    return vm?.name
      ?? topology.hosts.first { $0.uplink?.segment == network && ($0.uplink?.address ?? $0.uplink?.reservation) == address }?
      .name
  }

  private func programs(of machine: String) -> [Program] {
    if let index = vmIndex[machine] { return topology.vms[index].programs }
    return hostIndex[machine].map { topology.hosts[$0].programs } ?? []
  }
}
