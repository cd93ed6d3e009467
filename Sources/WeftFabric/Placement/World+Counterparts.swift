import WeftCore
import WeftHypervisor
import WeftSettings
import WeftTopology

// Where VMs fit.
extension World {
  /// The networks of a host that a VM's interfaces go into, in their order; empty for one that stays where it is.
  func counterparts(of vm: String, at host: String, _ settings: MigrationSettings) throws(EventFailure) -> [String] {
    let (node, machine) = try known(vm)
    guard let site, let own = elements.machines[machine].vm else { return [] }
    var networks: [String] = []
    for port in graph.nodes[node].ports {
      guard !graph.ports[port].isRemoved, let here = network(at: port), here.host == own.host else {
        networks.append("")
        continue
      }
      do throws(NoCounterpart) {
        networks.append(try site.topology.counterpart(of: here.name, at: host, settings.networks))
      } catch {
        throw EventFailure(description: "can't migrate \(vm): \(error)")
      }
    }
    return networks
  }

  /// Why a host has no room for so much more memory.
  func lack(of memory: UInt64, at host: WeftHypervisor.Host) -> String? {
    guard let all = host.memory else { return nil }
    let used = hosts.firstIndex { $0.name == host.name }.map { placement(.firstFit).hosts[$0].used } ?? 0
    let free = all - min(all, used)
    return memory <= free ? nil : "\(host.name) has \(free >> 20) MiB free, and it needs \(memory >> 20) MiB"
  }
}
