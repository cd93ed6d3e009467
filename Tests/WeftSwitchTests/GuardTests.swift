import Foundation
import Testing
import WeftCore
import WeftSettings
import WeftSwitch
import WeftWire

/// What a switch's guards let pass, and what not.
@Suite struct GuardTests {
  let pool = FramePool()
  static let a = MACAddress("52:54:00:00:00:0a")!
  static let b = MACAddress("52:54:00:00:00:0b")!
  static let addressA = IPv4Address(10, 0, 0, 10)
  static let addressB = IPv4Address(10, 0, 0, 11)

  /// a on port 0 and b on port 1, guarded alike; port 2 is an uplink.
  static func bridge(_ make: (inout GuardSettings) -> Void, fdb: FDBSettings = FDBSettings(), addresses: Bool = true)
    -> VirtualSwitch
  {
    var settings = GuardSettings()
    make(&settings)
    var bridge = VirtualSwitch(ports: 3, fdb: fdb)
    bridge.setGuard(settings, station: Station(mac: a, address: addresses ? addressA : nil), on: PortIndex(0))
    bridge.setGuard(settings, station: Station(mac: b, address: addresses ? addressB : nil), on: PortIndex(1))
    return bridge
  }

  struct Seen: Equatable {
    var ports: [Int] = []
    var reason: DropReason?
    var detail = DropDetail.none
    var events: [NoticedEvent] = []
  }

  func feed(_ bridge: inout VirtualSwitch, _ bytes: [UInt8], on port: Int, at now: Instant = .start) -> Seen {
    var out = Effects(pool: pool)
    bridge.receive(pool.frame(bytes), on: PortIndex(port), now: now, &out)
    var seen = Seen()
    for index in 0..<out.count {
      let entry = out[index]
      switch entry.verdict {
      case .transmit: seen.ports.append(entry.port.index)
      case .flood: seen.ports += (0..<bridge.portCount).filter { $0 != entry.port.index }
      case .drop: (seen.reason, seen.detail) = (entry.reason, entry.detail)
      }
      _ = Frame(stored: entry.frame)
    }
    for observation in out.observations {
      if case .noticed(let event) = observation.kind { seen.events.append(event) }
    }
    out.observations = []
    out.removeAll()
    return seen
  }

  static func frame(
    _ source: MACAddress, _ destination: MACAddress, _ type: EtherType = EtherType(rawValue: 0x88b5), _ body: [UInt8] = []
  )
    -> [UInt8]
  {
    var bytes = [UInt8](repeating: 0, count: max(60, 14 + body.count))
    bytes.replaceSubrange(14..<14 + body.count, with: body)
    var storage = bytes.mutableSpan
    var span = storage.mutableBytes
    EthernetHeader(destination: destination, source: source, type: type).write(to: &span)
    return bytes
  }

  static func arp(_ packet: ARPPacket, from source: MACAddress? = nil) -> [UInt8] {
    var body = [UInt8](repeating: 0, count: 28)
    var storage = body.mutableSpan
    var span = storage.mutableBytes
    packet.write(to: &span)
    return frame(source ?? packet.senderMAC, .broadcast, .arp, body)
  }

  static func udp(
    _ mac: MACAddress, _ source: IPv4Address, _ port: UInt16, to destination: IPv4Address, _ other: UInt16,
    _ payload: [UInt8] = [1, 2, 3]
  ) -> [UInt8] {
    var body = [UInt8](repeating: 0, count: 28) + payload
    let count = body.count
    var storage = body.mutableSpan
    var span = storage.mutableBytes
    var datagram = span.slice(20..<count)
    UDPHeader(sourcePort: port, destinationPort: other).write(to: &datagram, source: source, destination: destination)
    IPv4Header(protocol: .udp, source: source, destination: destination).write(to: &span, payloadLength: 8 + payload.count)
    return frame(mac, .broadcast, .ipv4, body)
  }

  // MARK: Port security

