import WeftCore
import WeftPrograms
import WeftSettings
import WeftStack

/// Looks whether every NIC that asks by DHCP has been given an address; a machine none of whose NICs asks has no lease.
/// Nothing is sent: it is over as it begins.
public struct LeaseProbe: Probe {
  public typealias Settings = LeaseProbeSettings

  public var result: ProbeResult

  public init?(_ settings: Settings, _ start: ProbeStart, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    result = start.result
    let asking = stack.configuration.interfaces.indices.filter { stack.asksByDHCP(on: $0) }
    if asking.isEmpty {
      result.outcome = .otherwise("\(start.machine) asks no DHCP server: its addresses are set by hand")
    } else if let missing = asking.first(where: { !stack.hasLease(on: $0, now: now) }) {
      let isBehind = stack.lag > .zero && stack.address(of: missing) != nil
      result.outcome = .otherwise("eth\(missing) has no lease" + (isBehind ? " that its server knows of" : ""))
    } else {
      result.note = "has " + asking.compactMap { stack.address(of: $0)?.description }.joined(separator: ", ")
      result.outcome = .open
    }
  }

  public mutating func close(now: Instant, _ stack: inout Stack) {}
}

extension LeaseProbeSettings: RunnableProbe {
  public typealias Machine = LeaseProbe

  /// A machine that doesn't run has none.
  public static let atStandstill: String? = "no lease"

  public func found(_ result: ProbeResult, doubting doubtful: Set<SilentTest.Axis>) -> String? { result.note }
}
