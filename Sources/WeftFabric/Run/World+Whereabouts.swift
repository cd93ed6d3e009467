import WeftCore
import WeftWire

/// Where the frames of a probe are that have neither arrived nor been dropped.
struct Whereabouts {
  /// In a queue, on a wire, or waiting for a neighbour's address away from the prober.
  var isOnTheWay = false
  /// The address for which it waits, and on which port.
  var missing: (address: IPv4Address, place: Int)?
  /// Dropped, and the answer to it is held back (RFC 5382, REQ-4).
  var isHeld = false
  /// In the receive ring of a machine that stands still.
  var paused: Int?
}

extension World {
  /// Of all probes, by trace. One look at everything, only for a try that ended without an answer.
  func whereabouts() -> [UInt32: Whereabouts] {
    var found: [UInt32: Whereabouts] = [:]
    func wait(_ trace: UInt32, at node: Int, for missing: (port: Int, neighbour: IPv4Address)?) {
      found[trace, default: Whereabouts()].isOnTheWay = true
      if let missing { found[trace]?.missing = (missing.neighbour, nodes[node].firstPort + missing.port) }
    }
    for link in links.indices { links[link].forEachTrace { found[$0, default: Whereabouts()].isOnTheWay = true } }
    for node in nodes.indices {
      let index = nodes[node].index
      switch nodes[node].kind {
      case .virtualSwitch, .dhcpServer: break
      case .gateway:
        gateways[index].forEachWaitingTrace { wait($0, at: node, for: $1) }
        gateways[index].forEachHeldTrace { found[$0, default: Whereabouts()].isHeld = true }
      case .machine:
        for interface in machines[index].interfaces.indices {
          machines[index].interfaces[interface].forEachReceivedTrace {
            found[$0, default: Whereabouts()].paused = node
          }
          machines[index].interfaces[interface].forEachTransmittedTrace {
            found[$0, default: Whereabouts()].isOnTheWay = true
          }
        }
        machines[index].guest.forEachWaitingTrace { wait($0, at: node, for: $1) }
      }
    }
    return found
  }

  /// `web is paused since 2 s`; nil while it runs.
  func standstill(of node: Int) -> String? {
    guard nodes[node].kind == .machine else { return nil }
    let machine = machines[nodes[node].index]
    guard let vm = machine.vm else { return nil }
    return switch vm.state {
    case .running: nil
    case .paused: "\(nodes[node].name) is paused since \(vm.changedAt)"
    case .stopped:
      vm.changedAt == .start
        ? "\(nodes[node].name) has not been started" : "\(nodes[node].name) is stopped since \(vm.changedAt)"
    }
  }
}
