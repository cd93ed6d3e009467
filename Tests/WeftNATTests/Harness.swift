import Testing
import WeftCore
import WeftWire

@testable import WeftNAT

typealias IP = IPv4Address

let external = IP(134, 115, 153, 223)
let gatewayInside = IP(192, 168, 122, 1)
let vm = IP(192, 168, 122, 10)
let vm2 = IP(192, 168, 122, 11)
let other = IP(10, 0, 0, 9)
let server = IP(198, 51, 100, 7)
let server2 = IP(203, 0, 113, 8)
let router = IP(134, 115, 153, 1)
let neighbour = IP(134, 115, 153, 10)

func configuration(host: Bool = false, _ change: (inout NATConfiguration) -> Void = { _ in }) -> NATConfiguration {
  var configuration = NATConfiguration(
    name: "home", seed: 1,
    outside: .init(
      mac: .local(0xff00), address: external, prefix: IPv4Prefix(external, length: 24), gateway: router),
    networks: [
      .init(name: "home", mac: .local(0xff02), address: gatewayInside, prefix: IPv4Prefix(vm, length: 24)),
      .init(name: "work", mac: .local(0xff03), address: IP(10, 0, 0, 1), prefix: IPv4Prefix(other, length: 24)),
    ], hasHostPort: host)
  change(&configuration)
  return configuration
}

/// What of a packet tests look at: all of it, read back from bytes with the checksums verified by full recomputation.
struct Seen: Equatable {
  var port: Int
  var source: IP
  var sourcePort: UInt16 = 0
  var destination: IP
  var destinationPort: UInt16 = 0
  var proto: UInt8
  var ttl: UInt8
  var flags = TCPFlags(rawValue: 0)
  var icmpType: UInt8 = 0
  var icmpCode: UInt8 = 0
  var rest: UInt32 = 0
  var trace: UInt32 = 0
  var bytes: [UInt8] = []
  var notes: [Note] = []
  var checksumsAreRight = true
  var udpChecksumIsZero = false
}

struct Drop: Equatable {
  var port: Int
  var reason: DropReason
  var detail: DropDetail
  var bytes: [UInt8]
}

/// Reads an IPv4 packet at its IP header.
func read(_ bytes: [UInt8], port: Int, quoted: Bool = false) -> Seen? {
  let span = bytes.span.bytes
  guard let ip = quoted ? IPv4View(quoted: span) : IPv4View(span) else { return nil }
  var seen = Seen(
    port: port, source: ip.source, destination: ip.destination, proto: ip.protocol.rawValue, ttl: ip.timeToLive)
  seen.checksumsAreRight = ip.hasValidChecksum
  seen.bytes = bytes
  let isWhole = ip.bytes.byteCount == ip.totalLength && !ip.isFragment
  if ip.fragmentOffset > 0 { return seen }
  switch ip.protocol {
  case .udp:
    seen.sourcePort = ip.payload.u16(0)
    seen.destinationPort = ip.payload.u16(2)
    seen.udpChecksumIsZero = ip.payload.u16(6) == 0
    if isWhole {
      guard let udp = UDPView(ip.payload) else { return nil }
      seen.checksumsAreRight =
        seen.checksumsAreRight && udp.hasValidChecksum(source: ip.source, destination: ip.destination)
    }
  case .tcp:
    seen.sourcePort = ip.payload.u16(0)
    seen.destinationPort = ip.payload.u16(2)
    if isWhole {
      guard let tcp = TCPView(ip.payload) else { return nil }
      seen.flags = tcp.flags
      seen.checksumsAreRight =
        seen.checksumsAreRight && tcp.hasValidChecksum(source: ip.source, destination: ip.destination)
    }
  case .icmp:
    guard let icmp = ICMPv4View(ip.payload) else { return nil }
    seen.icmpType = icmp.type.rawValue
    seen.icmpCode = icmp.code
    seen.rest = icmp.bytes.u32(4)
    if icmp.type == .echoRequest { seen.sourcePort = icmp.identifier }
    if icmp.type == .echoReply { seen.destinationPort = icmp.identifier }
    if isWhole { seen.checksumsAreRight = seen.checksumsAreRight && icmp.hasValidChecksum }
  case .sctp:
    guard let sctp = SCTPView(ip.payload) else { return nil }
    seen.sourcePort = sctp.sourcePort
    seen.destinationPort = sctp.destinationPort
    if isWhole, !quoted { seen.checksumsAreRight = seen.checksumsAreRight && sctp.hasValidChecksum }
  case .udpLite:
    guard let datagram = UDPLiteView(ip.payload) else { return nil }
    seen.sourcePort = datagram.sourcePort
    seen.destinationPort = datagram.destinationPort
    if isWhole {
      seen.checksumsAreRight =
        seen.checksumsAreRight && datagram.hasValidChecksum(source: ip.source, destination: ip.destination)
    }
  default: break
  }
  return seen
}

