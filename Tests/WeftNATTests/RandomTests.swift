import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

@Suite struct RandomTests {
  /// Valid packets of all sorts, now and then.
  static func packet(_ random: inout RandomStream) -> [UInt8] {
    let hosts = [
      vm, vm2, other, server, server2, neighbour, external, gatewayInside, router, IP(10, 0, 0, 1), .broadcast,
    ]
    let source = hosts[Int(random.next(below: 11))]
    let destination = hosts[Int(random.next(below: 11))]
    let ports: [UInt16] = [22, 53, 80, 8080, 5000, 5001]
    let sourcePort = ports[Int(random.next(below: 6))]
    let destinationPort = ports[Int(random.next(below: 6))]
    let ttl = UInt8(random.next(below: 4) == 0 ? random.next(below: 3) : 64)
    switch random.next(below: 5) {
    case 0:
      return Packets.tcp(
        source, sourcePort, destination, destinationPort, TCPFlags(rawValue: UInt8(random.next(below: 64))), ttl: ttl)
    case 1: return Packets.ping(source, destination, id: sourcePort, reply: random.next(below: 2) == 0, ttl: ttl)
    case 2:
      var quoted = Packets.udp(destination, destinationPort, source, sourcePort)
      if random.next(below: 2) == 0 { quoted = packet(&random) }
      return Packets.icmp(
        source, destination, UInt8(random.next(below: 14)), code: 1, rest: 0,
        data: Array(quoted.prefix(Int(random.next(below: 60)))), ttl: ttl)
    default: return Packets.udp(source, sourcePort, destination, destinationPort, ttl: ttl)
    }
  }

  static func everything(_ c: inout NATConfiguration) {
    c.forwards = [
      PortForward(.tcp, externalPort: 8080, to: vm, port: 80), PortForward(.udp, externalPort: 53, to: vm2, port: 53),
    ]
    c.services = [ServicePort(.tcp, 22)]
    c.limits.table = 40
    c.unsolicited = .refuse
  }

