import WeftCore
import WeftSettings
import WeftWire

/// The guards of a switch's ports. A switch that none was declared for has none, and looks at nothing.
public struct SwitchGuards: Codable {
  /// By number, all of the switch's.
  private(set) var ports: [PortGuard]
  /// The gateway's, the servers' and the host's: known, so that whose address was claimed can be told.
  private(set) var others: [Station] = []
  /// Some port needs to know leases: else nobody looks.
  private var snoops = false
  /// Some port is isolated or shut: not all get what is flooded.
  private(set) var narrows = false

  /// Why a frame is turned away.
  struct Refusal {
    var reason: DropReason
    var detail: DropDetail = .none
    var shutsPort = false

    /// Somebody says what isn't so, or sends too many: what merely has no room is none.
    var isViolation: Bool { reason != .rateLimit && reason != .portShutDown }
  }

  init(ports: Int) { self.ports = Array(repeating: .open, count: ports) }

  mutating func addPort() { ports.append(.open) }

  mutating func set(_ portGuard: PortGuard, on port: PortIndex) {
    guard ports.indices.contains(port.index) else { return }
    ports[port.index] = portGuard
    look()
  }

  mutating func close(_ port: PortIndex) {
    if ports.indices.contains(port.index) { set(ports[port.index].past, on: port) }
  }

  mutating func add(_ station: Station) { if !others.contains(station) { others.append(station) } }

  mutating func reopen(_ port: PortIndex) {
    guard ports.indices.contains(port.index) else { return }
    ports[port.index].reopen()
    look()
  }

  mutating func setLease(_ lease: PortGuard.Lease?, on port: PortIndex) {
    if ports.indices.contains(port.index) { ports[port.index].lease = lease }
  }

  func lease(on port: PortIndex) -> PortGuard.Lease? { ports.indices.contains(port.index) ? ports[port.index].lease : nil }

  private mutating func look() {
    snoops = ports.contains { $0.needsLeases }
    narrows = ports.contains { $0.settings.isIsolated || $0.isShut }
  }

  /// Of a decoded one.
  func fits(ports count: Int) -> Bool { ports.count == count && ports.allSatisfy(\.isConsistent) }

  // MARK: Ways out

  /// Why nothing goes from one port to another.
  func refusal(from ingress: PortIndex, to egress: PortIndex) -> DropReason? {
    guard narrows else { return nil }
    if ports[ingress.index].isShut || ports[egress.index].isShut { return .portShutDown }
    return ports[ingress.index].settings.isIsolated && ports[egress.index].settings.isIsolated ? .isolatedPort : nil
  }

  // MARK: Ways in

  /// Looks at a frame before the switch learns from it; nil where it may pass.
  mutating func check(
    _ frame: borrowing Frame, on port: PortIndex, in vlan: UInt16 = 0, now: Instant, _ database: ForwardingDatabase
  ) -> Refusal? {
    let index = port.index
    guard let refusal = look(at: frame.bytes, index, in: vlan, now: now, database) else { return nil }
    ports[index].note(refusal.reason, now: now)
    if refusal.shutsPort {
      ports[index].shut()
      narrows = true
    }
    return refusal
  }

  private mutating func look(at bytes: RawSpan, _ index: Int, in vlan: UInt16, now: Instant, _ database: ForwardingDatabase)
    -> Refusal?
  {
    if ports[index].isShut { return Refusal(reason: .portShutDown) }
    let settings = ports[index].settings
    // What is no frame at all the switch itself says.
    guard let ethernet = EthernetView(bytes), !ethernet.source.isGroup else { return nil }
    let source = ethernet.source
    if let security = settings.checksPort, let refusal = admit(source, security, index, in: vlan, now: now, database) {
      return refusal
    }
    if ethernet.type == .ipv4 {
      if let refusal = lookAtPacket(ethernet.payload, from: source, index, now: now) { return refusal }
    } else if ethernet.type == .arp, settings.checksARP {
      if let refusal = lookAtARP(ethernet.payload, from: source, index, now: now) { return refusal }
    }
    let destination = ethernet.destination
    if !ports[index].takeStorm(destination, now: now, isUnknown: { database.port(of: destination, in: vlan, now: now) == nil }) {
      return Refusal(reason: .stormControl)
    }
    return ports[index].takeRate(bytes.byteCount, now: now) ? nil : Refusal(reason: .rateLimit)
  }

  /// Port security: its own MAC address, and some that are nobody's, as they are seen.
  private mutating func admit(
    _ source: MACAddress, _ security: PortSecurity, _ index: Int, in vlan: UInt16, now: Instant, _ database: ForwardingDatabase
  ) -> Refusal? {
    if ports[index].station?.mac == source || ports[index].learnt.contains(source) { return nil }
    let isOthers = isAnothers(source, than: index, in: vlan, now: now, database)
    if !isOthers, ports[index].learn(source, security) { return nil }
    return Refusal(
      reason: isOthers ? .macSpoof : .macLimit, detail: .mac(source.rawValue), shutsPort: security.onViolation == .shutdown)
  }