  @Test func anothersMACAddressIsRefusedBeforeItIsLearnt() {
    var bridge = Self.bridge { $0.portSecurity = PortSecurity() }
    _ = feed(&bridge, Self.frame(Self.b, .broadcast), on: 1)
    let seen = feed(&bridge, Self.frame(Self.b, Self.a), on: 0)
    #expect(seen == Seen(reason: .macSpoof, detail: .mac(Self.b.rawValue), events: [.guardViolation]))
    #expect(bridge.database.port(of: Self.b, now: .start) == PortIndex(1))
    #expect(feed(&bridge, Self.frame(Self.a, Self.b), on: 0).ports == [1])
  }

  @Test func aPortHasSoManyMACAddressesAndNobodysWhoIsElsewhere() {
    var bridge = Self.bridge { $0.portSecurity = PortSecurity(macs: 2) }
    let (own, more) = (MACAddress.local(1), MACAddress.local(2))
    #expect(feed(&bridge, Self.frame(own, .broadcast), on: 0).reason == nil)
    #expect(feed(&bridge, Self.frame(more, .broadcast), on: 0).reason == .macLimit)
    #expect(feed(&bridge, Self.frame(own, .broadcast), on: 0).reason == nil)
    // A learnt one belongs to its port; so does who is beyond the uplink, once it was seen there.
    #expect(feed(&bridge, Self.frame(own, .broadcast), on: 1).reason == .macSpoof)
    _ = feed(&bridge, Self.frame(.local(9), .broadcast), on: 2)
    #expect(feed(&bridge, Self.frame(.local(9), .broadcast), on: 1).reason == .macSpoof)
  }

  @Test func aViolationShutsThePortUntilItsCableIsPluggedInAgain() {
    var bridge = Self.bridge {
      $0.portSecurity = PortSecurity()
      $0.portSecurity?.onViolation = .shutdown
    }
    _ = feed(&bridge, Self.frame(Self.a, .broadcast), on: 0)
    #expect(feed(&bridge, Self.frame(.local(1), .broadcast), on: 0).events == [.guardViolation, .portShutDown])
    #expect(feed(&bridge, Self.frame(Self.a, .broadcast), on: 0).reason == .portShutDown)
    #expect(feed(&bridge, Self.frame(Self.b, .broadcast), on: 1).ports == [2], "nor is anything flooded there")
    var out = Effects(pool: pool)
    bridge.linkChanged(PortIndex(0), up: false, now: .start, &out)
    bridge.linkChanged(PortIndex(0), up: true, now: .start, &out)
    #expect(feed(&bridge, Self.frame(Self.a, Self.b), on: 0).ports == [1])
  }

  // MARK: Addresses

  @Test func aClaimOfAnothersAddressIsRefusedAndSaysWhoseItIs() {
    var bridge = Self.bridge { $0.arpInspection = true }
    let forged = ARPPacket.request(from: Self.a, Self.addressB, for: Self.addressB)
    let seen = feed(&bridge, Self.arp(forged), on: 0)
    #expect(seen.reason == .arpSpoof && seen.detail == .station(Self.addressB.rawValue, at: Self.b.rawValue))
    let nobodys = ARPPacket.request(from: Self.a, IPv4Address(10, 0, 0, 99), for: Self.addressB)
    #expect(feed(&bridge, Self.arp(nobodys), on: 0).detail == .address(IPv4Address(10, 0, 0, 99).rawValue))
    // Under a MAC address that isn't the frame's.
    let inside = ARPPacket.request(from: Self.b, Self.addressA, for: Self.addressB)
    #expect(feed(&bridge, Self.arp(inside, from: Self.a), on: 0).reason == .arpSpoof)
  }

