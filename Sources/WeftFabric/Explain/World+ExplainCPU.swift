import WeftHypervisor

extension World {
  /// What a packet finds that comes to a machine on a host with cpus; nothing elsewhere.
  func cpuDetails(of node: NodeID) -> [String] {
    guard let machine = machine(node), let work = elements.machines[machine].work?.value, elements.machines[machine].state.runs
    else {
      return []
    }
    let host = processors.hosts[work.place.host]
    let before = work.waiting.coming + elements.machines[machine].interfaces.reduce(0) { $0 + $1.waitingToReceive }
    let ahead = before == 0 ? "" : before == 1 ? ", one packet is before it" : ", \(before) packets are before it"
    let state =
      switch host.scheduler.activity(of: work.place.first) {
      case .running: "it has a cpu of \(host.name)"
      case .waiting: "it waits for a cpu of \(host.name)"
      case .resting: "it sleeps, an interrupt wakes it"
      case .standing: "it stands still"
      }
    return [state + ahead]
  }
}
