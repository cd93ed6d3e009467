import CTableMemory
import WeftCore
import WeftNAT
import WeftWire

/// Packets of established UDP flows through a NAT, outbound and inbound in turn, each from another place of the table.
struct NATBenchmark {
  // One address has some 64,000 ports, so many flows are many remotes of the same endpoints.
  private static let endpoints = 32_768
  static let router = MACAddress.local(0xee)
  static let outside = MACAddress.local(1)
  static let lan = MACAddress.local(2)
  static let external = IPv4Address(203, 0, 113, 1)
  private static let inside = IPv4Address(10, 0, 0, 1)

  let flows: Int
  var packets: Packets
  var gateway: NATGateway
  var pool: FramePool { packets.pool }

  init(flows: Int) {
    self.flows = flows
    var configuration = NATConfiguration(
      name: "bench", seed: 1,
      outside: .init(
        mac: Self.outside, address: Self.external, prefix: IPv4Prefix(Self.external, length: 24),
        gateway: IPv4Address(203, 0, 113, 254)),
      networks: [.init(name: "lan", mac: Self.lan, address: Self.inside, prefix: IPv4Prefix(Self.inside, length: 8))],
      hasHostPort: false)
    configuration.limits.table = flows * 2
    gateway = NATGateway(configuration)
    packets = Packets(flows: flows, externalPorts: [UInt16](repeating: 0, count: min(flows, Self.endpoints)))
  }

  static func figures(flows: Int, goals: (single: Double, batched: Double)) -> [Figure] {
    let goal = goals.single
    let label = ElementBenchmarks.label(flows)
    let before = Measure.heapInUse
    var bench = NATBenchmark(flows: flows)
    bench.fill()
    let heap = Double(Measure.heapInUse - before) / Double(flows)
    let count = 1_000_000
    // What it costs to make the packets is not the NAT's: measured by itself and taken off.
    let packets = bench.packets
    let making = Measure.nanosecondsPer("", count: count) {
      for index in 0..<count { _ = packets.packet(index) }
    }.value
    var out = Effects(pool: bench.pool)
    var gateway = bench.gateway
    // The only owner of its tables, or the first packet would copy them all.
    bench.gateway = NATBenchmark(flows: 1).gateway
    var figure = Measure.nanosecondsPer("NAT translate, \(label) flows", count: count, goal: goal) {
      for index in 0..<count {
        gateway.receive(packets.packet(index), on: port(index), now: Self.now, &out)
        ElementBenchmarks.release(&out)
      }
    }
    figure.subtract(making)
    var batched = Measure.nanosecondsPer("NAT translate in batches of 32, \(label) flows", count: count, goal: goals.batched) {
      var batch: [NATGateway.Arrival] = []
      batch.reserveCapacity(32)
      for index in 0..<count {
        batch.append(NATGateway.Arrival(packets.packet(index).store(), on: port(index)))
        if batch.count < 32, index + 1 < count { continue }
        gateway.receive(batch.span, now: Self.now, &out)
        batch.removeAll(keepingCapacity: true)
        ElementBenchmarks.release(&out)
      }
    }
    batched.subtract(making)
    precondition(gateway.connectionCount == flows)
    let bare = dependentLoads(flows: flows, count: count)
    let ratio = Measure.figure(
      "NAT translate against two dependent loads, \(label) flows", [figure.value / bare.value], "×", goal: nil, isRate: false)
    return [
      figure, batched, bare, ratio,
      Measure.figure("NAT memory per flow, \(label) flows", [heap], "B", goal: 128, isRate: false),
    ]
  }

  private static func port(_ index: Int) -> PortIndex { PortIndex(index & 1 == 0 ? 2 : 0) }

  /// What any look-up must cost: a slot of an index and the entry it leads to, in memory of the same size and kind as the
  /// gateway's, one pair after the other.
  private static func dependentLoads(flows: Int, count: Int) -> Figure {
    var slots = 8
    while slots * 3 < flows * 2 * 4 { slots *= 2 }
    let index: UnsafeMutablePointer<UInt64> = weft_table_allocate(slots * 8).bindMemory(to: UInt64.self, capacity: slots)
    let entries: UnsafeMutablePointer<UInt64> = weft_table_allocate(flows * 64).bindMemory(
      to: UInt64.self, capacity: flows * 8)
    defer {
      weft_table_free(index)
      weft_table_free(entries)
    }
    var random = RandomStream(seed: 1, owner: "bench", purpose: "loads")
    for slot in 0..<slots { index[slot] = random.next(below: UInt64(flows)) }
    for entry in 0..<flows { entries[entry * 8] = random.next() }
    var at = 0
    let figure = Measure.nanosecondsPer("two dependent loads, \(ElementBenchmarks.label(flows)) flows", count: count, goal: nil) {
      for step in 0..<count {
        at = Int(truncatingIfNeeded: entries[Int(index[at]) * 8] &+ UInt64(step)) & (slots - 1)
      }
    }
    precondition(at >= 0)
    return figure
  }

  private static let now = Instant.start + .seconds(1)

