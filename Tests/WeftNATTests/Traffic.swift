import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

/// What may come to a gateway, much of it of flows that it has, or had.
struct Traffic {
  enum Step {
    case give([UInt8], Int)
    case advance(Nanoseconds)
    /// Time goes by and nobody wakes the gateway: what is over is still in its tables.
    case sleep(Nanoseconds)
    case add(PortForward)
    case remove(PortForward)
    case rules([FilterRule])
    case forwarding(Bool)
  }

  let net: Harness
  /// Connections that there were once.
  private var known: [ConnectionEntry] = []
  /// Pieces that are still to come.
  private var pieces: [(packet: [UInt8], port: Int)] = []

  init(_ net: Harness) { self.net = net }

  static let forwards = [
    PortForward(.tcp, externalPort: 9000, count: 3, to: vm2, port: 70), PortForward(.udp, externalPort: 5001, to: vm, port: 9),
  ]

  static func pick<T>(_ values: [T], _ random: inout RandomStream) -> T { PropertyTests.pick(values, &random) }
  static func chance(_ of: UInt64, _ random: inout RandomStream) -> Bool { random.next(below: of) == 0 }

  static func configuration(_ profile: NATSettings.Profile, _ random: inout RandomStream) -> NATConfiguration {
    let settings = settings(profile, &random)
    let hasHost = chance(2, &random)
    let (outer, inner) = (pick([1500, 1500, 576, 68] as [UInt16], &random), pick([1500, 1500, 300] as [UInt16], &random))
    let isOn = !chance(12, &random)
    return WeftNATTests.configuration(host: hasHost) {
      RandomTests.everything(&$0)
      $0.settings = settings
      $0.outside.mtu = outer
      $0.networks[1].mtu = inner
      $0.ipForwarding = isOn
      if profile == .oneToOne {
        $0.staticBindings = [.init(inside: vm, external: settings.addresses.first ?? external)]
      }
    }
  }

  private static func settings(_ profile: NATSettings.Profile, _ random: inout RandomStream) -> NATSettings {
    var s = NATSettings(profile)
    if chance(3, &random) {
      s.mapping = pick(NATSettings.Dependence.allCases, &random)
      s.filtering = pick(NATSettings.Dependence.allCases, &random)
    }
    if chance(2, &random) { s.ports = pick(NATSettings.Ports.allCases, &random) }
    s.blockSize = 8
    s.parity = chance(3, &random)
    s.overload = chance(3, &random) ? !s.overload : s.overload
    if chance(3, &random) { s.portRange = 5000...5012 }
    s.pooling = pick(NATSettings.Pooling.allCases, &random)
    if chance(2, &random) { s.hairpin = pick(NATSettings.Hairpin.allCases, &random) }
    s.unsolicited = pick(NATSettings.Unsolicited.allCases, &random)
    s.tcpMachine = chance(3, &random) ? pick(NATSettings.TCPMachine.allCases, &random) : s.tcpMachine
    s.windowTracking = pick(NATSettings.WindowTracking.allCases, &random)
    s.loose = chance(2, &random)
    s.reportExhaustion = chance(2, &random)
    s.inboundRefresh = chance(2, &random)
    s.mssClamp = chance(2, &random)
    s.keepsFlows = chance(4, &random) ? !s.keepsFlows : s.keepsFlows
    if chance(2, &random) || profile == .oneToOne { s.addresses = AxesTests.pool }
    if chance(3, &random) { s.limits.table = 12 } else { s.limits.table = 60 }
    s.limits.earlyDrop = chance(2, &random)
    if chance(3, &random) { s.limits.sessionsPerVM = 9 }
    if chance(3, &random) { s.limits.mappingsPerVM = 6 }
    if chance(3, &random) { s.limits.holdDown = .seconds(120) }
    if chance(2, &random) { s.rules = rules(&random) }
    return s
  }

  private static func rules(_ random: inout RandomStream) -> [FilterRule] {
    (0..<Int(random.next(below: 4))).map { _ in
      var rule = FilterRule(pick(FilterRule.Action.allCases, &random))
      if chance(2, &random) { rule.direction = pick(FilterRule.Direction.allCases, &random) }
      if chance(2, &random) { rule.state = pick(FilterRule.State.allCases, &random) }
      if chance(3, &random) { rule.from = pick(FilterRule.Side.allCases, &random) }
      if chance(2, &random) { rule.protocol = pick([1, 6, 17, 47], &random) }
      if rule.protocol != 1, rule.protocol != 47 { rule.port = pick([22...80, 5000...5000, 8080...8080], &random) }
      if chance(3, &random) { rule.source = IPv4Prefix(pick([vm, server], &random), length: 32) }
      return rule
    }
  }

  mutating func next(_ random: inout RandomStream) -> Step {
    switch random.next(below: 100) {
    case 0..<4: return .advance(.milliseconds(random.next(below: 200_000)))
    case 4..<7: return .sleep(.milliseconds(random.next(below: 90_000)))
    case 7: return .add(Self.pick(Self.forwards, &random))
    case 8: return .remove(Self.pick(Self.forwards, &random))
    case 9: return Self.chance(6, &random) ? .forwarding(Self.chance(2, &random)) : .forwarding(true)
    case 10: return Self.chance(8, &random) ? .rules(Self.rules(&random)) : .advance(.milliseconds(1))
    default: break
    }
    if !pieces.isEmpty, Self.chance(2, &random) {
      let piece = pieces.remove(at: Int(random.next(below: UInt64(pieces.count))))
      return .give(net.ethernet(piece.packet, on: piece.port), piece.port)
    }
    var (packet, port) = Self.chance(3, &random) ? stray(&random) : ofAFlow(&random)
    if Self.chance(12, &random) {
      packet[Int(random.next(below: UInt64(packet.count)))] ^= 0x10
    } else if Self.chance(6, &random), packet.count > 44 {
      var cut = FragmentTests.cut(packet, Self.pick([16, 24, 400], &random), id: UInt16(random.next(below: 4)))
      if Self.chance(2, &random) { cut.swapAt(0, cut.count - 1) }
      pieces += cut.dropFirst().map { ($0, port) }
      packet = cut[0]
    }
    return .give(net.ethernet(packet, on: port), port)
  }

