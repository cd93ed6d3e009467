import WeftCore
import WeftGuest
import WeftHypervisor
import WeftIP
import WeftNAT
import WeftServices
import WeftSettings
import WeftStack
import WeftSwitch
import WeftTopology
import WeftWire

extension WorldBuilder {
  /// A host: its machine, and what stands between it and its segment.
  ///
  ///     machine ── [gateway] ── [bridge] ── segment
  mutating func add(_ host: WeftTopology.Host) {
    let bridge = host.networks.first { $0.mode == .bridge }.map { network in
      let node = addSwitch(
        network.name, .network(network.name, host: host.name), fdb: network.fdb)
      switching.addTree(network.tree, name: network.name, node)
      switchOfNetwork[network.name] = node
      cover(network.name, node)
      cover(host.name, node)
      return node
    }
    let privateNetworks = host.networks.filter { $0.mode != .bridge }
    for network in privateNetworks {
      let name = network.mode == .nat ? "\(network.name)-switch" : network.name
      let node = addSwitch(
        name, .network(network.name, host: host.name), fdb: network.fdb)
      switching.addTree(network.tree, name: name, node)
      switchOfNetwork[network.name] = node
      cover(network.name, node)
      cover(host.name, node)
    }
    let nats = host.networks.filter { $0.mode == .nat }
    var outer: GraphPlan.End?
    var inner: GraphPlan.End?
    if let uplink = host.uplink, !nats.isEmpty {
      let gateway = addGateway(of: host, uplink, nats)
      outer = plan.port(gateway, "wan")
      inner = plan.port(gateway, "host")
      for network in nats {
        let port = plan.port(gateway, nats.count == 1 ? "lan" : network.name)
        if let lan = switchOfNetwork[network.name] {
          let far = plan.port(lan, "gateway")
          plan.connect(port, far, network.link)
          switching.add(VLANPortSettings(), .inside, at: far)
          guards.add(Station(mac: macs[network.name, "gateway"], address: network.gateway), on: lan)
        }
      }
    }
    addMachine(of: host, behind: inner, in: &outer)
    for network in privateNetworks {
      guard let dhcp = network.dhcp, let lan = switchOfNetwork[network.name] else { continue }
      let node = addServer(
        dhcp, of: network.name, network.subnet, router: network.mode == .nat ? network.gateway : nil, network.link,
        on: lan)
      cover(network.name, node)
      cover(host.name, node)
    }
    guard host.uplink != nil else { return }
    if let bridge {
      if let outer {
        // Inside the host, and of the MTU that the host's own packets have.
        var link = LinkSettings()
        link.mtu = host.outsideMTU
        let far = plan.port(bridge, "host")
        plan.connect(outer, far, link)
        switching.add(VLANPortSettings(), .inside, at: far)
      }
      let port = plan.port(bridge, "uplink")
      switching.addTrunk(host.uplink?.vlans ?? VLANPortSettings(), at: port)
      outer = port
    }
    guard let outer else { return }
    // The network it is plugged into may be of a host further down in the file.
    if !plug(outer, of: host) { waitingUplinks.append((outer, host)) }
  }

  /// Lays a host's uplink to its segment, or to another host's network; false if that isn't there yet.
  @discardableResult
  mutating func plug(_ outer: GraphPlan.End, of host: WeftTopology.Host) -> Bool {
    guard let uplink = host.uplink, let first = switchOfSegment[uplink.segment] ?? switchOfNetwork[uplink.segment] else {
      return false
    }
    let far = plan.port(uplink.switchName.flatMap { switchNodes[$0] } ?? first, host.name)
    plan.connect(outer, far, uplink.link, name: LinkName(node: host.name, port: "uplink"))
    let own = topology.segments.first { $0.name == uplink.segment }
    if let vlan = own?.vlan, uplink.vlans.isEmpty {
      switching.add(VLANPortSettings(access: vlan), uplink.port, at: far)
    } else if uplink.vlans.isEmpty, host.networks.contains(where: { $0.mode == .bridge }) {
      // A bridge behind it: all VLANs, as a trunk has them where nobody says which.
      switching.addTrunk(uplink.vlans, at: far)
      switching.add(VLANPortSettings(), uplink.port, at: far)
    } else {
      switching.add(uplink.vlans, uplink.port, at: far)
    }
    return true
  }

  /// One gateway a host: its NAT networks share the host's one address, and so its ports.
  private mutating func addGateway(of host: WeftTopology.Host, _ uplink: Uplink, _ nats: [Network]) -> NodeID {
    let name = nats.count == 1 ? nats[0].name : "\(host.name)-nat"
    let node = plan.add(.gateway(ID(gateways.count)), name, .gateway(host: host.name))
    names.gateways[host.name] = node
    cover(host.name, node)
    for network in nats {
      cover(network.name, node)
      names.gatewayOfNetwork[network.name] = node
    }
    // The loader has seen to it that there is an address.
    var configuration = NATConfiguration(
      name: name, seed: seed,
      outside: .init(
        mac: uplink.mac ?? macs[host.name, "uplink"], address: uplink.address ?? .any, prefix: uplink.prefix,
        gateway: uplink.gateway),
      networks: nats.map { network in
        .init(
          name: network.name, mac: macs[network.name, "gateway"], address: network.gateway ?? network.subnet.firstHost,
          prefix: network.subnet)
      }, hasHostPort: true)
    configuration.ipForwarding = host.ipForwarding
    // Those of one host share their settings.
    configuration.settings = nats[0].nat
    if let mtu = host.outsideMTU { configuration.outside.mtu = mtu }
    configuration.outside.narrower = mtuPlan.narrower(than: host.outsideMTU, at: uplink.segment)
    for (index, network) in nats.enumerated() {
      if let mtu = network.link.mtu { configuration.networks[index].mtu = mtu }
      configuration.networks[index].narrower = mtuPlan.narrower(than: network.link.mtu, at: network.name)
    }
    configuration.services = host.programs.flatMap(\.listens).map { .init($0.0 == .tcp ? .tcp : .udp, $0.1) }
    gateways.append(configuration)
    gatewayForwards.append(nats.flatMap { network in network.forwards.map { (network.name, $0) } })
    return node
  }

