import WeftSettings
import WeftWire

extension Resolver {
  struct PortUse: Hashable {
    var transport: TransportProtocol
    var port: UInt16
  }

  /// Who has a port of a host.
  private struct PortOwner {
    var forward: Forward
    var network: String
  }

  /// Forwards lead to a machine of their network, and no host port is used twice.
  func checkForwards() {
    for host in topology.hosts {
      // At one port there may be a forward for each address. What overlaps is reported and claims nothing more, so that
      // this takes no longer than there are ports.
      var used: [PortUse: [PortOwner]] = [:]
      var listening: [PortUse: Program] = [:]
      for program in host.programs {
        for (transport, port) in program.listens { listening[PortUse(transport: transport, port: port)] = program }
      }
      for network in host.networks {
        for forward in network.forwards {
          checkTarget(forward, network, host)
          let owner = PortOwner(forward: forward, network: network.name)
          for offset in 0..<forward.count {
            let use = PortUse(transport: forward.protocol, port: forward.hostPort + offset)
            if conflict(owner, at: use, host, used[use] ?? [], listening[use]) { break }
            used[use, default: []].append(owner)
          }
        }
      }
    }
  }

  private func conflict(
    _ owner: PortOwner, at use: PortUse, _ host: Host, _ others: [PortOwner], _ program: Program?
  ) -> Bool {
    let forward = owner.forward
    let port = "port \(use.port)/\(use.transport.rawValue) of \"\(host.name)\""
    let rival = others.first {
      $0.forward.hostAddress == nil || forward.hostAddress == nil || $0.forward.hostAddress == forward.hostAddress
    }
    if let rival {
      report(
        "\(port) is forwarded twice: here (\(forward.mark)) and in network \"\(rival.network)\" (\(rival.forward.mark))",
        at: forward.mark, length: forward.length)
      return true
    }
    // The host's own programs have its own address.
    guard let program, forward.hostAddress.map({ $0 == host.uplink?.address }) ?? true else { return false }
    report(
      "\(port) is forwarded to \"\(forward.vm)\" (\(forward.mark)), but the host's own \(program.word) "
        + "(\(program.mark)) listens on it",
      at: forward.mark, length: forward.length)
    return true
  }

  func checkTarget(_ forward: Forward, _ network: Network, _ host: Host) {
    let place = Written(kind: .scalar(forward.vm, quoted: false), mark: forward.mark)
    if let address = forward.hostAddress, let own = host.uplink?.address, address != own,
      !network.nat.addresses.contains(address)
    {
      report(
        "\(address) is no external address of \"\(host.name)\"", at: place, part: "\(address)",
        hint: network.nat.addresses.isEmpty
          ? "its only one is \(own); more go into nat: {addresses: [...]}"
          : "there are \(([own] + network.nat.addresses).map(\.description).joined(separator: ", "))")
    }
    if let address = forward.vmAddress { return checkAddress(address, network, at: place) }
    guard resolve(forward.vm, [.vm, .host], at: place), !isOn(forward.vm, network: network.name) else { return }
    let hint = "a NAT forwards to the machines of its own network"
    guard let index = vmIndex[forward.vm] else {
      // A VM that could not be read has been reported.
      if hostIndex[forward.vm] != nil {
        report(
          "host \"\(forward.vm)\" is not plugged into network \"\(network.name)\"", at: place, part: forward.vm,
          hint: hint)
      }
      return
    }
    let networks = topology.vms[index].nics.map { "\"\($0.network)\"" }.joined(separator: ", ")
    report(
      "VM \"\(forward.vm)\" is not on network \"\(network.name)\" but on \(networks)", at: place, part: forward.vm,
      hint: hint)
  }

  /// A forward may lead to any address of its network.
  private func checkAddress(_ address: IPv4Address, _ network: Network, at place: Written) {
    guard network.subnet.isHost(address) else {
      return report(
        "\(address) is no machine's address on network \"\(network.name)\" (\(network.subnet))", at: place,
        part: "\(address)", hint: "a NAT forwards to the machines of its own network")
    }
    if address == network.gateway {
      return report(
        "\(address) is the gateway itself", at: place, part: "\(address)",
        hint: "a port of the host needs no forward, but a program on the host")
    }
    if address == network.dhcp?.server {
      return report("\(address) is the DHCP server of \"\(network.name)\"", at: place, part: "\(address)")
    }
    let mayBeLeased = network.dhcp.map { address >= $0.rangeFirst && address <= $0.rangeLast } ?? false
    if taken[network.name]?[address] == nil, !mayBeLeased, let mark = source.mark(of: "\(address)", from: place.mark) {
      report(
        "nobody on \"\(network.name)\" has \(address)", at: mark, length: "\(address)".utf8.count, severity: .warning)
    }
  }

  /// One machine's programs do not share a port.
  func checkListeners() {
    var reported: Set<Mark> = []
    for host in topology.hosts { checkListeners(host.programs, "host", host.name, &reported) }
    for vm in topology.vms { checkListeners(vm.programs, "VM", vm.name, &reported) }
  }

  private func checkListeners(_ programs: [Program], _ sort: String, _ name: String, _ reported: inout Set<Mark>) {
    guard programs.count > 1 else { return }
    var used: [PortUse: Program] = [:]
    for program in programs {
      for (transport, port) in program.listens where port > 0 {
        let use = PortUse(transport: transport, port: port)
        if let other = used[use] {
          // The members of a group share their programs' lines: one report is enough.
          guard reported.insert(program.mark).inserted else { break }
          let both = "\(program.word) and \(other.word) (line \(other.mark.line)) of \(sort) \"\(name)\""
          report("\(both) both listen on port \(port)/\(transport.rawValue)", at: program.mark)
          break
        }
        used[use] = program
      }
    }
  }

  /// A pool smaller than its clients leaves some without an address; that may be meant.
  func checkPools() {
    var clients: [String: Int] = [:]
    for host in topology.hosts {
      if let uplink = host.uplink, uplink.address == nil, uplink.reservation == nil {
        clients[uplink.segment, default: 0] += 1
      }
    }
    for vm in topology.vms {
      for nic in vm.nics where nic.settled == nil && nic.reservation == nil {
        clients[place(of: nic.place), default: 0] += 1
      }
    }
    for segment in topology.segments { checkPool(segment.dhcp, of: segment.name, clients, segment.mark) }
    for network in topology.hosts.lazy.flatMap(\.networks) {
      checkPool(network.dhcp, of: network.name, clients, network.mark)
    }
  }

  private func checkPool(_ dhcp: DHCPSettings?, of name: String, _ clients: [String: Int], _ mark: Mark) {
    guard let dhcp, let count = clients[name] else { return }
    let size = Int(dhcp.rangeLast.rawValue) - Int(dhcp.rangeFirst.rawValue) + 1
    if count > size {
      report(
        "the DHCP pool of \"\(name)\" has \(size) addresses for \(count) NICs", at: mark,
        length: name.unicodeScalars.count, hint: "give it a larger subnet", severity: .warning)
    }
  }
}

extension Forward {
  /// Of its short form, as long as it can be told.
  fileprivate var length: Int { "\(hostPort):\(vm):\(vmPort)".unicodeScalars.count }
}
