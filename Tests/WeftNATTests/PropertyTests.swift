import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

/// What must be true whatever is sent, under any set of axes.
@Suite struct PropertyTests {
  static func pick<T>(_ values: [T], _ random: inout RandomStream) -> T {
    values[Int(random.next(below: UInt64(values.count)))]
  }

  static func settings(_ random: inout RandomStream) -> NATSettings {
    var b = NATSettings(pick(NATSettings.Profile.allCases, &random))
    if random.next(below: 2) == 0 {
      b.mapping = pick(NATSettings.Dependence.allCases, &random)
      b.filtering = pick(NATSettings.Dependence.allCases, &random)
    }
    b.ports = pick(NATSettings.Ports.allCases, &random)
    b.blockSize = 8
    b.parity = random.next(below: 2) == 0
    b.pooling = pick(NATSettings.Pooling.allCases, &random)
    b.hairpin = pick(NATSettings.Hairpin.allCases, &random)
    b.unsolicited = pick(NATSettings.Unsolicited.allCases, &random)
    b.windowTracking = pick(NATSettings.WindowTracking.allCases, &random)
    b.loose = random.next(below: 2) == 0
    if random.next(below: 2) == 0 { b.portRange = 5000...5030 }
    return b
  }

  static func harness(_ random: inout RandomStream) -> Harness {
    let settings = settings(&random)
    var limits = NATSettings.Limits()
    limits.table = 40
    if random.next(below: 2) == 0 { limits.holdDown = .seconds(120) }
    if random.next(below: 2) == 0 { limits.sessionsPerVM = 12 }
    if random.next(below: 2) == 0 { limits.mappingsPerVM = 8 }
    limits.earlyDrop = random.next(below: 2) == 0
    let rules =
      random.next(below: 2) == 0 ? [FilterRule(.reset, port: 8080...8080), FilterRule(.allow)] : []
    let mtu = pick([1500, 68, 576] as [UInt16], &random)
    let host = random.next(below: 2) == 0
    return Harness(
      configuration(host: host) {
        RandomTests.everything(&$0)
        $0.settings = settings
        $0.limits = limits
        $0.rules = rules
        $0.addresses = AxesTests.pool
        $0.outside.mtu = mtu
      })
  }

  /// A packet, or a piece of one.
  static func packet(_ random: inout RandomStream) -> [UInt8] {
    let packet = RandomTests.packet(&random)
    guard random.next(below: 4) == 0, packet.count > 44 else { return packet }
    return pick(FragmentTests.cut(packet, 16, id: UInt16(random.next(below: 3))), &random)
  }

  @Test("RFC 4787 REQ-3, RFC 3022: whatever is sent, with whatever axes", arguments: 1...24 as ClosedRange<UInt64>)
  func invariants(seed: UInt64) {
    var random = RandomStream(seed: seed, owner: "nat", purpose: "properties")
    let net = harnessWithEvents(&random)
    let externals = net.gateway.configuration.externalAddresses
    for round in 0..<1500 {
      net.clear()
      let port = Int(random.next(below: 4))
      let outstanding = net.pool.outstanding
      net.give(Self.packet(&random), on: port)
      let kept = net.pool.outstanding - outstanding
      if net.sent.isEmpty, net.drops.isEmpty, kept != 1 { Issue.record("round \(round): vanished") }
      if net.pool.outstanding > FragmentTable.heldFrames + HeldSYNs.limit {
        Issue.record("round \(round): kept too much")
      }
      for seen in net.sent {
        if seen.port == 0, !externals.contains(seen.source) {
          Issue.record("round \(round): a private source left: \(seen)")
        }
        if !seen.checksumsAreRight { Issue.record("round \(round): a wrong checksum: \(seen)") }
      }
      if net.gateway.connectionCount > net.gateway.configuration.limits.table { Issue.record("round \(round): too many") }
      if random.next(below: 60) == 0 { net.advance(by: .seconds(random.next(below: 200))) }
      if round % 50 == 0 {
        var outside: Set<[UInt32]> = []
        for entry in net.gateway.connections(now: net.now) where entry.reply.port == NATGateway.outsidePort {
          let r = entry.reply
          let key = [
            UInt32(entry.protocolNumber), r.source.rawValue, UInt32(r.sourcePort), r.destination.rawValue,
            UInt32(r.destinationPort),
          ]
          if !outside.insert(key).inserted { Issue.record("round \(round): two flows share \(r)") }
        }
      }
    }
    // Every event's beginning has its end.
    net.gateway.flush(now: net.now)
    var alive: Set<UInt64> = []
    for event in net.gateway.takeEvents() {
      switch event.kind {
      case .new: if !alive.insert(event.entry.id).inserted { Issue.record("new twice: \(event)") }
      case .update: if !alive.contains(event.entry.id) { Issue.record("updated before new: \(event)") }
      case .destroy: if alive.remove(event.entry.id) == nil { Issue.record("ended before new: \(event)") }
      }
    }
    #expect(alive.isEmpty && net.gateway.mappings.pinholes.isEmpty)
    net.advance(by: .minutes(10))
    net.clear()
    let dynamic = net.gateway.mappings.inOrder.filter { net.gateway.mappings[$0].owner == .flow }
    #expect(dynamic.isEmpty && net.gateway.connectionCount == 0 && net.pool.outstanding == 0)
  }