  /// The host's own machine: its uplink interface first, then one on each host-only network and each further segment.
  private mutating func addMachine(
    of host: WeftTopology.Host, behind inner: GraphPlan.End?, in outer: inout GraphPlan.End?
  ) {
    let node = plan.add(.machine(ID(machines.count)), host.name, .host(host.name))
    names.machines[host.name] = node
    cover(host.name, node)
    var interfaces: [InterfaceConfiguration] = []
    var nics: [NetworkInterface] = []
    func add(
      _ mac: MACAddress, _ addressing: InterfaceConfiguration.Addressing, _ mtu: UInt16?, _ narrower: NarrowNeighbours,
      peer: MACAddress? = nil
    ) {
      nics.append(NetworkInterface(mac: mac))
      interfaces.append(
        .init(mac: mac, addressing: addressing, mtu: Int(mtu ?? 1500), narrower: narrower, peer: peer))
    }
    if let uplink = host.uplink {
      // Behind a gateway the uplink's MAC is the gateway's.
      let mac = inner == nil ? uplink.mac ?? macs[host.name, "uplink"] : macs[host.name, "eth0"]
      // Behind a gateway everything beyond the segment is the gateway's to know, the VMs' networks too.
      let inside = inner == nil ? nil : host.networks.first { $0.mode == .nat }?.gateway
      // The two are one machine to everybody else, with one address: ARP between them would look like a conflict.
      var peer: MACAddress?
      if inner != nil, let last = gateways.indices.last {
        gateways[last].hostMAC = mac
        peer = gateways[last].outside.mac
      }
      let addressing: InterfaceConfiguration.Addressing =
        uplink.address.map { .static($0, uplink.prefix, gateway: uplink.gateway ?? inside) } ?? .dhcp
      let narrower = mtuPlan.narrower(than: host.outsideMTU, at: uplink.segment)
      add(mac, addressing, host.outsideMTU, narrower, peer: peer)
      // The gateway's addresses inside are the host's: it speaks to its VMs from there, and hears what they send it.
      if inner != nil {
        interfaces[0].aliases = host.networks.filter { $0.mode == .nat }.map {
          .init($0.gateway ?? $0.subnet.firstHost, $0.subnet)
        }
      }
      let port = plan.port(node, inner == nil && !host.networks.contains { $0.mode == .bridge } ? "uplink" : "eth0")
      if let inner { plan.connect(port, inner) } else { outer = port }
    }
    for network in host.networks where network.mode == .hostOnly {
      guard let lan = switchOfNetwork[network.name] else { continue }
      let narrower = mtuPlan.narrower(than: network.link.mtu, at: network.name)
      add(
        macs[network.name, "host"], .static(network.gateway ?? network.subnet.firstHost, network.subnet, gateway: nil),
        network.link.mtu,
        narrower)
      let far = plan.port(lan, "host")
      plan.connect(plan.port(node, network.name), far, network.link)
      switching.add(VLANPortSettings(), .inside, at: far)
      guards.add(Station(mac: macs[network.name, "host"], address: network.gateway), on: lan)
    }
    for link in host.links {
      guard let segment = switchOfSegment[link.segment] else { continue }
      let narrower = mtuPlan.narrower(than: link.link.mtu, at: link.segment)
      add(macs[host.name, link.segment], .static(link.address, link.prefix, gateway: nil), link.link.mtu, narrower)
      let far = plan.port(segment, host.name)
      plan.connect(plan.port(node, link.segment), far, link.link, name: LinkName(node: host.name, port: link.segment))
      if let vlan = topology.segments.first(where: { $0.name == link.segment })?.vlan {
        switching.add(VLANPortSettings(access: vlan), SwitchPortSettings(), at: far)
      }
    }
    let guest = Guest(
      GuestConfiguration(
        name: host.name, seed: seed, interfaces: interfaces, programs: host.programs.map { $0.configuration(names) }))
    machines.append(Machine(vm: nil, interfaces: nics, guest: guest))
  }

  /// The DHCP server of a network or segment, on its switch; gives back its node.
  mutating func addServer(
    _ dhcp: DHCPSettings, of name: String, _ subnet: IPv4Prefix, router: IPv4Address?, _ link: LinkSettings,
    on lan: NodeID
  ) -> NodeID {
    let addresses = addressPlan.networks[name]
    let node = plan.add(.dhcpServer(ID(servers.count)), "\(name)-dhcp", .dhcpServer(of: name))
    servers.append(
      .init(
        mac: macs["\(name)-dhcp", "lan"], address: dhcp.server, prefix: subnet, router: router, first: dhcp.rangeFirst,
        last: dhcp.rangeLast, leaseTime: dhcp.leaseTime, excluded: addresses?.excluded ?? [],
        reservations: addresses?.reservations ?? [:], planned: addresses?.leases ?? [:]))
    let far = plan.port(lan, "dhcp")
    plan.connect(plan.port(node, "lan"), far, link)
    let vlan = topology.segments.first { $0.name == name }?.vlan
    switching.add(VLANPortSettings(access: vlan), .inside, at: far)
    guards.add(Station(mac: macs["\(name)-dhcp", "lan"], address: dhcp.server), on: lan)
    return node
  }
}