  private func isAnothers(_ mac: MACAddress, than index: Int, in vlan: UInt16, now: Instant, _ database: ForwardingDatabase)
    -> Bool
  {
    if others.contains(where: { $0.mac == mac }) { return true }
    if ports.indices.contains(where: { $0 != index && (ports[$0].station?.mac == mac || ports[$0].learnt.contains(mac)) }) {
      return true
    }
    // Of what lies beyond an uplink nobody knows but who was seen there.
    guard let seen = database.port(of: mac, in: vlan, now: now), seen.index != index else { return false }
    return ports[seen.index].station == nil
  }

  /// Whose address it is, for people.
  func owner(of address: IPv4Address, now: Instant) -> DropDetail {
    let station =
      ports.first { $0.has(address, now: now) }?.station ?? others.first { $0.address == address }
    return station.map { .station(address.rawValue, at: $0.mac.rawValue) } ?? .address(address.rawValue)
  }
}

// MARK: What is in them

extension SwitchGuards {
  /// ARP inspection (as RFC 826 has them, the sender's two addresses are what others believe).
  private func lookAtARP(_ bytes: RawSpan, from source: MACAddress, _ index: Int, now: Instant) -> Refusal? {
    guard let packet = ARPPacket(bytes) else { return Refusal(reason: .malformedARP) }
    let isOwn = packet.senderIP.isUnspecified || ports[index].has(packet.senderIP, now: now)
    // 0.0.0.0 is who asks whether an address is free (RFC 5227), or a machine that is announced after a migration (RARP).
    let isBearer = packet.senderIP.isUnspecified || ports[index].station.map { $0.mac == packet.senderMAC } ?? true
    guard packet.senderMAC == source, isOwn, isBearer else {
      return Refusal(reason: .arpSpoof, detail: owner(of: packet.senderIP, now: now))
    }
    return nil
  }

  private mutating func lookAtPacket(_ bytes: RawSpan, from source: MACAddress, _ index: Int, now: Instant) -> Refusal? {
    let settings = ports[index].settings
    guard settings.checksDHCP || settings.checksSource || snoops else { return nil }
    guard let packet = IPv4View(bytes) else {
      return settings.checksDHCP || settings.checksSource ? Refusal(reason: .malformedIPv4) : nil
    }
    // Later fragments come to nothing without the first.
    let payload = packet.payload
    let isDatagram = packet.protocol == .udp && packet.fragmentOffset == 0 && payload.byteCount >= 8
    let (from, to) = isDatagram ? (payload.u16(0), payload.u16(2)) : (0, 0)
    let isForServer = to == DHCPMessage.serverPort
    let isFromServer = from == DHCPMessage.serverPort || to == DHCPMessage.clientPort
    if settings.checksDHCP {
      if isFromServer { return Refusal(reason: .rogueDHCP, detail: .address(packet.source.rawValue)) }
      if isForServer, let refusal = lookAtClient(packet, from: source, index) { return refusal }
    }
    if isFromServer, snoops, ports[index].isTrusted { snoop(packet, now: now) }
    guard settings.checksSource else { return nil }
    // Who has no address yet asks for one.
    if packet.source.isUnspecified, isForServer, packet.destination.isBroadcast { return nil }
    guard ports[index].has(packet.source, now: now) else {
      return Refusal(reason: .ipSpoof, detail: owner(of: packet.source, now: now))
    }
    if let station = ports[index].station, station.mac != source {
      return Refusal(reason: .macSpoof, detail: .mac(source.rawValue))
    }
    return nil
  }

  private mutating func lookAtClient(_ packet: borrowing IPv4View, from source: MACAddress, _ index: Int) -> Refusal? {
    guard let datagram = UDPView(packet.payload), let message = DHCPMessage(datagram.payload) else {
      return Refusal(reason: .dhcpMalformed)
    }
    guard message.clientMAC == source else {
      return Refusal(reason: .dhcpSpoof, detail: .mac(message.clientMAC.rawValue))
    }
    if message.kind == .release, message.clientAddress == ports[index].lease?.address { ports[index].lease = nil }
    return nil
  }

  /// A server's answer on its way, a renewal's to one machine as well as the first to all.
  private mutating func snoop(_ packet: borrowing IPv4View, now: Instant) {
    guard !packet.isFragment, let datagram = UDPView(packet.payload), let message = DHCPMessage(datagram.payload),
      message.isReply, message.kind == .ack || message.kind == .nak,
      let index = ports.firstIndex(where: { $0.station?.mac == message.clientMAC })
    else { return }
    guard message.kind == .ack else { return ports[index].lease = nil }
    guard message.yourAddress.isUsableSource, let seconds = message.leaseTime else { return }
    ports[index].lease = PortGuard.Lease(
      address: message.yourAddress, until: seconds == .max ? .never : now + .seconds(UInt64(seconds)))
  }
}