  /// Any packet on any port.
  private func stray(_ random: inout RandomStream) -> ([UInt8], Int) {
    let port = Int(random.next(below: 4))
    if Self.chance(8, &random) {
      let header = IPv4Header(
        protocol: IPProtocol(rawValue: Self.pick([47, 50, 132, 255], &random)),
        source: Self.pick([vm, vm2, server, other], &random), destination: Self.pick([server, external, vm], &random))
      return (Packets.ip(header, [1, 2, 3, 4, 5, 6, 7, 8]), port)
    }
    return (RandomTests.packet(&random), port)
  }

  /// Of a connection that there is or was, or the first of one.
  private mutating func ofAFlow(_ random: inout RandomStream) -> ([UInt8], Int) {
    known += net.gateway.connections(now: net.now).filter { entry in !known.contains { $0.id == entry.id } }
    if known.count > 60 { known.removeFirst(known.count - 60) }
    guard !known.isEmpty, !Self.chance(4, &random) else { return first(&random) }
    let entry = Self.pick(known, &random)
    let end = Self.chance(2, &random) ? entry.original : entry.reply
    let packet = packet(entry.protocolNumber, end, isReply: end == entry.reply, &random)
    guard Self.chance(7, &random) else { return (packet, end.port.index) }
    // An error about what has gone the other way.
    let other = end == entry.original ? entry.reply : entry.original
    let quoted = self.packet(entry.protocolNumber, turned(other), isReply: end != entry.reply, &random)
    let from = Self.chance(3, &random) ? router : other.source
    return (
      Packets.icmp(
        from, other.destination, Self.pick([3, 3, 11, 4, 5, 12], &random), code: Self.pick([0, 1, 3, 4], &random),
        rest: 0, data: Array(quoted.prefix(Self.pick([28, 40, 200], &random)))), other.port.index
    )
  }

  private func turned(_ end: ConnectionEntry.Direction) -> ConnectionEntry.Direction {
    var turned = end
    swap(&turned.source, &turned.destination)
    swap(&turned.sourcePort, &turned.destinationPort)
    return turned
  }

  private func first(_ random: inout RandomStream) -> ([UInt8], Int) {
    let (source, port) = Self.pick([(vm, 2), (vm2, 2), (other, 3), (external, 1), (server, 0), (neighbour, 0)], &random)
    let all = [server, server2, neighbour, external] + net.gateway.configuration.settings.addresses
    let destination = port == 0 ? Self.pick([external] + all.dropFirst(3), &random) : Self.pick(all, &random)
    let ports: [UInt16] = [22, 53, 80, 5000, 5001, 5002, 8080, 9001]
    let end = ConnectionEntry.Direction(
      source: source, destination: destination, sourcePort: Self.pick(ports, &random),
      destinationPort: Self.pick(ports, &random), port: PortIndex(port), packets: 0, bytes: 0)
    return (packet(Self.pick([6, 6, 6, 17, 17, 17, 1, 132, 136], &random), end, isReply: false, &random), port)
  }

  private func packet(
    _ proto: UInt8, _ end: ConnectionEntry.Direction, isReply: Bool, _ random: inout RandomStream
  ) -> [UInt8] {
    let ttl: UInt8 = Self.chance(30, &random) ? 1 : 64
    let payload = [UInt8](repeating: 7, count: Self.pick([0, 3, 60, 700], &random))
    switch proto {
    case 6:
      let flags = Self.pick([.syn, .syn, [.syn, .ack], .ack, .ack, [.fin, .ack], .rst, [.rst, .ack]] as [TCPFlags], &random)
      let near = UInt32(random.next(below: 4))
      return Packets.tcp(
        end.source, end.sourcePort, end.destination, end.destinationPort, flags, ttl: ttl, payload: flags == .ack ? payload : [],
        sequence: isReply ? 77 &+ near : 1000 &+ near, acknowledgment: isReply ? 1001 &+ near : 78 &+ near)
    case 17: return Packets.udp(end.source, end.sourcePort, end.destination, end.destinationPort, ttl: ttl, payload: payload)
    case 1:
      let identifier = max(end.sourcePort, end.destinationPort)
      return Packets.ping(end.source, end.destination, id: identifier, reply: isReply, ttl: ttl)
    case 132:
      let type: UInt8 = Self.pick([0, 1, 1, 2, 4, 5, 6, 7, 8, 10, 11, 14], &random)
      let tag: UInt32 = type == 1 ? 0 : Self.chance(8, &random) ? 9 : isReply ? 1 : 2
      let value: [UInt8] = type == 1 || type == 2 ? [0, 0, 0, isReply ? 2 : 1] + [UInt8](repeating: 0, count: 12) : []
      return Packets.sctp(
        end.source, end.sourcePort, end.destination, end.destinationPort, type, tag: tag, value: value, ttl: ttl)
    case 136:
      return Packets.udpLite(
        end.source, end.sourcePort, end.destination, end.destinationPort, coverage: Self.pick([8, 12, 20], &random), ttl: ttl)
    default:
      let header = IPv4Header(
        protocol: IPProtocol(rawValue: proto), source: end.source, destination: end.destination, timeToLive: ttl)
      return Packets.ip(header, payload)
    }
  }
}
