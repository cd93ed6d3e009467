import WeftSettings

extension Resolver {
  /// A lab has more parts than the file names: a NAT network's switch, DHCP servers, the gateway of several networks. They
  /// have names in captures and reports, which nothing else may bear.
  func checkNodeNames() {
    func reserve(_ name: String, _ what: String) {
      guard let other = names[name] else { return }
      report("the name \"\(name)\" is that of \(what)", atKey: other.mark, name)
    }
    for segment in topology.segments where segment.dhcp != nil {
      reserve("\(segment.name)-dhcp", "the DHCP server of segment \(segment.name)")
    }
    for host in topology.hosts {
      for network in host.networks where network.mode != .bridge {
        if network.mode == .nat { reserve("\(network.name)-switch", "the switch of NAT network \(network.name)") }
        if network.dhcp != nil { reserve("\(network.name)-dhcp", "the DHCP server of network \(network.name)") }
      }
      if host.networks.count(where: { $0.mode == .nat }) > 1 {
        reserve("\(host.name)-nat", "the NAT gateway of host \(host.name)")
      }
    }
  }
}