/// The packet that an ICMP error quotes.
func quotation(_ seen: Seen) -> Seen? {
  read(Array(seen.bytes[28...]), port: seen.port, quoted: true)
}

enum Packets {
  static func ip(_ header: IPv4Header, _ payload: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: header.length) + payload
    var mutable = bytes.mutableSpan
    var span = mutable.mutableBytes
    header.write(to: &span, payloadLength: payload.count)
    return bytes
  }

  /// One chunk with a value.
  static func sctp(
    _ source: IP, _ sourcePort: UInt16, _ destination: IP, _ destinationPort: UInt16, _ type: UInt8, tag: UInt32,
    value: [UInt8] = [], ttl: UInt8 = 64
  ) -> [UInt8] {
    var body = [UInt8](repeating: 0, count: 12) + [type, 0, 0, UInt8(value.count + 4)] + value
    var mutable = body.mutableSpan
    var span = mutable.mutableBytes
    span.put(sourcePort, at: 0)
    span.put(destinationPort, at: 2)
    span.put(tag, at: 4)
    span.put(CRC32C.checksum(span.bytes).byteSwapped, at: 8)
    return ip(IPv4Header(protocol: .sctp, source: source, destination: destination, timeToLive: ttl), body)
  }

  /// 20 bytes, of which the sum covers so many.
  static func udpLite(
    _ source: IP, _ sourcePort: UInt16, _ destination: IP, _ destinationPort: UInt16, coverage: Int = 8, ttl: UInt8 = 64
  ) -> [UInt8] {
    var body = [UInt8](repeating: 0, count: 8) + (0..<12).map { UInt8($0) }
    var mutable = body.mutableSpan
    var span = mutable.mutableBytes
    span.put(sourcePort, at: 0)
    span.put(destinationPort, at: 2)
    span.put(UInt16(coverage), at: 4)
    let sum = InternetChecksum.checksum(
      span.bytes.extracting(0..<coverage),
      initial: InternetChecksum.pseudoHeader(source: source, destination: destination, protocol: 136, length: 20))
    span.put(sum, at: 6)
    return ip(IPv4Header(protocol: .udpLite, source: source, destination: destination, timeToLive: ttl), body)
  }

  static func udp(
    _ source: IP, _ sourcePort: UInt16, _ destination: IP, _ destinationPort: UInt16, ttl: UInt8 = 64,
    payload: [UInt8] = [1, 2, 3],
    checksum: Bool = true, options: [UInt8] = []
  ) -> [UInt8] {
    var body = [UInt8](repeating: 0, count: 8) + payload
    var mutable = body.mutableSpan
    var span = mutable.mutableBytes
    UDPHeader(sourcePort: sourcePort, destinationPort: destinationPort).write(
      to: &span, source: source, destination: destination)
    if !checksum { span.put(0 as UInt16, at: 6) }
    var header = IPv4Header(protocol: .udp, source: source, destination: destination, timeToLive: ttl)
    header.options = options
    return ip(header, body)
  }

  static func tcp(
    _ source: IP, _ sourcePort: UInt16, _ destination: IP, _ destinationPort: UInt16, _ flags: TCPFlags,
    ttl: UInt8 = 64,
    payload: [UInt8] = [], sequence: UInt32 = 1000, acknowledgment: UInt32 = 77, window: UInt16 = 9000,
    options: TCPOptions = TCPOptions()
  ) -> [UInt8] {
    let tcp = TCPHeader(
      sourcePort: sourcePort, destinationPort: destinationPort, sequence: sequence, acknowledgment: acknowledgment,
      flags: flags, window: window, options: options)
    var body = [UInt8](repeating: 0, count: tcp.length) + payload
    var mutable = body.mutableSpan
    var span = mutable.mutableBytes
    tcp.write(to: &span, source: source, destination: destination)
    return ip(IPv4Header(protocol: .tcp, source: source, destination: destination, timeToLive: ttl), body)
  }

  static func icmp(
    _ source: IP, _ destination: IP, _ type: UInt8, code: UInt8 = 0, rest: UInt32, data: [UInt8] = [9, 8, 7],
    ttl: UInt8 = 64
  ) -> [UInt8] {
    var body = [UInt8](repeating: 0, count: 8) + data
    var mutable = body.mutableSpan
    var span = mutable.mutableBytes
    ICMPv4Header(type: ICMPv4Type(rawValue: type), code: code, rest: rest).write(to: &span)
    return ip(IPv4Header(protocol: .icmp, source: source, destination: destination, timeToLive: ttl), body)
  }

  static func ping(_ source: IP, _ destination: IP, id: UInt16, reply: Bool = false, ttl: UInt8 = 64) -> [UInt8] {
    icmp(source, destination, reply ? 0 : 8, rest: UInt32(id) << 16 | 1, ttl: ttl)
  }
}