  @Test(
    "any bytes on any port: no trap, every frame ends in exactly one verdict, nothing is kept",
    arguments: NATSettings.Dependence.allCases)
  func anyBytes(filtering: NATSettings.Dependence) {
    var random = RandomStream(seed: 7, owner: "nat", purpose: filtering.rawValue)
    let net = Harness(
      configuration(host: true) {
        Self.everything(&$0)
        $0.filtering = filtering
        $0.mapping = NATSettings.Dependence(rawValue: filtering.rawValue) ?? .endpointIndependent
      })
    for round in 0..<34_000 {
      let port = Int(random.next(below: 5))
      var frame: [UInt8]
      var isWhole = false
      switch random.next(below: 8) {
      case 0: frame = (0..<Int(random.next(below: 90))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      default:
        frame = net.ethernet(Self.packet(&random), on: min(port, 3))
        switch random.next(below: 4) {
        case 0: frame[Int(random.next(below: UInt64(frame.count)))] = UInt8(truncatingIfNeeded: random.next())
        case 1: frame = Array(frame.prefix(Int(random.next(below: UInt64(frame.count + 1)))))
        case 2: frame += [UInt8](repeating: 0, count: Int(random.next(below: 20)))
        default: isWhole = true
        }
      }
      let isARP = frame.count > 13 && frame[12] == 8 && frame[13] == 6
      net.clear()
      net.giveFrame(frame, on: port)
      if !isARP, net.sent.count + net.drops.count == 0 { Issue.record("frame \(round) vanished: \(frame)") }
      for seen in net.sent {
        if seen.port == 0, seen.source != external { Issue.record("frame \(round): a private source left: \(seen)") }
        if isWhole, !seen.checksumsAreRight { Issue.record("frame \(round): a wrong checksum: \(seen)") }
      }
      if net.drops.count > 1 { Issue.record("frame \(round) dropped twice") }
      if net.pool.outstanding != 0 { Issue.record("frame \(round) is kept") }
      for drop in net.drops where drop.bytes != frame {
        Issue.record("frame \(round) was changed before it was dropped")
      }
      if random.next(below: 200) == 0 { net.advance(by: .seconds(random.next(below: 400))) }
    }
    net.advance(by: .hours(5))
    #expect(net.gateway.connectionCount == 0 && net.gateway.mappingCount == 3)
    #expect(net.gateway.mappings.pinholes.isEmpty)
  }

  struct Endpoint: Hashable {
    var proto: UInt8
    var address: IP
    var port: UInt16
  }

  struct Flow: Hashable {
    var local: Endpoint
    var remote: Endpoint
  }

  @Test(
    "the gateway agrees with a plain dictionary of mappings and flows", arguments: [1, 2, 3, 4] as [UInt64])
  func agreesWithAModel(seed: UInt64) {
    var random = RandomStream(seed: seed, owner: "model", purpose: "test")
    let net = Harness(configuration { $0.networks[0].prefix = IPv4Prefix(IP(192, 168, 0, 0), length: 16) })
    var mapped: [Endpoint: UInt16] = [:]
    var owner: [Endpoint: Endpoint] = [:]
    var lastOutbound: [Flow: Instant] = [:]
    func timeout(_ proto: UInt8) -> Nanoseconds { proto == 17 ? .seconds(300) : .seconds(60) }
    func isAlive(_ flow: Flow) -> Bool {
      lastOutbound[flow].map { net.now < $0 + timeout(flow.local.proto) } ?? false
    }
    func forget() {
      for flow in lastOutbound.keys where !isAlive(flow) { lastOutbound[flow] = nil }
      for (local, port) in mapped where !lastOutbound.keys.contains(where: { $0.local == local }) {
        mapped[local] = nil
        owner[Endpoint(proto: local.proto, address: external, port: port)] = nil
      }
    }
    for round in 0..<6_000 {
      let proto: UInt8 = random.next(below: 3) == 0 ? 1 : 17
      let port = UInt16(random.next(below: 4)) * 400 + 200
      let local = Endpoint(proto: proto, address: IP(192, 168, 7, UInt8(10 + random.next(below: 6))), port: port)
      let remote = Endpoint(
        proto: proto, address: IP(198, 51, 100, UInt8(random.next(below: 5) + 1)), port: proto == 1 ? 0 : 53)
      let payload = (0..<Int(random.next(below: 40))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let flow = Flow(local: local, remote: remote)
      net.clear()
      if random.next(below: 2) == 0 {
        net.give(
          proto == 1
            ? Packets.ping(local.address, remote.address, id: port)
            : Packets.udp(local.address, port, remote.address, 53, payload: payload), on: 2)
        guard let seen = net.sent.first, net.sent.count == 1 else {
          Issue.record("round \(round): \(net.drops.map(\.reason))")
          return
        }
        let out = Endpoint(proto: proto, address: external, port: seen.sourcePort)
        if let known = mapped[local] {
          if known != seen.sourcePort { Issue.record("round \(round): another port") }
        } else if owner[out] != nil {
          Issue.record("round \(round): a shared port")
        }
        if proto == 17, (seen.sourcePort < 1024) != (port < 1024) { Issue.record("round \(round): another range") }
        if seen.source != external || !seen.checksumsAreRight { Issue.record("round \(round): \(seen)") }
        mapped[local] = seen.sourcePort
        owner[out] = local
        lastOutbound[flow] = net.now
      } else {
        // Somebody from outside, to a port that is in use or not.
        let target =
          mapped.isEmpty || random.next(below: 4) == 0
          ? port : owner.keys.filter { $0.proto == proto }.map(\.port).sorted().randomElement(using: &random) ?? port
        net.give(
          proto == 1
            ? Packets.ping(remote.address, external, id: target, reply: true)
            : Packets.udp(remote.address, 53, external, target, payload: payload), on: 0)
        let inside = owner[Endpoint(proto: proto, address: external, port: target)]
        let expected = inside.flatMap { isAlive(Flow(local: $0, remote: remote)) ? $0 : nil }
        if let expected {
          let seen = net.sent.first
          if net.sent.count != 1 || seen?.destination != expected.address || seen?.destinationPort != expected.port
            || seen?.checksumsAreRight != true
          {
            Issue.record("round \(round): \(net.sent) \(net.drops.map(\.reason))")
          }
        } else if net.drops.count != 1 || !net.sent.isEmpty {
          Issue.record("round \(round): let in")
        }
      }
      if random.next(below: 20) == 0 {
        net.advance(by: .milliseconds(random.next(below: 60_000) + 2))
        forget()
        let alive = net.gateway.connections(now: net.now).count
        if alive != lastOutbound.count { Issue.record("round \(round): \(alive) sessions, not \(lastOutbound.count)") }
        if net.gateway.mappingCount < mapped.count { Issue.record("round \(round): a mapping is missing") }
      }
    }
  }
}
