import Testing
import WeftCore
import WeftServices
import WeftWire

@Suite struct DHCPServerTests {
  let pool = FramePool()
  static let client = MACAddress.local(7)

  func server(last: IPv4Address = IPv4Address(10, 0, 0, 253), reservations: [MACAddress: IPv4Address] = [:])
    -> DHCPServer
  {
    DHCPServer(
      .init(
        mac: .local(99), address: IPv4Address(10, 0, 0, 254), prefix: IPv4Prefix(IPv4Address(10, 0, 0, 0), length: 24),
        router: IPv4Address(10, 0, 0, 1), first: IPv4Address(10, 0, 0, 1), last: last, leaseTime: .hours(1),
        excluded: [IPv4Address(10, 0, 0, 1)], reservations: reservations))
  }

  func message(_ kind: DHCPMessage.Kind, _ mac: MACAddress = client, _ change: (inout DHCPMessage) -> Void = { _ in })
    -> DHCPMessage
  {
    var message = DHCPMessage(isReply: false, kind: kind, transaction: 42, clientMAC: mac)
    change(&message)
    return message
  }

  /// Sends a message as a client without an address does; gives back the reply and the drop reason.
  func ask(_ server: inout DHCPServer, _ message: DHCPMessage, at seconds: UInt64 = 0) -> (DHCPMessage?, DropReason?) {
    let payload = message.bytes
    var frame = pool.frame(count: 42 + payload.count)
    var span = frame.mutableBytes
    EthernetHeader(destination: .broadcast, source: message.clientMAC, type: .ipv4).write(to: &span)
    var packet = span.slice(14..<span.byteCount)
    IPv4Header(protocol: .udp, source: message.clientAddress, destination: .broadcast).write(
      to: &packet, payloadLength: 8 + payload.count)
    var datagram = packet.slice(20..<packet.byteCount)
    datagram.put(payload.span.bytes, at: 8)
    UDPHeader(sourcePort: 68, destinationPort: 67).write(
      to: &datagram, source: message.clientAddress, destination: .broadcast)
    var out = Effects(pool: pool)
    server.receive(frame, on: PortIndex(0), now: .start + .seconds(seconds), &out)
    var reply: DHCPMessage?
    var reason: DropReason?
    for index in 0..<out.count {
      let frame = Frame(stored: out[index].frame)
      if out[index].verdict == .drop {
        reason = out[index].reason
      } else if let ethernet = EthernetView(frame.bytes), let ip = IPv4View(ethernet.payload),
        let udp = UDPView(ip.payload)
      {
        #expect(ip.hasValidChecksum && udp.hasValidChecksum(source: ip.source, destination: ip.destination))
        reply = DHCPMessage(udp.payload)
      }
    }
    out.removeAll()
    return (reply, reason)
  }

