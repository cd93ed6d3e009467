import WeftCore
import WeftTopology
import WeftWire

/// Which line of the file a drop comes from, and what would change it.
struct Responsibility {
  var line: Int?
  var hint: String?

  /// `node`: the name of the graph's node that dropped.
  init(_ reason: DropReason, _ detail: DropDetail, node: String, at now: Instant, in topology: Topology) {
    let place = Place(node, topology)
    switch reason {
    case .noPortForward, .filtered, .noMapping:
      guard let network = place.network else { break }
      line = network.mark.line
      if reason == .noPortForward, detail.kind == .transport, let later = topology.laterForward(of: network, detail, at: now) {
        line = later.mark.line
        hint =
          "a forward of the port came while this flow was there (line \(later.mark.line)): it is for new flows, and for this one "
          + "once it has been silent or `flush-conntrack` has been"
      } else if reason == .noPortForward, detail.kind == .transport, let vm = place.firstVM {
        let transport = detail.code == IPProtocol.udp.rawValue ? "udp" : "tcp"
        hint =
          "no port forward for \(transport)/\(detail.port): add `forwards: [\"\(detail.port):\(vm):\(detail.port)/\(transport)\"]` "
          + "to \(network.name) at line \(network.mark.line)"
      } else if reason == .filtered {
        hint =
          "somebody inside uses this port, but hasn't sent to this address and port before (the filtering of \(network.name))"
      }
    case .ipForwardingDisabled:
      line = place.host?.mark.line
      if let host = place.host { hint = "`ip-forwarding: true` on \(host.name), line \(host.mark.line)" }
    case .portClosed, .noSocket:
      line = place.machineLine
      if detail.kind == .transport {
        let transport = detail.code == IPProtocol.udp.rawValue ? "UDP" : "TCP"
        hint = "nothing on \(node) listens on \(transport) port \(detail.port): add a program at line \(line ?? 0)"
        if let (network, forward) = topology.forward(of: node, transport == "UDP" ? .udp : .tcp, detail.port) {
          line = forward.mark.line
          hint =
            "\(transport) port \(detail.port) of \(node) is forwarded to \(forward.vm) (line \(forward.mark.line)), but only "
            + "for what comes in (DNAT in PREROUTING): ask \(forward.vm):\(forward.vmPort + (detail.port - forward.hostPort)), "
            + "or set `nat: {local-forwards: true}` on \(network), as where forwards are listeners"
        }
      }
    case .machineStopped:
      line = place.machineLine
      hint = "\(node) isn't running: `autostart: true`, or a `start` event before"
    case .noRoute:
      line = place.machineLine ?? place.network?.mark.line
      hint = "\(node) has no route there: a `gateway` would be one"
    case .neighbourUnresolved:
      line = place.machineLine ?? place.network?.mark.line
      hint = "nobody on the link answers ARP for \(IPv4Address(rawValue: detail.value))"
    case .privateDestination:
      line = place.network?.mark.line
      hint = "two NAT networks of one host don't reach each other"
    case .linkDown, .linkLoss, .queueFull, .txRingFull:
      line = place.machineLine ?? place.network?.mark.line ?? place.host?.mark.line
    default:
      line = place.machineLine ?? place.network?.mark.line
    }
  }

  /// What of the file a node of the graph stands for.
  private struct Place {
    var host: WeftTopology.Host?
    var network: Network?
    var machineLine: Int?
    var firstVM: String?

    init(_ node: String, _ topology: Topology) {
      machineLine =
        topology.vms.first { $0.name == node }?.mark.line ?? topology.hosts.first { $0.name == node }?.mark.line
      for host in topology.hosts {
        let own = host.networks.first { node == $0.name || node == "\($0.name)-switch" || node == "\($0.name)-dhcp" }
        let shared = node == "\(host.name)-nat" ? host.networks.first { $0.mode == .nat } : nil
        guard let found = own ?? shared else { continue }
        self.host = host
        network = found
        firstVM = topology.vms.first { vm in vm.nics.contains { $0.network == found.name } }?.name
      }
    }
  }
}