  mutating func fill() {
    var out = Effects(pool: pool)
    // Everybody who will be sent to has asked for somebody before, and so is known.
    arp(PortIndex(0), Self.router, IPv4Address(203, 0, 113, 254), Self.external, &out)
    for host in 0..<32 { arp(PortIndex(2), .local(0x1000 + UInt64(host)), Self.host(host), Self.inside, &out) }
    for flow in 0..<flows {
      gateway.receive(packets.outbound(flow), on: PortIndex(2), now: Self.now, &out)
      if flow < packets.externalPorts.count { packets.externalPorts[flow] = out[0].frame.withBytes { $0.u16(34) } }
      ElementBenchmarks.release(&out)
    }
  }

  /// How many of all flows' packets, one out and one in, don't come out as they should.
  mutating func check() -> Int {
    var out = Effects(pool: pool)
    var wrong = 0
    for flow in 0..<flows {
      let endpoint = flow % packets.externalPorts.count
      let inner = (Self.host(endpoint & 31), UInt16(20_000 + endpoint >> 5))
      let outer = (Self.external, packets.externalPorts[endpoint])
      let far = (Self.remote(flow / packets.externalPorts.count), UInt16(53))
      gateway.receive(packets.outbound(flow), on: PortIndex(2), now: Self.now, &out)
      if !Self.leaves(out, on: 0, from: outer, to: far) { wrong += 1 }
      ElementBenchmarks.release(&out)
      gateway.receive(packets.inbound(flow), on: PortIndex(0), now: Self.now, &out)
      if !Self.leaves(out, on: 2, from: far, to: inner) { wrong += 1 }
      ElementBenchmarks.release(&out)
    }
    return wrong
  }

  private static func leaves(
    _ out: borrowing Effects, on port: Int, from: (IPv4Address, UInt16), to: (IPv4Address, UInt16)
  ) -> Bool {
    guard out.count == 1, out[0].verdict == .transmit, out[0].port.index == port else { return false }
    return out[0].frame.withBytes { bytes in
      guard let ethernet = EthernetView(bytes), let ip = IPv4View(ethernet.payload), let udp = UDPView(ip.payload)
      else {
        return false
      }
      return ip.hasValidChecksum && udp.hasValidChecksum(source: ip.source, destination: ip.destination)
        && ip.timeToLive == 63 && (ip.source, udp.sourcePort) == from && (ip.destination, udp.destinationPort) == to
    }
  }

  static func host(_ index: Int) -> IPv4Address {
    IPv4Address(rawValue: IPv4Address(10, 0, 1, 0).rawValue + UInt32(index))
  }
  static func remote(_ index: Int) -> IPv4Address {
    IPv4Address(rawValue: IPv4Address(198, 18, 0, 1).rawValue + UInt32(index))
  }

  private mutating func arp(
    _ port: PortIndex, _ mac: MACAddress, _ address: IPv4Address, _ target: IPv4Address, _ out: inout Effects
  ) {
    var frame = pool.frame(count: 42)
    var span = frame.mutableBytes
    EthernetHeader(destination: .broadcast, source: mac, type: .arp).write(to: &span)
    var body = span.slice(14..<42)
    ARPPacket.request(from: mac, address, for: target).write(to: &body)
    gateway.receive(frame, on: port, now: .start, &out)
    ElementBenchmarks.release(&out)
  }
}

/// The packets of the flows. A value of its own: calling it doesn't touch the gateway.
struct Packets {
  let flows: Int
  let pool = FramePool()
  var externalPorts: [UInt16]

  @inline(__always)
  func packet(_ index: Int) -> Frame {
    let flow = Int(truncatingIfNeeded: (UInt64(index) &* 0x9e37_79b9) % UInt64(flows))
    return index & 1 == 0 ? outbound(flow) : inbound(flow)
  }

  func outbound(_ flow: Int) -> Frame {
    let endpoint = flow % externalPorts.count
    let host = endpoint & 31
    return udp(
      .local(0x1000 + UInt64(host)), NATBenchmark.lan, NATBenchmark.host(host), UInt16(20_000 + endpoint >> 5),
      NATBenchmark.remote(flow / externalPorts.count), 53)
  }

  func inbound(_ flow: Int) -> Frame {
    let endpoint = flow % externalPorts.count
    return udp(
      NATBenchmark.router, NATBenchmark.outside, NATBenchmark.remote(flow / externalPorts.count), 53, NATBenchmark.external,
      externalPorts[endpoint])
  }

  private func udp(
    _ from: MACAddress, _ to: MACAddress, _ source: IPv4Address, _ sourcePort: UInt16, _ destination: IPv4Address,
    _ destinationPort: UInt16
  ) -> Frame {
    var frame = pool.frame(count: 64)
    var span = frame.mutableBytes
    EthernetHeader(destination: to, source: from, type: .ipv4).write(to: &span)
    var packet = span.slice(14..<64)
    IPv4Header(protocol: .udp, source: source, destination: destination).write(to: &packet, payloadLength: 30)
    var datagram = packet.slice(20..<50)
    UDPHeader(sourcePort: sourcePort, destinationPort: destinationPort).write(
      to: &datagram, source: source, destination: destination)
    return frame
  }
}
