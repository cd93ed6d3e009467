import WeftCore
import WeftHypervisor
import WeftProbes
import WeftSettings

extension Report {
  /// The cpus of a host.
  public struct HostCPUs: Codable, Sendable {
    public var name: String
    public var count: Int
    /// Instructions a second of each.
    public var speed: UInt64
    public var hypervisor: String
    /// Of all its cpus together.
    public var ran: Nanoseconds
    public var idle: Nanoseconds

    var line: String {
      let all = ran + idle
      let tenths = all == .zero ? 0 : (ran.seconds / all.seconds * 1000).rounded() / 10
      return "\(name): \(count) of \(Quantity.text(speed, Quantity.frequencies)), \(hypervisor), busy \(tenths) % of the time"
    }
  }

  /// What a VM's cpus have done.
  public struct MachineCPUs: Codable, Sendable {
    public var name: String
    public var host: String
    public var times: CreditScheduler.Times
    /// By reason, those that there were.
    public var exits: [Exits]

    public struct Exits: Codable, Sendable {
      public var reason: String
      public var count: UInt64
    }

    /// `web: ran 1.204 s, steal 312 ms; exits 3,004 (kick 1,000, interrupt 1,002, eoi 1,002)`
    var line: String {
      let total = exits.reduce(0) { $0 + $1.count }
      let reasons = exits.map { "\($0.reason) \(Figures.count($0.count))" }.joined(separator: ", ")
      let counted = exits.isEmpty ? "no exits" : "exits \(Figures.count(total)) (\(reasons))"
      return "\(name): ran \(times.ran), steal \(times.waited); \(counted)"
    }
  }
}

extension World {
  var cpuReport: [Report.HostCPUs] {
    processors.hosts.map { host in
      var (ran, idle) = (Nanoseconds.zero, Nanoseconds.zero)
      for index in 0..<host.scheduler.processorCount {
        let times = host.scheduler.processorTimes(index, now: now)
        (ran, idle) = (ran + times.ran, idle + times.idle)
      }
      let kind =
        switch host.hypervisor {
        case .type1(nil): "type 1"
        case .type1(let driver?): "type 1 with driver domain \(driver)"
        case .type2: "type 2"
        case .none: "no hypervisor"
        }
      return Report.HostCPUs(
        name: host.name, count: host.scheduler.processorCount, speed: host.speed, hypervisor: kind, ran: ran, idle: idle)
    }
  }

  var vcpuReport: [Report.MachineCPUs] {
    machineNodes.compactMap { node, machine in
      guard let work = elements.machines[machine].work?.value, !graph.nodes[node].isRemoved else { return nil }
      let host = processors.hosts[work.place.host]
      let exits = ExitReason.allCases.compactMap { reason in
        work.exits[reason] > 0 ? Report.MachineCPUs.Exits(reason: reason.rawValue, count: work.exits[reason]) : nil
      }
      return Report.MachineCPUs(name: name(node), host: host.name, times: host.times(of: work, now: now), exits: exits)
    }
  }
}