  @Test func discoverOfferRequestAckGivesAnAddressWithMaskAndRouter() throws {
    var server = server()
    let offer = try #require(ask(&server, message(.discover)).0)
    #expect(offer.kind == .offer && offer.transaction == 42)
    // .1 is the router's: the pool begins behind it.
    #expect(offer.yourAddress == IPv4Address(10, 0, 0, 2))
    let ack = try #require(
      ask(
        &server,
        message(.request) {
          $0.requestedAddress = offer.yourAddress
          $0.serverIdentifier = offer.serverIdentifier
        }
      ).0)
    #expect(ack.kind == .ack && ack.yourAddress == offer.yourAddress)
    #expect(
      ack.subnetMask == IPv4Address(255, 255, 255, 0) && ack.router == IPv4Address(10, 0, 0, 1) && ack.leaseTime == 3600
    )
    #expect(server.leases(now: .start).map(\.address) == [IPv4Address(10, 0, 0, 2)])
    #expect(server.leases(now: .start + .seconds(3601)).isEmpty)
  }

  @Test func aReservationIsAlwaysHonouredAndNeverGivenToOthers() throws {
    let reserved = IPv4Address(10, 0, 0, 2)
    var server = server(reservations: [Self.client: reserved])
    #expect(ask(&server, message(.discover, .local(8))).0?.yourAddress == IPv4Address(10, 0, 0, 3))
    #expect(ask(&server, message(.discover)).0?.yourAddress == reserved)
    #expect(ask(&server, message(.request) { $0.requestedAddress = IPv4Address(10, 0, 0, 9) }).0?.kind == .nak)
  }

  @Test func aForeignAddressIsRefusedByNAK() {
    var server = server()
    #expect(ask(&server, message(.request) { $0.requestedAddress = IPv4Address(192, 168, 0, 9) }).0?.kind == .nak)
    #expect(server.counters.naks == 1)
  }

  @Test func aRequestToAnotherServerFreesTheOffer() {
    var server = server(last: IPv4Address(10, 0, 0, 2))
    #expect(ask(&server, message(.discover)).0?.kind == .offer)
    #expect(ask(&server, message(.discover, .local(8))).1 == .dhcpNoFreeAddress)
    #expect(ask(&server, message(.request) { $0.serverIdentifier = IPv4Address(10, 0, 0, 77) }).1 == .dhcpNotForUs)
    #expect(ask(&server, message(.discover, .local(8))).0?.yourAddress == IPv4Address(10, 0, 0, 2))
  }

  @Test func releaseAndExpiryMakeTheAddressFree() {
    var server = server(last: IPv4Address(10, 0, 0, 2))
    let address = IPv4Address(10, 0, 0, 2)
    #expect(ask(&server, message(.request) { $0.requestedAddress = address }).0?.kind == .ack)
    #expect(ask(&server, message(.discover, .local(8)), at: 3600 - 1).1 == .dhcpNoFreeAddress)
    #expect(ask(&server, message(.discover, .local(8)), at: 3600).0?.yourAddress == address)
    #expect(ask(&server, message(.request, .local(8)) { $0.requestedAddress = address }, at: 3600).0?.kind == .ack)
    _ = ask(&server, message(.release, .local(8)) { $0.clientAddress = address }, at: 3601)
    #expect(ask(&server, message(.discover), at: 3601).0?.yourAddress == address)
  }

  @Test func aDeclinedAddressIsLeftAlone() {
    var server = server(last: IPv4Address(10, 0, 0, 3))
    #expect(ask(&server, message(.discover)).0?.yourAddress == IPv4Address(10, 0, 0, 2))
    _ = ask(&server, message(.decline) { $0.requestedAddress = IPv4Address(10, 0, 0, 2) })
    #expect(ask(&server, message(.discover)).0?.yourAddress == IPv4Address(10, 0, 0, 3))
  }

  @Test func randomAndTruncatedFramesAreConsumedOrDropped() {
    var random = RandomStream(seed: 3, owner: "dhcp", purpose: "fuzz")
    var server = server()
    let good = message(.discover).bytes
    for round in 0..<5_000 {
      var payload = good
      if round % 2 == 0 { payload.removeLast(Int(random.next(below: UInt64(payload.count)))) }
      for _ in 0..<random.next(below: 8) where !payload.isEmpty {
        payload[Int(random.next(below: UInt64(payload.count)))] = UInt8(truncatingIfNeeded: random.next())
      }
      var frame = pool.frame(count: 42 + payload.count)
      var span = frame.mutableBytes
      EthernetHeader(destination: .broadcast, source: Self.client, type: .ipv4).write(to: &span)
      var packet = span.slice(14..<span.byteCount)
      IPv4Header(protocol: .udp, source: .any, destination: .broadcast).write(
        to: &packet, payloadLength: 8 + payload.count)
      var datagram = packet.slice(20..<packet.byteCount)
      datagram.put(payload.span.bytes, at: 8)
      UDPHeader(sourcePort: 68, destinationPort: 67).write(to: &datagram, source: .any, destination: .broadcast)
      var out = Effects(pool: pool)
      server.receive(frame, on: PortIndex(0), now: .start, &out)
    }
    #expect(pool.outstanding == 0)
  }

  /// As a damaged checkpoint may say.
  @Test func aPoolThatEndsBeforeItBeginsIsEmpty() {
    var server = server(last: IPv4Address(9, 0, 0, 1))
    let (reply, reason) = ask(&server, message(.discover))
    #expect(reply == nil && reason == .dhcpNoFreeAddress)
  }
}
