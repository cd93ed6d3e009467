import WeftCore
import WeftSettings
import WeftWire

/// Who is behind a port, as the file has it.
public struct Station: Codable, Hashable, Sendable {
  public var mac: MACAddress
  /// Its own for good: static, or reserved for it.
  public var address: IPv4Address?

  public init(mac: MACAddress, address: IPv4Address?) { (self.mac, self.address) = (mac, address) }
}

/// What is asked of whoever is behind a port, and what was seen of them. Of each of it there is no more than the file allows,
/// whatever they send.
public struct PortGuard: Codable, Sendable {
  /// What it has by DHCP, as the server's acknowledgment said on its way through.
  public struct Lease: Codable, Hashable, Sendable {
    public var address: IPv4Address
    public var until: Instant
  }

  /// How often frames were turned away for a reason, and when.
  struct Refusals: Codable, Sendable {
    var reason: DropReason
    var count: UInt64
    var first: Instant
    var last: Instant
  }

  let settings: GuardSettings
  /// Nil: it is no NIC's, but a gateway's, a server's or an uplink's.
  let station: Station?
  var lease: Lease?
  /// MAC addresses beside the station's own.
  private(set) var learnt: [MACAddress] = []
  private(set) var isShut = false
  private(set) var refusals: [Refusals] = []
  private var rate: RateBucket?
  private var broadcast: RateBucket?
  private var multicast: RateBucket?
  private var unknown: RateBucket?

  public init(_ settings: GuardSettings, station: Station?) {
    (self.settings, self.station) = (settings, station)
    rate = settings.bucket
    if let storm = settings.stormControl {
      func bucket(_ rate: UInt64?) -> RateBucket? { rate.map { RateBucket(rate: $0, burst: storm.burst) } }
      (broadcast, multicast, unknown) = (bucket(storm.broadcast), bucket(storm.multicast), bucket(storm.unknown))
    }
  }

  static let open = PortGuard(GuardSettings(), station: nil)

  /// What remains of it once nothing is plugged in any more: what it did.
  var past: PortGuard {
    var past = PortGuard.open
    past.refusals = refusals
    return past
  }

  /// DHCP servers may be behind it: what they acknowledge is believed. No NIC of which anything is checked vouches for itself.
  var isTrusted: Bool { station == nil || settings.isEmpty || settings.trusted == true }
  /// It needs to know which address the port has.
  var needsLeases: Bool { settings.checksSource || settings.checksARP }

  func has(_ address: IPv4Address, now: Instant) -> Bool {
    station?.address == address || lease.map { $0.address == address && now < $0.until } ?? false
  }

  mutating func note(_ reason: DropReason, now: Instant) {
    if let index = refusals.firstIndex(where: { $0.reason == reason }) {
      refusals[index].count &+= 1
      refusals[index].last = now
    } else {
      refusals.append(Refusals(reason: reason, count: 1, first: now, last: now))
    }
  }

  /// Whether one more MAC address has room; it is remembered then.
  mutating func learn(_ address: MACAddress, _ security: PortSecurity) -> Bool {
    guard learnt.count + (station == nil ? 0 : 1) < security.macs else { return false }
    learnt.append(address)
    return true
  }

  mutating func shut() { isShut = true }

  /// The cable was plugged in again: what was seen of whoever was behind it is forgotten.
  mutating func reopen() { (isShut, learnt) = (false, []) }

  mutating func takeRate(_ bytes: Int, now: Instant) -> Bool { rate?.take(UInt64(bytes) * 8, now: now) ?? true }

  /// `isUnknown` is asked for only where it matters.
  mutating func takeStorm(_ destination: MACAddress, now: Instant, isUnknown: () -> Bool) -> Bool {
    if destination.isBroadcast { return broadcast?.take(1, now: now) ?? true }
    if destination.isGroup { return multicast?.take(1, now: now) ?? true }
    guard unknown != nil, isUnknown() else { return true }
    return unknown?.take(1, now: now) ?? true
  }

  /// Of a decoded one.
  var isConsistent: Bool {
    learnt.count <= (settings.portSecurity?.macs ?? 0) && Set(refusals.map(\.reason)).count == refusals.count
      && [rate, broadcast, multicast, unknown].allSatisfy { $0?.isConsistent ?? true }
      && (rate == nil) == (settings.rate == nil) && (broadcast == nil) == (settings.stormControl?.broadcast == nil)
  }
}
