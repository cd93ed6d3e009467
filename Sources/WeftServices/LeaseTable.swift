import WeftCore
import WeftWire

/// Who has which address until when. One rule above all: while a lease or an offer lives, its address is nobody else's,
/// whoever it was planned or reserved for (RFC 2131, 2.2 and 4.3.1).
struct LeaseTable: Codable {
  typealias Lease = DHCPServer.Lease

  /// A declined address is somebody else's: left alone for a while.
  static let declineTime = Nanoseconds.minutes(10)

  let configuration: DHCPServer.Configuration
  @InOrder private var reserved: Set<IPv4Address>
  @InOrder private var spokenFor: Set<IPv4Address>
  /// The last of each address; one that is over stays, as its client's last one, until somebody else has the address.
  private var leases: [IPv4Address: Lease] = [:]
  /// The addresses of `leases`, by whose they are.
  private var addressOf: [MACAddress: IPv4Address] = [:]
  /// Where the search for a free address goes on: addresses are handed out in order before any is used again.
  private var cursor: UInt32

  init(_ configuration: DHCPServer.Configuration) {
    self.configuration = configuration
    reserved = Set(configuration.reservations.values)
    spokenFor = Set(configuration.planned.values)
    cursor = configuration.first.rawValue
  }

  /// Living leases, by address; what was declined is nobody's.
  func living(now: Instant) -> [Lease] {
    leases.values.filter { !$0.isOffer && $0.expires > now && $0.mac != .zero }.sorted { $0.address < $1.address }
  }

  /// Whether a client may have an address now.
  func isAvailable(_ address: IPv4Address, to mac: MACAddress, now: Instant) -> Bool {
    if let lease = leases[address], lease.mac != mac, lease.expires > now { return false }
    if let own = configuration.reservations[mac] { return address == own }
    return address >= configuration.first && address <= configuration.last
      && !configuration.excluded.contains(address) && !reserved.contains(address)
  }

  /// In the order of RFC 2131, 4.3.1: the reservation, the current or last binding, the address asked for, a new one.
  /// The planned address is the last binding of one that never had any.
  mutating func choose(for mac: MACAddress, wanted: IPv4Address?, now: Instant) -> IPv4Address? {
    let own = configuration.reservations[mac]
    for candidate in [own, addressOf[mac], configuration.planned[mac], wanted] {
      if let candidate, isAvailable(candidate, to: mac, now: now) { return candidate }
    }
    // With a reservation it is that address or none.
    guard own == nil, configuration.first <= configuration.last else { return nil }
    let others = spokenFor
    return search(for: mac, now: now) { !others.contains($0) } ?? search(for: mac, now: now) { _ in true }
  }

  private mutating func search(
    for mac: MACAddress, now: Instant, where isWanted: (IPv4Address) -> Bool
  ) -> IPv4Address? {
    let first = configuration.first.rawValue
    let size = UInt64(configuration.last.rawValue) + 1 - UInt64(first)
    for step in 0..<size {
      let place = (UInt64(cursor &- first) + step) % size
      let address = IPv4Address(rawValue: first + UInt32(place))
      guard isWanted(address), isAvailable(address, to: mac, now: now) else { continue }
      cursor = first + UInt32((place + 1) % size)
      return address
    }
    return nil
  }

  /// Precondition, as of `bind`: it is available to this client.
  mutating func offer(_ address: IPv4Address, to mac: MACAddress, until: Instant, now: Instant) {
    // An offer to the holder of a lease neither shortens nor ends it.
    if let lease = leases[address], lease.mac == mac, !lease.isOffer, lease.expires > now {
      leases[address]?.expires = max(lease.expires, until)
      return
    }
    enter(Lease(mac: mac, address: address, expires: until, isOffer: true))
  }

  mutating func bind(_ address: IPv4Address, to mac: MACAddress, until: Instant, hostname: String?) {
    enter(Lease(mac: mac, address: address, expires: until, isOffer: false, hostname: hostname))
  }

  private mutating func enter(_ lease: Lease) {
    forget(lease.mac)
    // Who had it before has no last address any more.
    if let former = leases[lease.address]?.mac, addressOf[former] == lease.address { addressOf[former] = nil }
    leases[lease.address] = lease
    addressOf[lease.mac] = lease.address
  }

  /// A client has one address: another ends the one before.
  private mutating func forget(_ mac: MACAddress) {
    guard let old = addressOf.removeValue(forKey: mac), leases[old]?.mac == mac else { return }
    leases[old] = nil
  }

  mutating func withdrawOffer(to mac: MACAddress) {
    if let address = addressOf[mac], leases[address]?.isOffer == true { forget(mac) }
  }

  /// False where it isn't this client's.
  mutating func release(_ address: IPv4Address, by mac: MACAddress) -> Bool {
    guard addressOf[mac] == address else { return false }
    forget(mac)
    return true
  }

  /// Somebody uses it whom nobody gave it to (RFC 2131, 3.1 step 5). False where it isn't this client's.
  mutating func decline(_ address: IPv4Address, by mac: MACAddress, now: Instant) -> Bool {
    guard release(address, by: mac) else { return false }
    leases[address] = Lease(mac: .zero, address: address, expires: now + Self.declineTime, isOffer: false)
    return true
  }
}

extension LeaseTable {
  /// Of a decoded one: that its parts agree, and that the search stays within the pool.
  var isConsistent: Bool {
    leases.allSatisfy { $0.key == $0.value.address }
      && addressOf.allSatisfy { leases[$0.value]?.mac == $0.key }
  }
}
