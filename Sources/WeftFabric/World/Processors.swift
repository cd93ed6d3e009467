import WeftCore
import WeftHypervisor

/// The cpus of the hosts that have some in the file, and what is known of where packets' time went.
struct Processors: Codable {
  var hosts: [HostProcessors] = []
  var ledger = StageLedger()
  /// Traces of probes that are over, whose stages have been told of by the time that this is looked at again.
  var ended: [UInt32] = []

  var deadline: Instant {
    var first = Instant.never
    for host in hosts.indices { first = min(first, hosts[host].scheduler.deadline) }
    return first
  }

  mutating func forgetEnded() {
    for trace in ended { ledger.forget(trace) }
    ended.removeAll(keepingCapacity: true)
  }

  /// Of decoded ones, beside those that the topology and the changes of its graph have.
  func fits(_ built: Processors, nodes: Int) -> Bool {
    hosts.map(\.name) == built.hosts.map(\.name) && hosts.map(\.driver) == built.hosts.map(\.driver)
      && hosts.map(\.owners) == built.hosts.map(\.owners)
      && hosts.allSatisfy { host in host.isConsistent && host.owners.allSatisfy { (0..<nodes).contains($0.node) } }
  }

  /// Whether a decoded machine's virtual cpus are where it thinks.
  func has(_ work: GuestWork, of node: Int, nodes: Int) -> Bool {
    guard hosts.indices.contains(work.place.host), work.successor.map({ (0..<nodes).contains($0.node) }) ?? true else {
      return false
    }
    let owners = hosts[work.place.host].owners.dropFirst(work.place.first).prefix(work.count)
    return owners.map(\.node) == Array(repeating: node, count: work.count) && owners.map(\.index) == Array(0..<work.count)
  }
}
