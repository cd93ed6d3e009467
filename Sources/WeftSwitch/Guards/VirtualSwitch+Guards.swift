import WeftCore
import WeftSettings
import WeftWire

extension VirtualSwitch {
  /// Has a port guarded, with who is behind it.
  public mutating func setGuard(_ settings: GuardSettings, station: Station, on port: PortIndex) {
    // Who is behind an unguarded port is of use to the guards of others.
    withGuards { $0.set(PortGuard(settings, station: station), on: port) }
  }

  public var isGuarded: Bool { guards != nil }

  /// Somebody whose address isn't to be claimed, behind a port without a guard.
  public mutating func addStation(_ station: Station) { withGuards { $0.add(station) } }

  /// Whether nothing passes from one port to another, whoever sends it.
  public func bars(from ingress: PortIndex, to egress: PortIndex) -> Bool {
    if let guards, guards.refusal(from: ingress, to: egress) != nil { return true }
    if let policy, policy.isMirror(ingress) || policy.isMirror(egress) { return true }
    if let vlans = policy?.vlans, !vlans.meet(ingress, egress) { return true }
    return false
  }

  /// What a port's station has by DHCP, to be taken along where its cable goes.
  public func lease(on port: PortIndex) -> PortGuard.Lease? { guards?.lease(on: port) }
  public mutating func setLease(_ lease: PortGuard.Lease?, on port: PortIndex) {
    if guards != nil { withGuards { $0.setLease(lease, on: port) } }
  }

  private mutating func withGuards(_ body: (inout SwitchGuards) -> Void) {
    var own = guards ?? SwitchGuards(ports: portCount)
    guards = nil
    body(&own)
    (guards, isManaged) = (own, true)
  }
}

/// Frames that a guard turned away at a port, for one reason.
public struct GuardRefusals: Fact {
  public static let table = "guards"
  public var port: PortIndex
  public var reason: DropReason
  public var count: UInt64
  public var first: Instant
  public var last: Instant

  public var key: String { "port \(port.index) \(reason.name)" }
  public var fields: [FactField] { [FactField("count", count), FactField("first", first), FactField("last", last)] }
}

extension SwitchGuards {
  /// By port, in the order in which reasons first were given.
  var refusals: [GuardRefusals] {
    ports.enumerated().flatMap { index, own in
      own.refusals.map {
        GuardRefusals(port: PortIndex(index), reason: $0.reason, count: $0.count, first: $0.first, last: $0.last)
      }
    }
  }

  /// What the guards of a port look at in a frame, and what they would say of it.
  func lookups(
    _ frame: borrowing Frame, on port: PortIndex, in vlan: UInt16, now: Instant, _ database: ForwardingDatabase
  ) -> [Lookup] {
    guard ports.indices.contains(port.index), !ports[port.index].settings.isEmpty else { return [] }
    let own = ports[port.index]
    var lines: [Lookup] = []
    if own.settings.trusted == true { lines.append(Lookup("guards: the port is trusted")) }
    if let security = own.settings.checksPort {
      let known = [own.station?.mac].compactMap(\.self) + own.learnt
      lines.append(
        Lookup("port security: \(known.count) of \(security.macs): \(known.map(\.description).joined(separator: ", "))"))
    }
    if own.needsLeases {
      let address = own.station?.address ?? own.lease.flatMap { now < $0.until ? $0.address : nil }
      lines.append(Lookup("guards: the port has \(address?.description ?? "no address yet")"))
    }
    var tried = self
    if let refusal = tried.check(frame, on: port, in: vlan, now: now, database) {
      lines.append(Lookup("guards: refused, \(refusal.reason.name)"))
    } else {
      lines.append(Lookup("guards: passed"))
    }
    return lines
  }
}