  func harnessWithEvents(_ random: inout RandomStream) -> Harness {
    let net = Self.harness(&random)
    net.gateway.recordEvents(limit: 100_000)
    return net
  }

  @Test("a decoded gateway does the same under any set of axes", arguments: 1...12 as ClosedRange<UInt64>)
  func decodedGatewaysAgree(seed: UInt64) throws {
    var random = RandomStream(seed: seed, owner: "nat", purpose: "decoded")
    let a = harnessWithEvents(&random)
    let b = Harness(a.gateway.configuration)
    for round in 0..<800 {
      if round % 200 == 100 || round == 0 {
        b.gateway = try CheckpointTests.copy(a.gateway, into: b.pool)
        #expect(try CheckpointTests.encode(b.gateway) == CheckpointTests.encode(a.gateway))
      }
      let packet = Self.packet(&random)
      let port = Int(random.next(below: 4))
      let step = random.next(below: 30) == 0 ? Nanoseconds.seconds(random.next(below: 100)) : .zero
      for net in [a, b] {
        net.clear()
        net.give(packet, on: port)
        net.advance(by: step)
      }
      guard a.sent == b.sent, a.drops == b.drops, a.macs == b.macs else {
        Issue.record("round \(round): \(a.sent) \(a.drops) \(b.sent) \(b.drops)")
        return
      }
    }
    #expect(a.gateway.takeEvents() == b.gateway.takeEvents())
    #expect(try CheckpointTests.encode(b.gateway) == CheckpointTests.encode(a.gateway))
  }

  @Test("many live flows: every packet's translation is the model's, both ways")
  func manyFlowsAgreeWithAModel() {
    let flows = 20_000
    let net = Harness(configuration { $0.networks[0].prefix = IPv4Prefix(IP(192, 168, 0, 0), length: 16) })
    var random = RandomStream(seed: 1, owner: "many", purpose: "test")
    func inside(_ flow: Int) -> IP { IP(rawValue: IP(192, 168, 200, 1).rawValue + UInt32(flow % 40)) }
    func port(_ flow: Int) -> UInt16 { UInt16(2000 + flow / 40 % 400) }
    func remote(_ flow: Int) -> IP { IP(rawValue: IP(198, 18, 0, 1).rawValue + UInt32(flow / 16_000)) }
    var model: [UInt64: UInt16] = [:]
    var owner: [UInt16: UInt64] = [:]
    for step in 0..<flows + 4000 {
      let flow = step < flows ? step : Int(random.next(below: UInt64(flows)))
      let key = UInt64(inside(flow).rawValue) << 16 | UInt64(port(flow))
      net.clear()
      if step < flows || step & 1 == 0 {
        net.give(Packets.udp(inside(flow), port(flow), remote(flow), 53), on: 2)
        guard let seen = net.sent.first, seen.source == external, seen.destination == remote(flow) else {
          Issue.record("step \(step): \(net.drops.map(\.reason))")
          return
        }
        if let known = model[key], known != seen.sourcePort { Issue.record("step \(step): another port") }
        if let other = owner[seen.sourcePort], other != key { Issue.record("step \(step): a shared port") }
        model[key] = seen.sourcePort
        owner[seen.sourcePort] = key
      } else {
        net.give(Packets.udp(remote(flow), 53, external, model[key] ?? 0), on: 0)
        guard let seen = net.sent.first, seen.destination == inside(flow), seen.destinationPort == port(flow) else {
          Issue.record("step \(step): \(net.drops.map(\.reason))")
          return
        }
      }
    }
    #expect(net.gateway.connectionCount == flows)
  }
}
