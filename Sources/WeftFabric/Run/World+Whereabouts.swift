import WeftCore
import WeftWire

/// Where the frames of a probe are that have neither arrived nor been dropped.
struct Whereabouts {
  /// In a queue, on a wire, or waiting for a neighbour's address away from the prober.
  var isOnTheWay = false
  /// The address for which it waits, and on which port.
  var missing: (address: IPv4Address, port: PortID)?
  /// Dropped, and the answer to it is held back (RFC 5382, REQ-4).
  var isHeld = false
  /// In the receive ring of a machine that stands still.
  var paused: NodeID?
}

extension World {
  /// Of all probes, by trace. One look at everything, only for a try that ended without an answer.
  func whereabouts() -> [UInt32: Whereabouts] {
    var found: [UInt32: Whereabouts] = [:]
    for link in links.ids { links[link].forEachTrace { found[$0, default: Whereabouts()].isOnTheWay = true } }
    for node in graph.nodes.ids {
      for (trace, waiting) in elements.read(graph.nodes[node].element, ReadWaiting()) {
        var there = found[trace] ?? Whereabouts()
        switch waiting {
        case .neighbour(let address, let port):
          there.isOnTheWay = true
          there.missing = (address, graph.port(port, of: node))
        case .turn: there.isOnTheWay = true
        case .answer: there.isHeld = true
        case .running: there.paused = node
        }
        found[trace] = there
      }
    }
    return found
  }

  /// `web is paused since 2 s`; nil while it runs.
  func standstill(of node: NodeID) -> String? {
    guard let machine = machine(node), let vm = elements.machines[machine].vm else { return nil }
    return switch vm.state {
    case .running, .shuttingDown: nil
    case .paused, .saved, .crashed, .migrating: "\(name(node)) is \(vm.state.rawValue) since \(vm.changedAt)"
    case .stopped:
      vm.changedAt == .start
        ? "\(name(node)) has not been started" : "\(name(node)) is stopped since \(vm.changedAt)"
    }
  }
}
