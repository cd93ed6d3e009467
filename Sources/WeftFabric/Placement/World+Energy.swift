import WeftCore
import WeftHypervisor
import WeftSettings

// What hosts take, by their `power`.
extension World {
  func energy(of host: WeftHypervisor.Host) -> Report.Energy? {
    guard let power = host.power else { return nil }
    let end = min(now, min(host.offAt ?? .never, host.failedAt ?? .never))
    var (busy, cpus) = (Nanoseconds.zero, 0)
    if let own = processors.hosts.first(where: { $0.name == host.name }) {
      cpus = own.scheduler.processorCount
      for index in 0..<cpus { busy = busy + own.scheduler.processorTimes(index, now: now).ran }
    }
    let exact = power.energy(on: (end - .start).rawValue, busy: busy.rawValue, cpus: UInt64(cpus))
    return Report.Energy(
      host: host.name, idle: power.idle, peak: power.peak, on: end - .start, busy: busy, cpus: cpus,
      millijoules: UInt64(clamping: exact / 1_000_000_000))
  }

  var energyReport: [Report.Energy] { hosts.compactMap { energy(of: $0) } }
}

extension Report {
  /// What a host has taken: modelled.
  public struct Energy: Codable, Sendable {
    public var host: String
    /// Milliwatts.
    public var idle: UInt64
    public var peak: UInt64
    /// How long it was on, and how much of its cpus' time was used.
    public var on: Nanoseconds
    public var busy: Nanoseconds
    public var cpus: Int
    public var millijoules: UInt64

    /// `server1: 1204.512 J in 10 s, busy 8 % (modelled: 100 W idle, 250 W peak)`
    var line: String {
      let all = on.seconds * Double(cpus)
      let tenths = all == 0 ? 0 : (busy.seconds / all * 1000).rounded() / 10
      let rest = "\(millijoules % 1000)"
      let joules = "\(millijoules / 1000).\(String(repeating: "0", count: 3 - rest.count))\(rest) J"
      func watts(_ power: UInt64) -> String { Quantity.text(power, Quantity.powers) }
      return "\(host): \(joules) in \(on), busy \(tenths) % (modelled: \(watts(idle)) idle, \(watts(peak)) peak)"
    }
  }
}

extension EnergyProbeSettings: LabCheck {
  func look(at world: borrowing World) -> TryOutcome {
    let known = world.energyReport.filter { host.isEmpty || $0.host == host }
    guard !known.isEmpty else {
      return TryOutcome(kind: .failed, text: host.isEmpty ? "no host has power" : "\(host) has no power")
    }
    let sum = known.reduce(0) { $0 + $1.millijoules }
    return TryOutcome(kind: bounds.hold(sum) ? .open : .failed, text: Quantity.text(sum, Quantity.energies))
  }
}
