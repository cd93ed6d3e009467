// Nanoseconds per translated packet at 1 k, 100 k and 1 M established UDP flows, in random order, both ways; bytes a flow.
// swift run -c release nat-benchmark

import WeftCore
import WeftNAT
import WeftWire

let external = IPv4Address(134, 115, 153, 223)
let router = IPv4Address(134, 115, 153, 1)
let vm = IPv4Address(192, 168, 122, 10)
nonisolated(unsafe) let pool = FramePool()

func packet(_ source: IPv4Address, _ sourcePort: UInt16, _ destination: IPv4Address, _ port: UInt16, mac: MACAddress)
  -> Frame
{
  var frame = pool.frame(count: 60)
  var span = frame.mutableBytes
  EthernetHeader(destination: mac, source: .local(9), type: .ipv4).write(to: &span)
  var ip = span.extracting(14..<60)
  IPv4Header(protocol: .udp, source: source, destination: destination).write(to: &ip, payloadLength: 26)
  var udp = ip.extracting(20..<46)
  UDPHeader(sourcePort: sourcePort, destinationPort: port).write(to: &udp, source: source, destination: destination)
  return frame
}

func answerARP(
  _ gateway: inout NATGateway, _ out: inout Effects, _ port: Int, _ address: IPv4Address, _ mac: MACAddress,
  now: Instant
) {
  let own = port == 0 ? MACAddress.local(1) : .local(2)
  let target = port == 0 ? external : IPv4Address(192, 168, 122, 1)
  var frame = pool.frame(count: 42)
  var span = frame.mutableBytes
  EthernetHeader(destination: own, source: mac, type: .arp).write(to: &span)
  var body = span.extracting(14..<42)
  ARPPacket.request(from: mac, address, for: target).write(to: &body)
  gateway.receive(frame, on: PortIndex(port), now: now, &out)
  drain(&out)
}

@inline(__always)
func drain(_ out: inout Effects) {
  for index in 0..<out.count { _ = Frame(stored: out[index].frame) }
  out.removeAll()
}

func flow(_ index: Int) -> (port: UInt16, remote: IPv4Address) {
  (UInt16(1024 + index % 60_000), IPv4Address(rawValue: 0xc633_0000 + UInt32(index / 60_000)))
}

let batch = 32
let counts = CommandLine.arguments.dropFirst().compactMap { Int($0) }
for count in counts.isEmpty ? [1000, 100_000, 1_000_000] : counts {
  var configuration = NATConfiguration(
    name: "nat", seed: 1,
    outside: .init(mac: .local(1), address: external, prefix: IPv4Prefix(external, length: 24), gateway: router),
    insides: [
      .init(name: "in", mac: .local(2), address: IPv4Address(192, 168, 122, 1), prefix: IPv4Prefix(vm, length: 24))
    ],
    hasHostPort: false)
  configuration.tableLimit = 1 << 21
  configuration.timeouts.udp = .hours(1000)
  var gateway = NATGateway(configuration)
  var out = Effects(pool: pool)
  let now = Instant(1)
  answerARP(&gateway, &out, 0, router, .local(11), now: now)
  answerARP(&gateway, &out, 2, vm, .local(12), now: now)
  let clock = ContinuousClock()
  let creation = clock.measure {
    for index in 0..<count {
      let (port, remote) = flow(index)
      gateway.receive(packet(vm, port, remote, 53, mac: .local(2)), on: PortIndex(2), now: now, &out)
      drain(&out)
    }
  }
  precondition(gateway.connectionCount == count)
  let perFlow =
    Double(creation.components.attoseconds) / 1e9 / Double(count) + Double(creation.components.seconds) * 1e9
    / Double(count)
  print(
    "\(count) flows: \(gateway.footprint / count) bytes a flow, \(Int(perFlow)) ns to create one (packet made included)"
  )

  var random = RandomStream(seed: 2, owner: "bench", purpose: "order")
  for inbound in [false, true] {
    var best = Double.infinity
    var samples: [Double] = []
    for _ in 0..<5 {
      var total = Duration.zero
      let rounds = 20_000
      for _ in 0..<rounds {
        var frames: [StoredFrame] = []
        frames.reserveCapacity(batch)
        for _ in 0..<batch {
          let (port, remote) = flow(Int(random.next(below: UInt64(count))))
          let frame =
            inbound ? packet(remote, 53, external, port, mac: .local(1)) : packet(vm, port, remote, 53, mac: .local(2))
          frames.append(frame.store())
        }
        let at = PortIndex(inbound ? 0 : 2)
        let start = clock.now
        for index in 0..<batch { gateway.receive(Frame(stored: frames[index]), on: at, now: now, &out) }
        total += clock.now - start
        precondition(out.count == batch && out[batch - 1].verdict == .transmit)
        drain(&out)
      }
      let components = total.components
      let ns = (Double(components.attoseconds) / 1e9 + Double(components.seconds) * 1e9) / Double(rounds * batch)
      samples.append(ns)
      best = min(best, ns)
    }
    samples.sort()
    print("  \(inbound ? "in " : "out"): median \(Int(samples[2])) ns, best \(Int(best)) ns a packet")
  }
}

// What the memory alone costs here and now: the two dependent loads of a lookup, in tables of the same sizes.
struct Line {
  var words = (0 as UInt64, 0 as UInt64, 0 as UInt64, 0 as UInt64, 0 as UInt64, 0 as UInt64, 0 as UInt64, 0 as UInt64)
}
for count in counts.isEmpty ? [1000, 100_000, 1_000_000] : counts {
  var size = 8
  while size * 3 < count * 2 * 4 { size *= 2 }
  var slots = [UInt64](repeating: 0, count: size)
  for index in 0..<size { slots[index] = UInt64(index * 7 % count) }
  var lines = [Line](repeating: Line(), count: count)
  var random = RandomStream(seed: 3, owner: "bench", purpose: "floor")
  var sum: UInt64 = 0
  let rounds = 2_000_000
  let clock = ContinuousClock()
  let time = clock.measure {
    for _ in 0..<rounds {
      let slot = slots[Int(truncatingIfNeeded: (random.next() &+ (sum & 1)) & UInt64(size - 1))]
      sum &+= lines[Int(slot)].words.7
      lines[Int(slot)].words.3 = sum
    }
  }
  let ns = (Double(time.components.attoseconds) / 1e9 + Double(time.components.seconds) * 1e9) / Double(rounds)
  print("\(count) flows: two dependent loads alone \(Int(ns)) ns")
}