  @Test func probesAnnouncementsAndRARPPass() {
    var bridge = Self.bridge { $0.arpInspection = true }
    let probe = ARPPacket.request(from: Self.a, .any, for: Self.addressB)
    let announcement = ARPPacket.request(from: Self.a, Self.addressA, for: Self.addressA)
    let migrated = ARPPacket(operation: .reverseRequest, senderMAC: Self.a, senderIP: .any, targetMAC: Self.a, targetIP: .any)
    for packet in [probe, announcement, migrated] { #expect(feed(&bridge, Self.arp(packet), on: 0).ports == [1, 2]) }
  }

  @Test func onlyItsOwnAddressIsASource() {
    var bridge = Self.bridge { $0.sourceGuard = true }
    #expect(feed(&bridge, Self.udp(Self.a, Self.addressA, 9, to: Self.addressB, 9), on: 0).reason == nil)
    let seen = feed(&bridge, Self.udp(Self.a, Self.addressB, 9, to: Self.addressA, 9), on: 0)
    #expect(seen.reason == .ipSpoof && seen.detail == .station(Self.addressB.rawValue, at: Self.b.rawValue))
    #expect(feed(&bridge, Self.udp(.local(1), Self.addressA, 9, to: Self.addressB, 9), on: 0).reason == .macSpoof)
    // Who has none asks for one, and says nothing else.
    #expect(feed(&bridge, Self.udp(Self.a, .any, 68, to: .broadcast, 67), on: 0).reason == nil)
    #expect(feed(&bridge, Self.udp(Self.a, .any, 9, to: .broadcast, 9), on: 0).reason == .ipSpoof)
  }

  static func dhcp(_ kind: DHCPMessage.Kind, _ client: MACAddress, _ address: IPv4Address = .any, lease: UInt32? = nil) -> [UInt8]
  {
    let isReply = [.offer, .ack, .nak].contains(kind)
    var message = DHCPMessage(isReply: isReply, kind: kind, transaction: 7, clientMAC: client)
    if isReply { message.yourAddress = address } else { message.clientAddress = address }
    message.leaseTime = lease
    return message.bytes
  }

  @Test func aLeaseThatWasSeenIsItsAddressAsLongAsItLasts() {
    var bridge = Self.bridge({ $0.sourceGuard = true }, addresses: false)
    let server = MACAddress.local(7)
    let address = IPv4Address(10, 0, 0, 50)
    let packet = Self.udp(Self.a, address, 9, to: Self.addressB, 9)
    func at(_ seconds: UInt64) -> Instant { .start + .seconds(seconds) }
    #expect(feed(&bridge, packet, on: 0).reason == .ipSpoof)
    let acknowledgment = Self.udp(
      server, IPv4Address(10, 0, 0, 1), 67, to: .broadcast, 68, Self.dhcp(.ack, Self.a, address, lease: 10))
    // It can't give itself an address, be there a dhcp-guard or not.
    var forged = Self.udp(Self.a, address, 67, to: .broadcast, 68, Self.dhcp(.ack, Self.a, address, lease: 10))
    #expect(feed(&bridge, forged, on: 0, at: at(1)).reason == .ipSpoof)
    forged = Self.udp(Self.b, Self.addressB, 67, to: .broadcast, 68, Self.dhcp(.ack, Self.a, address, lease: 10))
    _ = feed(&bridge, forged, on: 1, at: at(1))
    #expect(feed(&bridge, packet, on: 0, at: at(1)).reason == .ipSpoof)
    #expect(feed(&bridge, acknowledgment, on: 2, at: at(1)).reason == nil)
    #expect(feed(&bridge, packet, on: 0, at: at(10)).reason == nil)
    // The renewal's answer is to one machine alone.
    var unicast = acknowledgment
    unicast.replaceSubrange(0..<6, with: Array(Self.frame(Self.b, Self.a)[0..<6]))
    _ = feed(&bridge, unicast, on: 2, at: at(9))
    #expect(feed(&bridge, packet, on: 0, at: at(18)).reason == nil)
    #expect(feed(&bridge, packet, on: 0, at: at(19)).reason == .ipSpoof)
  }

  @Test func serversAreBelievedOnlyWhereNoneIsGuarded() {
    var bridge = Self.bridge({ ($0.dhcpGuard, $0.sourceGuard) = (true, true) }, addresses: false)
    let offer = Self.udp(
      Self.b, IPv4Address(10, 0, 0, 1), 67, to: .broadcast, 68, Self.dhcp(.ack, Self.a, Self.addressA, lease: 10))
    #expect(feed(&bridge, offer, on: 1).reason == .rogueDHCP)
    #expect(feed(&bridge, Self.udp(Self.a, Self.addressA, 9, to: Self.addressB, 9), on: 0).reason == .ipSpoof)
    let asked = Self.udp(Self.a, .any, 68, to: .broadcast, 67, Self.dhcp(.discover, Self.a))
    #expect(feed(&bridge, asked, on: 0).reason == nil)
    let others = Self.udp(Self.a, .any, 68, to: .broadcast, 67, Self.dhcp(.discover, .local(3)))
    let seen = feed(&bridge, others, on: 0)
    #expect(seen.reason == .dhcpSpoof && seen.detail == .mac(MACAddress.local(3).rawValue))
    // What was given back is over.
    _ = feed(&bridge, offer, on: 2)
    let release = Self.udp(
      Self.a, Self.addressA, 68, to: IPv4Address(10, 0, 0, 1), 67, Self.dhcp(.release, Self.a, Self.addressA))
    #expect(feed(&bridge, Self.udp(Self.a, Self.addressA, 9, to: Self.addressB, 9), on: 0).reason == nil)
    _ = feed(&bridge, release, on: 0)
    #expect(feed(&bridge, Self.udp(Self.a, Self.addressA, 9, to: Self.addressB, 9), on: 0).reason == .ipSpoof)
  }

  @Test func aTrustedPortMaySpeakForOthers() {
    var bridge = Self.bridge {
      ($0.dhcpGuard, $0.sourceGuard, $0.arpInspection, $0.portSecurity) = (true, true, true, PortSecurity())
      $0.trusted = true
    }
    #expect(feed(&bridge, Self.udp(.local(1), Self.addressB, 67, to: .broadcast, 68), on: 0).reason == nil)
    #expect(feed(&bridge, Self.arp(.request(from: .local(1), Self.addressB, for: Self.addressB)), on: 0).reason == nil)
  }

  // MARK: Rates

  /// Of random paces, every window carries no more than the burst and the rate, and a greedy sender gets all of it.
  @Test func anyWindowCarriesTheBurstAndTheRateAtMost() {
    var random = RandomStream(seed: 3, owner: "bucket", purpose: "test")
    for (rate, burst) in [(1_000_000 as UInt64, 2000 as UInt64), (999_999_937, 8000), (7, 1514)] {
      var bridge = Self.bridge { ($0.rate, $0.burst) = (rate, burst) }
      var now = Instant.start
      var passed: [(at: UInt64, bits: UInt64)] = []
      let size = 60
      let step = max(1, UInt64(size * 8) * 1_000_000_000 / rate / 3)
      for _ in 0..<3000 {
        now = now + Nanoseconds(random.next(below: 2 * step) + 1)
        if feed(&bridge, Self.frame(Self.a, Self.b), on: 0, at: now).reason == nil {
          passed.append((now.rawValue, UInt64(size) * 8))
        }
      }
      let total = passed.reduce(0) { $0 + $1.bits }
      for first in stride(from: 0, to: passed.count, by: 37) {
        var sum: UInt64 = 0
        for last in first..<passed.count {
          sum += passed[last].bits
          let window = passed[last].at - passed[first].at
          // In exact numbers: bits · 10⁹ ≤ burst · 10⁹ + rate · window.
          #expect(UInt128(sum) * 1_000_000_000 <= UInt128(burst) * 8_000_000_000 + UInt128(rate) * UInt128(window))
        }
      }
      let most = UInt128(burst) * 8 + UInt128(rate) * UInt128(now.rawValue) / 1_000_000_000
      #expect(UInt128(total) * 1000 >= most * 999 - UInt128(size) * 8000, "\(total) of \(most)")
    }
  }

  @Test func stormsOfEachSortHaveABucketOfTheirOwn() {
    var bridge = Self.bridge {
      $0.stormControl = StormControl(all: 10)
      $0.stormControl?.burst = 5
    }
    func passed(_ destination: MACAddress, at seconds: UInt64) -> Int {
      (0..<20).count { _ in feed(&bridge, Self.frame(Self.a, destination), on: 0, at: .start + .seconds(seconds)).reason == nil }
    }
    _ = feed(&bridge, Self.frame(Self.b, .broadcast), on: 1)
    #expect(passed(.broadcast, at: 1) == 5)
    #expect(passed(MACAddress("01:00:5e:00:00:fb")!, at: 1) == 5)
    #expect(passed(.local(99), at: 1) == 5)
    #expect(passed(Self.b, at: 1) == 20, "what is known is no storm")
    #expect(feed(&bridge, Self.frame(Self.a, .broadcast), on: 0, at: .start + .milliseconds(1100)).reason == nil)
    #expect(feed(&bridge, Self.frame(Self.a, .broadcast), on: 0, at: .start + .milliseconds(1199)).reason == .stormControl)
  }

  // MARK: Isolation and tables

  @Test func isolatedPortsReachTheUplinkAndNotEachOther() {
    var bridge = Self.bridge { $0.isolated = true }
    #expect(feed(&bridge, Self.frame(Self.a, .broadcast), on: 0).ports == [2])
    #expect(feed(&bridge, Self.frame(Self.b, .broadcast), on: 1).ports == [2])
    #expect(feed(&bridge, Self.frame(Self.a, Self.b), on: 0).reason == .isolatedPort)
    #expect(feed(&bridge, Self.frame(.local(9), .broadcast), on: 2).ports == [0, 1])
    #expect(feed(&bridge, Self.frame(Self.a, .local(9)), on: 0).ports == [2])
    #expect(pool.outstanding == 0)
  }

  @Test func aPortFillsNoMoreThanItsShareOfTheTable() throws {
    var settings = FDBSettings(limit: 100)
    settings.limitPerPort = 10
    var bridge = VirtualSwitch(ports: 3, fdb: settings)
    for number in 0..<1000 { _ = feed(&bridge, Self.frame(.local(UInt64(number)), Self.a), on: 0) }
    #expect(bridge.database.count == 10)
    _ = feed(&bridge, Self.frame(Self.b, .broadcast), on: 1)
    #expect(feed(&bridge, Self.frame(Self.a, Self.b), on: 0).ports == [1])
    // Another's address isn't taken over either, and one that moves away makes room.
    _ = feed(&bridge, Self.frame(Self.b, .broadcast), on: 0)
    #expect(bridge.database.port(of: Self.b, now: .start) == PortIndex(1))
    _ = feed(&bridge, Self.frame(.local(0), .broadcast), on: 2)
    _ = feed(&bridge, Self.frame(Self.b, .broadcast), on: 0)
    #expect(bridge.database.port(of: Self.b, now: .start) == PortIndex(0))
    let again = try JSONDecoder().decode(VirtualSwitch.self, from: JSONEncoder().encode(bridge))
    #expect(again.database.count == bridge.database.count)
  }

  @Test func whatAnAttackerSendsTakesNoMoreRoomThanTheFileAllows() throws {
    var bridge = Self.bridge { ($0.portSecurity, $0.sourceGuard, $0.dhcpGuard) = (PortSecurity(macs: 3), true, true) }
    var random = RandomStream(seed: 5, owner: "guard", purpose: "fuzz")
    func size() throws -> Int { try JSONEncoder().encode(bridge).count }
    for _ in 0..<2000 { flood(&bridge, &random) }
    let before = try size()
    for _ in 0..<20_000 { flood(&bridge, &random) }
    // But for longer counts.
    #expect(try size() < before + 200)
    #expect(try JSONDecoder().decode(VirtualSwitch.self, from: JSONEncoder().encode(bridge)).portCount == 3)
  }

  private func flood(_ bridge: inout VirtualSwitch, _ random: inout RandomStream) {
    let mac = random.next(below: 2) == 0 ? Self.a : MACAddress.local(random.next())
    let address = IPv4Address(rawValue: UInt32(truncatingIfNeeded: random.next()))
    switch random.next(below: 3) {
    case 0: _ = feed(&bridge, Self.frame(mac, .broadcast), on: 0)
    case 1: _ = feed(&bridge, Self.udp(mac, address, 68, to: .broadcast, 67, Self.dhcp(.discover, .local(random.next()))), on: 0)
    default: _ = feed(&bridge, Self.udp(mac, address, 9, to: Self.addressB, 9), on: 0)
    }
  }

  /// Cut short anywhere, or with any byte another one: there is a verdict, and only one.
  @Test func framesOfWhateverBytesHaveAVerdict() {
    var bridge = Self.bridge {
      ($0.portSecurity, $0.sourceGuard, $0.arpInspection, $0.dhcpGuard) = (PortSecurity(macs: 9), true, true, true)
      ($0.stormControl, $0.isolated, $0.rate) = (StormControl(all: 1000), true, 1_000_000)
    }
    var random = RandomStream(seed: 9, owner: "guards", purpose: "fuzz")
    let frames = [
      Self.arp(.request(from: Self.a, Self.addressA, for: Self.addressB)),
      Self.udp(Self.a, .any, 68, to: .broadcast, 67, Self.dhcp(.discover, Self.a)),
      Self.udp(.local(7), IPv4Address(10, 0, 0, 1), 67, to: .broadcast, 68, Self.dhcp(.ack, Self.a, Self.addressA, lease: 9)),
    ]
    var now = Instant.start
    func look(_ bytes: [UInt8]) {
      now = now + .milliseconds(1)
      for port in 0..<3 {
        let seen = feed(&bridge, bytes, on: port, at: now)
        #expect(seen.ports.isEmpty == (seen.reason != nil))
      }
    }
    for frame in frames {
      for length in 0...frame.count { look(Array(frame.prefix(length))) }
      for _ in 0..<3000 {
        var bytes = frame
        for _ in 0...random.next(below: 3) {
          bytes[Int(random.next(below: UInt64(bytes.count)))] = UInt8(truncatingIfNeeded: random.next())
        }
        look(bytes)
      }
    }
    #expect(pool.outstanding == 0)
  }

  @Test(arguments: [("\"macs\":2", "\"macs\":0"), ("\"portCount\":3", "\"portCount\":4"), ("\"level\":", "\"level\":9")])
  func damagedGuardsAreNoSwitch(sound: String, damage: String) throws {
    var bridge = Self.bridge { ($0.portSecurity, $0.rate) = (PortSecurity(macs: 2), 1_000_000) }
    _ = feed(&bridge, Self.frame(.local(1), .broadcast), on: 0)
    let text = String(decoding: try JSONEncoder().encode(bridge), as: UTF8.self)
    let damaged = text.replacing(sound, with: damage)
    try #require(damaged != text)
    #expect(throws: DecodingError.self) { try JSONDecoder().decode(VirtualSwitch.self, from: Data(damaged.utf8)) }
  }

  @Test func whatHoldsOfANICGoesBeforeItsNetworksKeyByKey() {
    var network = GuardSettings()
    (network.portSecurity, network.sourceGuard, network.rate) = (PortSecurity(macs: 1), true, 1_000_000)
    var own = GuardSettings()
    own.rate = 5_000_000
    let both = own.over(network)
    #expect(both.rate == 5_000_000 && both.checksSource && both.checksPort?.macs == 1)
    own.trusted = true
    #expect(!own.over(network).checksSource && own.over(network).checksPort == nil)
    var base = network
    base.trusted = true
    var checked = GuardSettings()
    checked.arpInspection = true
    #expect(checked.over(base).checksARP)
  }
}
