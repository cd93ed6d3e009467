import WeftCore
import WeftHypervisor
import WeftSettings
import WeftTopology
import WeftWire

/// Makes advice of causes, for `explain` and for the checks of a run alike. It only names keys that the thing in question
/// has, and what would really change the outcome.
struct Advisor {
  let topology: Topology
  let names: NameTable
  private let vms: [String: Int]
  private let hosts: [String: Int]
  private let networks: [String: (host: Int, network: Int)]
  /// By the names of the two ports that each joins.
  private let cables: [String: LinkName]
  /// By name.
  private let gateways: [String: Role]
  private let owners: [IPv4Address: String]
  /// Of each network, who listens where.
  private let servers: [String: [Server]]
  /// In the order of time.
  private let events: [Event]

  private struct Server {
    var vm: String
    var type: TransportProtocol
    var port: UInt16
    var runs: Bool
  }

  init(_ topology: Topology, _ world: borrowing World) {
    self.topology = topology
    names = world.names
    vms = Dictionary(topology.vms.indices.map { (topology.vms[$0].name, $0) }) { first, _ in first }
    hosts = Dictionary(topology.hosts.indices.map { (topology.hosts[$0].name, $0) }) { first, _ in first }
    var networks: [String: (host: Int, network: Int)] = [:]
    for (host, entry) in topology.hosts.enumerated() {
      for (network, found) in entry.networks.enumerated() { networks[found.name] = (host, network) }
    }
    self.networks = networks
    var cables: [String: LinkName] = [:]
    for (name, cable) in world.names.cables {
      cables[world.graph.ports[world.graph.ends[cable.there].from].name] = name
      cables[world.graph.ports[world.graph.ends[cable.there].to].name] = name
    }
    gateways = Dictionary(
      world.gatewayNodes.map { (world.name($0.node), world.graph.nodes[$0.node].role) }, uniquingKeysWith: { first, _ in first })
    self.cables = cables
    var owners: [IPv4Address: String] = [:]
    for (name, address) in names.byAddress where owners[address] == nil { owners[address] = name }
    var servers: [String: [Server]] = [:]
    for vm in topology.vms {
      for nic in vm.nics { if let address = nic.settled, owners[address] == nil { owners[address] = vm.name } }
      for (type, port) in vm.programs.flatMap(\.listens) {
        for place in Set(vm.nics.compactMap({ Self.place(ofNIC: $0.network, topology, networks) })) {
          servers[place, default: []].append(Server(vm: vm.name, type: type, port: port, runs: vm.autostart))
        }
      }
    }
    for host in topology.hosts {
      guard let place = host.uplink?.segment, networks[place] != nil else { continue }
      for (type, port) in host.programs.flatMap(\.listens) {
        servers[place, default: []].append(Server(vm: host.name, type: type, port: port, runs: true))
      }
    }
    (self.owners, self.servers) = (owners, servers)
    events = topology.events.sorted { $0.at < $1.at }
  }

  /// - Parameter lostARP: how often ARP was lost for each reason, where that was watched.
  func advice(
    _ cause: Cause, from: String, _ probe: any ProbeSettings, lostARP: [DropReason: Int] = [:]
  ) -> Advice? {
    Case(advisor: self, cause: cause, from: from, probe: probe, lostARP: lostARP).advice
  }

  // MARK: What there is

  func vm(_ name: String) -> VM? { vms[name].map { topology.vms[$0] } }
  func host(_ name: String) -> WeftTopology.Host? { hosts[name].map { topology.hosts[$0] } }

  func network(_ name: String) -> (host: WeftTopology.Host, network: Network)? {
    networks[name].map { (topology.hosts[$0.host], topology.hosts[$0.host].networks[$0.network]) }
  }

  /// The segment that a machine is on, if its switches' cables make a loop that no spanning tree cuts.
  func loop(of machine: String) -> Segment? {
    let host = vms[machine].map { topology.vms[$0].host } ?? machine
    guard let uplink = hosts[host].flatMap({ topology.hosts[$0].uplink }), var segment = segment(uplink.segment) else {
      return nil
    }
    if let parent = segment.parent.flatMap({ self.segment($0) }) { segment = parent }
    // A switch with a tree cuts what goes through it.
    let open = Set(segment.switches.filter { $0.tree.mode == .off }.map(\.name))
    var joined = Dictionary(open.map { ($0, $0) }) { first, _ in first }
    for cable in segment.cables {
      guard let a = joined[cable.a], let b = joined[cable.b] else { continue }
      if a == b { return segment }
      for (name, group) in joined where group == b { joined[name] = a }
    }
    return nil
  }

  func segment(_ name: String) -> Segment? { topology.segments.first { $0.name == name } }

  /// Of a VM or a host.
  func line(ofMachine name: String) -> Int? { vm(name)?.mark.line ?? host(name)?.mark.line }

  func programs(of machine: String) -> [Program] { vm(machine)?.programs ?? host(machine)?.programs ?? [] }

  /// The host whose gateway a node is, and its nat networks.
  func gateway(_ node: String) -> (host: WeftTopology.Host, networks: [Network])? {
    guard case .gateway(let name)? = gateways[node], let found = host(name) else { return nil }
    let nats = found.networks.filter { $0.mode == .nat }
    return (found, nats)
  }

  /// A VM's networks, and the segment or network that a host's uplink is plugged into.
  func places(of machine: String) -> [String] {
    if let vm = vm(machine) { return vm.nics.map(\.network) }
    guard let host = host(machine) else { return [] }
    return host.networks.filter { $0.mode != .bridge }.map(\.name) + [host.uplink?.segment].compactMap(\.self)
  }

