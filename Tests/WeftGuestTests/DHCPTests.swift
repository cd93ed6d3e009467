import Testing
import WeftCore
import WeftProbes
import WeftWire

@testable import WeftGuest
@testable import WeftPrograms
@testable import WeftStack

/// A DHCP server as small as can be, which the test scripts.
private final class Server {
  var lease: UInt32 = 1000
  var offered = IPv4Address(10, 0, 0, 50)
  var isSilent = false
  var refuses = false
  var seen: [(kind: DHCPMessage.Kind, at: Instant, unicast: Bool, requested: IPv4Address?, client: IPv4Address, name: String?)] =
    []
  static let address = IPv4Address(10, 0, 0, 1)

  func answer(_ tapped: Tapped) -> [[UInt8]] {
    let span = tapped.bytes.span.bytes
    guard span.byteCount > 14 else { return [] }
    if span.u16(12) == 0x0806 {
      // Also answers ARP for itself, for the renewal.
      guard let request = ARPPacket(span.extracting(14..<span.byteCount)), request.targetIP == Self.address,
        request.operation == .request
      else { return [] }
      var bytes = [UInt8](repeating: 0, count: 42)
      var storage = bytes.mutableSpan
      var frame = storage.mutableBytes
      EthernetHeader(destination: request.senderMAC, source: .local(99), type: .arp).write(to: &frame)
      var body = frame._mutatingExtracting(14..<42)
      request.reply(from: .local(99)).write(to: &body)
      return [bytes]
    }
    guard let ip = IPv4View(span.extracting(14..<span.byteCount)), ip.protocol == .udp, let udp = UDPView(ip.payload),
      udp.destinationPort == 67, let message = DHCPMessage(udp.payload)
    else { return [] }
    seen.append(
      (
        message.kind, tapped.at, !ip.destination.isBroadcast, message.requestedAddress, message.clientAddress,
        message.hostname
      ))
    if isSilent { return [] }
    var reply = DHCPMessage(
      isReply: true, kind: message.kind == .discover ? .offer : refuses ? .nak : .ack, transaction: message.transaction,
      clientMAC: message.clientMAC)
    refuses = false
    reply.serverIdentifier = Self.address
    if reply.kind != .nak {
      reply.yourAddress = offered
      reply.subnetMask = IPv4Address(255, 255, 255, 0)
      reply.router = Self.address
      reply.leaseTime = lease
    }
    var other = reply
    other.transaction ^= 1
    // One that isn't for us comes first and must be ignored.
    return [frame(other, to: message.clientMAC), frame(reply, to: message.clientMAC)]
  }

  private func frame(_ message: DHCPMessage, to mac: MACAddress) -> [UInt8] {
    let payload = message.bytes
    var bytes = [UInt8](repeating: 0, count: 42 + payload.count)
    var storage = bytes.mutableSpan
    var span = storage.mutableBytes
    EthernetHeader(destination: mac, source: .local(99), type: .ipv4).write(to: &span)
    let destination = message.yourAddress.isUnspecified ? IPv4Address.broadcast : message.yourAddress
    var ip = span._mutatingExtracting(14..<42 + payload.count)
    IPv4Header(protocol: .udp, source: Self.address, destination: destination).write(
      to: &ip, payloadLength: 8 + payload.count)
    var udp = ip._mutatingExtracting(20..<28 + payload.count)
    udp.put(payload.span.bytes, at: 8)
    UDPHeader(sourcePort: 67, destinationPort: 68).write(to: &udp, source: Self.address, destination: destination)
    return bytes
  }
}

@Suite struct DHCPTests {
  private func start(_ server: Server) -> Net {
    var net = Net([Net.guest(0, dhcp: true)])
    net.answers = { server.answer($0) }
    net.bootAll()
    return net
  }

  @Test func anAddressIsGotAnnouncedAndRenewed() {
    let server = Server()
    var net = start(server)
    #expect(net.guests[0].stack.address(of: 0) == server.offered)
    #expect(net.guests[0].stack.network(of: 0)?.gateway == Server.address)
    #expect(server.seen.map(\.kind) == [.discover, .request])
    #expect(server.seen.allSatisfy { $0.name == "g0" })
    #expect(server.seen[1].requested == server.offered)
    let announced = net.taps.last!.bytes
    #expect(announced[12] == 8 && announced[13] == 6 && announced.span.bytes.ipv4(28) == server.offered)
    #expect(net.drops.map(\.reason) == [.dhcpNotForUs, .dhcpNotForUs])
    net.run(seconds: 501)
    #expect(server.seen.count == 3)
    #expect(server.seen[2].unicast && server.seen[2].client == server.offered)
    #expect(server.seen[2].at == Instant(500_000_000_000))
    net.run(seconds: 900)
    #expect(net.guests[0].stack.address(of: 0) == server.offered)
  }

  @Test func silenceLeadsToRebindingAndThenToTheEndOfTheLease() {
    let server = Server()
    var net = start(server)
    server.isSilent = true
    server.seen = []
    net.run(seconds: 999)
    #expect(net.guests[0].stack.address(of: 0) == server.offered)
    #expect(server.seen.contains { $0.kind == .request && !$0.unicast && $0.at.seconds >= 875 })
    #expect(server.seen.filter { $0.unicast }.allSatisfy { $0.at.seconds < 875 })
    net.run(seconds: 2)
    #expect(net.guests[0].stack.address(of: 0) == nil)
    #expect(server.seen.last?.kind == .discover)
    server.isSilent = false
    net.run(seconds: 70)
    #expect(net.guests[0].stack.address(of: 0) == server.offered)
  }

  @Test func discoverIsRepeatedWithRandomisedBackoff() {
    let server = Server()
    server.isSilent = true
    var net = start(server)
    net.run(seconds: 300)
    let gaps = zip(server.seen, server.seen.dropFirst()).map { ($1.at - $0.at).seconds }
    for (gap, base) in zip(gaps, [4.0, 8, 16, 32, 64, 64]) { #expect(abs(gap - base) <= 1) }
  }

  @Test func aRefusalStartsOver() {
    let server = Server()
    server.refuses = false
    var net = start(server)
    server.refuses = true
    server.offered = IPv4Address(10, 0, 0, 60)
    net.run(seconds: 501)
    #expect(server.seen.map(\.kind) == [.discover, .request, .request, .discover, .request])
    #expect(net.guests[0].stack.address(of: 0) == server.offered)
  }

  @Test func theCableComesBackAndTheAddressIsAskedForAgain() {
    let server = Server()
    var net = start(server)
    net.run(seconds: 10)
    server.seen = []
    net.with(0) { guest, now, out in guest.linkChanged(port: PortIndex(0), up: true, now: now, &out) }
    #expect(server.seen.map(\.kind) == [.request])
    #expect(server.seen[0].requested == server.offered && !server.seen[0].unicast)
    // Another network: refused, then a new address.
    server.refuses = true
    server.offered = IPv4Address(10, 0, 0, 61)
    net.with(0) { guest, now, out in guest.linkChanged(port: PortIndex(0), up: true, now: now, &out) }
    #expect(net.guests[0].stack.address(of: 0) == server.offered)
  }

  @Test func powerOffForgetsTheLeaseAndBootGetsOneAgain() throws {
    let server = Server()
    var net = start(server)
    net.guests[0].powerOff()
    #expect(net.guests[0].stack.address(of: 0) == nil && net.guests[0].deadline == .never)
    server.seen = []
    net.boot(0)
    #expect(server.seen.map(\.kind) == [.discover, .request])
    try net.recode()
    #expect(net.guests[0].stack.address(of: 0) == server.offered)
  }
}