/// A gateway between links on which everyone answers ARP at once.
final class Harness {
  var gateway: NATGateway
  let pool = FramePool()
  var out: Effects
  var now = Instant(1_000_000_000)
  var sent: [Seen] = []
  var drops: [Drop] = []
  /// Those who don't answer ARP.
  var silent: Set<IP> = []
  var trace: UInt32 = 0
  /// Frames given in, less verdicts seen.
  var transmitted = 0
  /// Destination MACs of what was sent, and who has them.
  var arpAsked: [IP] = []
  var macs: [MACAddress] = []

  init(_ configuration: NATConfiguration) {
    gateway = NATGateway(configuration)
    out = Effects(pool: pool)
  }

  static func mac(of address: IP) -> MACAddress { .local(UInt64(address.rawValue)) }

  func portMAC(_ port: Int) -> MACAddress { gateway.links.neighbours[port].mac }

  /// Gives an IP packet in on a port; what goes out and what is dropped is kept until the next `clear`.
  func give(_ packet: [UInt8], on port: Int) {
    giveFrame(ethernet(packet, on: port), on: port)
  }

  func ethernet(_ packet: [UInt8], on port: Int, type: EtherType = .ipv4, to: MACAddress? = nil) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 14) + packet
    var mutable = bytes.mutableSpan
    var span = mutable.mutableBytes
    EthernetHeader(destination: to ?? portMAC(port), source: .local(1), type: type).write(to: &span)
    return bytes
  }

  func giveFrame(_ bytes: [UInt8], on port: Int) {
    let frame = pool.frame(bytes)
    frame.trace = trace
    gateway.receive(frame, on: PortIndex(port), now: now, &out)
    drain()
  }

  func drain() {
    var requests: [(Int, ARPPacket)] = []
    repeat {
      requests = []
      for index in 0..<out.count {
        let entry = out[index]
        let frame = Frame(stored: entry.frame)
        let bytes = frame.bytes.array
        let port = entry.port.index
        if entry.verdict == .drop {
          drops.append(Drop(port: port, reason: entry.reason, detail: entry.detail, bytes: bytes))
          continue
        }
        transmitted += 1
        guard let ethernet = EthernetView(bytes.span.bytes) else { continue }
        if ethernet.type == .arp {
          if let arp = ARPPacket(ethernet.payload) { requests.append((port, arp)) }
          continue
        }
        macs.append(ethernet.destination)
        if var seen = read(Array(bytes[14...]), port: port) {
          seen.trace = frame.trace
          for number in 0..<Int(entry.noteCount) { seen.notes.append(out.note(number, of: entry)) }
          sent.append(seen)
        }
      }
      out.removeAll()
      for (port, arp) in requests where arp.operation == .request {
        arpAsked.append(arp.targetIP)
        if silent.contains(arp.targetIP) { continue }
        let reply = arp.reply(from: Self.mac(of: arp.targetIP))
        var body = [UInt8](repeating: 0, count: 28)
        var mutable = body.mutableSpan
        var span = mutable.mutableBytes
        reply.write(to: &span)
        let frame = pool.frame(ethernet(body, on: port, type: .arp))
        gateway.receive(frame, on: PortIndex(port), now: now, &out)
      }
    } while out.count > 0
  }

  /// Lets time go by, waking the gateway whenever it wants.
  func advance(to instant: Instant) {
    while gateway.deadline <= instant {
      now = max(now, gateway.deadline)
      gateway.wake(now: now, &out)
      #expect(gateway.deadline > now)
      drain()
    }
    now = instant
  }

  func advance(by duration: Nanoseconds) { advance(to: now + duration) }

  func clear() {
    sent = []
    drops = []
    macs = []
    arpAsked = []
  }

  /// Gives a packet in and takes what came of it: exactly one packet out.
  func pass(_ packet: [UInt8], on port: Int, _ location: SourceLocation = #_sourceLocation) -> Seen? {
    clear()
    give(packet, on: port)
    #expect(
      sent.count == 1 && drops.isEmpty, "\(sent.count) sent, dropped \(drops.map(\.reason))", sourceLocation: location)
    for seen in sent { #expect(seen.checksumsAreRight, sourceLocation: location) }
    return sent.first
  }

  /// Gives a packet in and takes the reason of its drop; what was answered is in `sent`.
  func refuse(_ packet: [UInt8], on port: Int, _ location: SourceLocation = #_sourceLocation) -> DropReason? {
    clear()
    give(packet, on: port)
    #expect(drops.count == 1, "\(sent.count) sent, dropped \(drops.map(\.reason))", sourceLocation: location)
    // As it came in.
    if let drop = drops.first {
      #expect(Array(drop.bytes[14...]) == packet && drop.port == port, sourceLocation: location)
    }
    for seen in sent { #expect(seen.checksumsAreRight, sourceLocation: location) }
    return drops.first?.reason
  }
}