  /// Where a machine stands among others: for a bridge, what its host's uplink is plugged into.
  func standing(of machine: String) -> [String] {
    if let vm = vm(machine) { return vm.nics.compactMap { Self.place(ofNIC: $0.network, topology, networks) } }
    return places(of: machine).filter { network($0)?.network.mode != .isolated }
  }

  private static func place(
    ofNIC name: String, _ topology: Topology, _ networks: [String: (host: Int, network: Int)]
  ) -> String? {
    guard let (host, network) = networks[name], topology.hosts[host].networks[network].mode == .bridge else { return name }
    return topology.hosts[host].uplink?.segment
  }

  /// All that a machine sends into: where it stands, and what is beyond the NATs that it is behind.
  func reach(of machine: String) -> [String] {
    var found = standing(of: machine)
    var next = 0
    while next < found.count {
      if let (host, network) = network(found[next]), network.mode == .nat, let beyond = host.uplink?.segment,
        !found.contains(beyond)
      {
        found.append(beyond)
      }
      next += 1
    }
    return found
  }

  /// Whether a program of the machine has the port, or one behind it to which its own forwards lead.
  func answers(_ machine: String, _ type: TransportProtocol, _ port: UInt16, at now: Instant) -> Bool {
    if programs(of: machine).contains(where: { $0.listens.contains { $0.0 == type && $0.1 == port } }) { return true }
    for network in host(machine)?.networks ?? [] {
      guard let forward = forwards(of: network, at: now).first(where: { $0.covers(type, port) }) else { continue }
      let target = forward.vmAddress.flatMap { owner(of: $0) } ?? forward.vm
      return target != machine && answers(target, type, forward.vmPort &+ (port &- forward.hostPort), at: now)
    }
    return false
  }

  /// What a place's addresses are from: a bridge has its segment's.
  func subnet(of place: String) -> IPv4Prefix? { network(place)?.network.subnet ?? segment(place)?.subnet }

  /// The machine that has an address, by its own or by DHCP's plan.
  func owner(of address: IPv4Address) -> String? { owners[address] }

  /// The machine behind a NAT that a forward would be for: it listens on the port, or is the only one that listens at all.
  func serving(_ networks: [Network], _ type: TransportProtocol, _ number: UInt16)
    -> (vm: String, port: UInt16, network: Network)?
  {
    var (running, stopped, other): ((Server, Network)?, (Server, Network)?, (Server, Network)?)
    var count = 0
    for network in networks {
      for server in servers[network.name] ?? [] where server.type == type {
        count += 1
        other = (server, network)
        guard server.port == number else { continue }
        if server.runs { running = running ?? (server, network) } else { stopped = stopped ?? (server, network) }
      }
    }
    return (running ?? stopped ?? (count == 1 ? other : nil)).map { ($0.0.vm, $0.0.port, $0.1) }
  }

  /// The cable at a port: what the file says of it and where; an event may have changed it since.
  func cable(at port: String) -> (name: LinkName, link: LinkSettings, line: Int?)? {
    guard let name = cables[port] else { return nil }
    if let uplink = host(name.node)?.uplink {
      let of = segment(uplink.segment)
      return (name, uplink.link, of?.link == uplink.link ? of?.mark.line : uplink.mark.line)
    }
    guard let vm = vm(name.node), let eth = Int(name.port.dropFirst(3)), vm.nics.indices.contains(eth) else {
      return (name, LinkSettings(), nil)
    }
    return (name, vm.nics[eth].link, vm.nics[eth].mark.line)
  }

  // MARK: What happened and will

  /// The forwards that a network has at a moment, those of events with the events' lines.
  func forwards(of network: Network, at now: Instant) -> [Forward] {
    var all = network.forwards
    for event in events where .start + event.at <= now {
      switch event.action {
      case .addForward(network.name, let forwards):
        all += forwards.map { forward in
          var forward = forward
          forward.mark = event.mark
          return forward
        }
      case .removeForward(network.name, let forwards, _):
        all.removeAll { old in forwards.contains { $0.description == old.description } }
      default: break
      }
    }
    return all
  }

  func next(after now: Instant, _ matches: (Event.Action) -> Bool) -> Event? {
    events.first { .start + $0.at > now && matches($0.action) }
  }

  func last(until now: Instant, _ matches: (Event.Action) -> Bool) -> Event? {
    events.last { .start + $0.at <= now && matches($0.action) }
  }
}

extension Forward {
  func covers(_ type: TransportProtocol, _ port: UInt16) -> Bool {
    self.protocol == type && port >= hostPort && Int(port) < Int(hostPort) + Int(count)
  }

  /// Whether it leads to a machine's port; and from which of the host's.
  func hostPort(of machine: String, _ address: IPv4Address?, _ type: TransportProtocol, _ port: UInt16) -> UInt16? {
    guard vm == machine || vmAddress != nil && vmAddress == address, self.protocol == type, port >= vmPort,
      Int(port) < Int(vmPort) + Int(count)
    else { return nil }
    return hostPort &+ (port &- vmPort)
  }
}

extension TransportProtocol {
  /// As people write it.
  var upper: String { self == .tcp ? "TCP" : "UDP" }
}

/// `, line 12`, within parentheses.
func comma(_ line: Int?) -> String { line.map { $0 > 0 ? ", line \($0)" : "" } ?? "" }

/// ` (line 12)`, for the end of a thing's name; empty for what stands in no file.
func place(_ line: Int?) -> String { line.map { $0 > 0 ? " (line \($0))" : "" } ?? "" }
