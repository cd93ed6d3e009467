import WeftCore
import WeftNAT
import WeftTopology
import WeftWire

/// What a NAT gateway looks up for a packet, in words, with the lines of the file that the rules and forwards stand on.
struct GatewayLookups {
  var details: [String] = []
  /// Of the rule or forward that decided.
  var line: Int?

  private let topology: Topology
  /// The first of the gateway's networks: the rules are the same in all.
  private let network: Network?
  private let ports: [String]

  /// `ports`: the names of the gateway's ports.
  init(_ topology: Topology, _ network: Network?, ports: [String]) {
    self.topology = topology
    self.network = network
    self.ports = ports
  }

  mutating func look(_ gateway: borrowing NATGateway, _ bytes: RawSpan, on port: PortIndex, now: Instant) {
    for step in gateway.explain(bytes, on: port, now: now) { add(step) }
  }

  private mutating func add(_ step: WeftNAT.ExplainStep) {
    switch step {
    case .connection(let entry, let isReply):
      details.append("connection table: \(isReply ? "a reply of" : "in") \(entry.conntrackLine)")
    case .noConnection: details.append("connection table: none of these ends")
    case .filterRule(let number, let rule):
      let rules = network?.nat.rules ?? []
      let found = rules.indices.contains(number) ? rules[number].mark.line : nil
      details.append("filter: rule \(number + 1) matches: \(rule.action.rawValue)\(Self.place(found))")
      line = found ?? line
    case .noFilterRule(let count): details.append("filter: none of \(count) rules matches: allowed")
    case .forward(let forward):
      let found = network.flatMap { topology.forward(forward, besides: $0.name) }?.forward.mark.line
      details.append(
        "port forward: \(forward.externalPort)/\(forward.transport.rawValue) to \(forward.address):\(forward.port)"
          + Self.place(found))
      line = found
    case .service(let service): details.append("service of the host: \(service.transport.rawValue)/\(service.port)")
    case .mapping(let external, let port, let inside, let insidePort):
      details.append("mapping: \(external):\(port) is \(inside):\(insidePort)")
    case .binding(let external, let inside): details.append("one-to-one: \(external) is \(inside)")
    case .noTarget(let address, let port): details.append("no service, forward or mapping has \(address):\(port)")
    case .mappingFilter(let filtering, let admits):
      details.append("filtering \(filtering.rawValue): \(admits ? "lets it in" : "keeps it out")")
    case .ipForwarding(let isOn): details.append("ip-forwarding: \(isOn)")
    case .hairpin(let hairpin): details.append("hairpin: \(hairpin.rawValue)")
    case .newMapping(let mapping, let allocation, let external, let port):
      details.append("new mapping (\(mapping.rawValue), ports \(allocation.rawValue)): \(external):\(port)")
    case .fragment(let follows):
      details.append(follows ? "fragment: goes the way of its datagram's first" : "fragment: its datagram's first isn't here yet")
    case .nextHop(let address, let port): details.append("next hop: \(address) on \(name(port))")
    case .verdict(.sent(let port, _, _, _, _)): details.append("verdict: out of \(name(port))")
    case .verdict(.dropped(let reason)): details.append("verdict: \(reason.name)")
    case .verdict(.waits): details.append("verdict: waits for the first fragment")
    case .verdict(.answered): details.append("verdict: answered by the gateway itself")
    }
  }

  private static func place(_ line: Int?) -> String { line.map { ", line \($0)" } ?? "" }

  private func name(_ port: PortIndex) -> String {
    ports.indices.contains(port.index) ? ports[port.index] : "port \(port.index)"
  }
}
