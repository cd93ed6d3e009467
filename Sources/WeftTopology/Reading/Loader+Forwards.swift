import WeftWire

extension Loader {
  struct PortUse: Hashable {
    var transport: TransportProtocol
    var port: UInt16
  }

  /// Forwards lead to a VM of their network, and no host port is used twice.
  func checkForwards(_ entries: [YAMLValue.Entry]) {
    // Which networks each VM is on; built once, since there may be many forwards.
    for host in topology.hosts {
      var used: [PortUse: String] = [:]
      var listening: [PortUse: String] = [:]
      for program in host.programs {
        for (transport, port) in program.listens {
          listening[PortUse(transport: transport, port: port)] = program.kind.word
        }
      }
      for network in host.networks {
        for forward in network.forwards {
          let text = "\(forward.hostPort):\(forward.vm):\(forward.vmPort)"
          let length = text.unicodeScalars.count
          checkTarget(forward, network, host)
          let use = PortUse(transport: forward.protocol, port: forward.hostPort)
          let port = "port \(forward.hostPort)/\(forward.protocol.rawValue) of \"\(host.name)\""
          if let other = used[use] {
            report("\(port) is forwarded twice: here and in \(other)", at: forward.mark, length: length)
          } else {
            used[use] = "network \"\(network.name)\" on line \(forward.mark.line)"
          }
          if let program = listening[use] {
            report(
              "\(port) is forwarded to \"\(forward.vm)\", but the host's own \(program) listens on it",
              at: forward.mark, length: length)
          }
        }
      }
    }
  }

  private func checkTarget(_ forward: Forward, _ network: Network, _ host: Host) {
    let place = YAMLValue(kind: .scalar(forward.vm, quoted: false), mark: forward.mark)
    guard resolve(forward.vm, [.vm], at: place), let index = vmIndex[forward.vm] else { return }
    let vm = topology.vms[index]
    guard !vm.nics.contains(where: { $0.network == network.name }) else { return }
    let networks = vm.nics.map { "\"\($0.network)\"" }.joined(separator: ", ")
    report(
      "VM \"\(vm.name)\" is not on network \"\(network.name)\" but on \(networks)", at: place, part: vm.name,
      hint: "a NAT forwards to the VMs of its own network")
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
      for (transport, port) in program.listens {
        let use = PortUse(transport: transport, port: port)
        if let other = used[use] {
          // The members of a group share their programs' lines: one report is enough.
          guard reported.insert(program.mark).inserted else { break }
          let both = "\(program.kind.word) and \(other.kind.word) (line \(other.mark.line)) of \(sort) \"\(name)\""
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
    for vm in topology.vms {
      for nic in vm.nics where nic.address == nil && nic.reservation == nil { clients[nic.network, default: 0] += 1 }
    }
    for network in topology.hosts.lazy.flatMap(\.networks) {
      guard let dhcp = network.dhcp, let count = clients[network.name] else { continue }
      let size = Int(dhcp.rangeLast.rawValue) - Int(dhcp.rangeFirst.rawValue) + 1
      if count > size {
        report(
          "the DHCP pool of \"\(network.name)\" has \(size) addresses for \(count) NICs", at: network.mark,
          length: network.name.unicodeScalars.count, hint: "give it a larger subnet", severity: .warning)
      }
    }
  }
}

extension Program.Kind {
  /// The key it has in the file.
  var word: String {
    switch self {
    case .httpServer: "http-server"
    case .httpGet: "http-get"
    case .ping: "ping"
    case .tcpEcho: "tcp-echo"
    case .udpEcho: "udp-echo"
    case .sink: "sink"
    case .bulk: "bulk"
    case .udpRate: "udp-rate"
    }
  }
}
