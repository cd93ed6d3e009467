import Testing
import WeftCore
import WeftWire

@testable import WeftServices

/// Who may have which address when (RFC 2131, 2.2 and 4.3.1).
@Suite struct LeaseTests {
  static func address(_ last: UInt8) -> IPv4Address { IPv4Address(10, 0, 0, last) }

  static func table(
    last: UInt8 = 12, excluded: Set<IPv4Address> = [], reservations: [MACAddress: IPv4Address] = [:],
    planned: [MACAddress: IPv4Address] = [:]
  ) -> LeaseTable {
    LeaseTable(
      .init(
        mac: .local(99), address: address(254), prefix: IPv4Prefix(address(0), length: 24), router: nil,
        first: address(10), last: address(last), leaseTime: .minutes(10), excluded: excluded,
        reservations: reservations, planned: planned))
  }

  /// `#expect` takes its operands by value.
  func choice(_ leases: inout LeaseTable, for mac: MACAddress, wanted: IPv4Address?, now: Instant) -> IPv4Address? {
    leases.choose(for: mac, wanted: wanted, now: now)
  }

  static func at(_ seconds: UInt64) -> Instant { .start + .seconds(seconds) }

  @Test func aReservedAddressIsNobodyElsesThoughItsOwnerIsAway() {
    var leases = Self.table(last: 10, reservations: [.local(1): Self.address(10)])
    leases.bind(Self.address(10), to: .local(1), until: Self.at(600), hostname: nil)
    for second in [0, 599, 600, 100_000] as [UInt64] {
      #expect(choice(&leases, for: .local(2), wanted: Self.address(10), now: Self.at(second)) == nil)
      #expect(!leases.isAvailable(Self.address(10), to: .local(2), now: Self.at(second)))
    }
    #expect(choice(&leases, for: .local(1), wanted: nil, now: Self.at(100_000)) == Self.address(10))
  }

  @Test func aPlannedAddressIsItsClientsOnlyAsLongAsItIsFree() {
    var leases = Self.table(last: 11, planned: [.local(1): Self.address(10)])
    // Others get what nobody is planned for, and the planned one when nothing else is left.
    #expect(choice(&leases, for: .local(2), wanted: nil, now: .start) == Self.address(11))
    leases.bind(Self.address(11), to: .local(2), until: Self.at(600), hostname: nil)
    #expect(choice(&leases, for: .local(3), wanted: nil, now: .start) == Self.address(10))
    leases.bind(Self.address(10), to: .local(3), until: Self.at(600), hostname: nil)
    #expect(choice(&leases, for: .local(1), wanted: nil, now: Self.at(599)) == nil)
    #expect(choice(&leases, for: .local(1), wanted: nil, now: Self.at(600)) == Self.address(10))
  }

  @Test func whoLostItsAddressToAnotherDoesNotEndTheOthersLease() {
    var leases = Self.table(last: 11)
    leases.bind(Self.address(10), to: .local(1), until: Self.at(600), hostname: nil)
    leases.bind(Self.address(10), to: .local(2), until: Self.at(1200), hostname: nil)
    let released = leases.release(Self.address(10), by: .local(1))
    let declined = leases.decline(Self.address(10), by: .local(1), now: Self.at(700))
    #expect(!released && !declined)
    leases.bind(Self.address(11), to: .local(1), until: Self.at(1300), hostname: nil)
    #expect(leases.living(now: Self.at(700)).map(\.mac) == [.local(2), .local(1)])
  }

  @Test func anOfferNeitherShortensNorEndsItsHoldersLease() {
    var leases = Self.table()
    leases.bind(Self.address(10), to: .local(1), until: Self.at(600), hostname: nil)
    leases.offer(Self.address(10), to: .local(1), until: Self.at(605), now: Self.at(595))
    leases.withdrawOffer(to: .local(1))
    #expect(leases.living(now: Self.at(596)).map(\.address) == [Self.address(10)])
  }

  /// Random clients, honest and not, in random order: what each was told, checked against what the others were told.
  @Test(arguments: 1...20 as ClosedRange<UInt64>) func noTwoLivingLeasesShareAnAddress(seed: UInt64) {
    var random = RandomStream(seed: seed, owner: "leases", purpose: "property")
    let reservations: [MACAddress: IPv4Address] = [.local(1): Self.address(10), .local(2): Self.address(50)]
    var leases = Self.table(
      last: 15, excluded: [Self.address(13)], reservations: reservations,
      planned: [.local(3): Self.address(11), .local(4): Self.address(12), .local(5): Self.address(11)])
    var now = Instant.start
    var held: [MACAddress: (address: IPv4Address, until: Instant)] = [:]
    for _ in 0..<3000 {
      now = now + .seconds(random.next(below: 90))
      held = held.filter { $0.value.until > now }
      let mac = MACAddress.local(1 + random.next(below: 9))
      let any = random.next(below: 5) == 0 ? Self.address(50) : Self.address(UInt8(8 + random.next(below: 9)))
      switch random.next(below: 6) {
      case 0:
        if let offered = leases.choose(for: mac, wanted: any, now: now) {
          #expect(!held.contains { $0.key != mac && $0.value.address == offered })
          leases.offer(offered, to: mac, until: now + .seconds(10), now: now)
        }
      case 1: leases.withdrawOffer(to: mac)
      case 2:
        let own = held[mac]?.address ?? any
        if leases.release(own, by: mac) { held[mac] = nil }
      case 3:
        let own = held[mac]?.address ?? any
        if leases.decline(own, by: mac, now: now) { held[mac] = nil }
      default:
        // SELECTING, INIT-REBOOT, renewal: what it asks for is granted or not.
        let wanted = random.next(below: 3) == 0 ? any : held[mac]?.address ?? any
        guard leases.isAvailable(wanted, to: mac, now: now) else { continue }
        #expect(!held.contains { $0.key != mac && $0.value.address == wanted }, "\(wanted) twice")
        #expect(reservations[mac].map { $0 == wanted } ?? !reservations.values.contains(wanted))
        #expect(wanted != Self.address(13))
        leases.bind(wanted, to: mac, until: now + .minutes(10), hostname: nil)
        held[mac] = (wanted, now + .minutes(10))
      }
      #expect(leases.isConsistent)
      let living = leases.living(now: now)
      #expect(Set(living.map(\.address)).count == living.count && Set(living.map(\.mac)).count == living.count)
      // Nobody who was told so has lost it.
      for (mac, lease) in held { #expect(living.contains { $0.mac == mac && $0.address == lease.address }) }
    }
  }
}
