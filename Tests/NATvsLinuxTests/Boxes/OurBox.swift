import Foundation
import WeftCore
import WeftNAT
import WeftSettings
import WeftWire

/// Our gateway, on links where everyone answers ARP at once; its clock is moved along by what the other box slept.
final class OurBox: Box {
  private var gateway: NATGateway
  private let pool = FramePool()
  private var now = Instant(1_000_000_000)
  /// What it dropped since the last `reset`, for the report.
  private(set) var drops: [DropReason] = []

  /// It is encoded, forgotten and decoded before everything that happens to it.
  private let isReloadedAtEveryStep: Bool

  init(isReloadedAtEveryStep: Bool = false) {
    self.isReloadedAtEveryStep = isReloadedAtEveryStep
    gateway = NATGateway(Self.configuration(for: Stimulus("none", [])))
  }

  private func reload() throws {
    guard isReloadedAtEveryStep else { return }
    let encoder = JSONEncoder()
    let decoder = JSONDecoder()
    decoder.userInfo[.framePool] = FramePoolReference(pool)
    gateway = try decoder.decode(NATGateway.self, from: encoder.encode(gateway))
  }

  private static func configuration(for stimulus: Stimulus) -> NATConfiguration {
    var configuration = NATConfiguration(
      name: "judged", seed: 1,
      outside: .init(
        mac: Side.outside.mac, address: Lab.external, prefix: Lab.outsidePrefix, gateway: Lab.router,
        mtu: UInt16(stimulus.outsideMTU)),
      networks: [.init(name: "home", mac: Side.inside.mac, address: Lab.gateway, prefix: Lab.insidePrefix)],
      hasHostPort: false)
    configuration.settings = NATSettings(.linux)
    // As the kernel's rule for hairpinned flows says.
    configuration.settings.hairpin = .externalSource
    if stimulus.traits.contains(.hasShortTimeouts) {
      for (name, seconds) in Lab.shortTimeouts { Self.set(name, seconds, &configuration.settings.timeouts) }
    }
    configuration.forwards = Lab.forwards.map { forward in
      PortForward(
        forward.transport == .tcp ? .tcp : .udp, externalPort: forward.port, to: forward.to.address,
        port: forward.to.port)
    }
    return configuration
  }

  private static func set(_ name: String, _ seconds: Int, _ timeouts: inout NATSettings.Timeouts) {
    let time = Nanoseconds.seconds(UInt64(seconds))
    switch name {
    case "udp_timeout": timeouts.udp = time
    case "udp_timeout_stream": timeouts.udpStream = time
    case "icmp_timeout": timeouts.icmp = time
    case "tcp_timeout_syn_sent": timeouts.tcpSynSent = time
    case "tcp_timeout_close": timeouts.tcpClose = time
    default: preconditionFailure("no timeout \(name)")
    }
  }

  func reset(for stimulus: Stimulus) {
    gateway = NATGateway(Self.configuration(for: stimulus))
    drops = []
  }

  func give(_ frame: [UInt8], on side: Side) throws -> [Output] {
    try reload()
    // No two frames of a real box come at one moment.
    now = now + .milliseconds(1)
    var effects = Effects(pool: pool)
    gateway.receive(pool.frame(frame), on: Self.port(of: side), now: now, &effects)
    return drain(&effects)
  }

  func pause(milliseconds: Int) throws -> [Output] {
    try reload()
    var effects = Effects(pool: pool)
    let end = now + .milliseconds(UInt64(milliseconds))
    var outputs: [Output] = []
    while gateway.deadline <= end {
      now = max(now, gateway.deadline)
      gateway.wake(now: now, &effects)
      outputs += drain(&effects)
    }
    now = end
    return outputs
  }

  private static func port(of side: Side) -> PortIndex {
    side == .outside ? NATGateway.outsidePort : NATGateway.insidePort(0)
  }

  /// Takes the frames that go out, and answers ARP requests among them.
  private func drain(_ effects: inout Effects) -> [Output] {
    var outputs: [Output] = []
    var requests: [(ARPPacket, Side)] = []
    repeat {
      requests = []
      for index in 0..<effects.count {
        let entry = effects[index]
        let frame = Frame(stored: entry.frame)
        guard entry.verdict == .transmit else {
          drops.append(entry.reason)
          continue
        }
        let side = entry.port == NATGateway.outsidePort ? Side.outside : .inside
        let bytes = frame.bytes.array
        if frame.bytes.u16(12) == 0x0800 {
          outputs.append(Output(side: side, bytes: bytes))
        } else if let arp = ARPPacket(frame.bytes.extracting(14..<frame.count)), arp.operation == .request {
          requests.append((arp, side))
        }
      }
      effects.removeAll()
      for (arp, side) in requests where side.neighbours.contains(arp.targetIP) {
        gateway.receive(pool.frame(Self.answer(arp, on: side)), on: Self.port(of: side), now: now, &effects)
      }
    } while effects.count > 0
    return outputs.filter { $0.side == .inside } + outputs.filter { $0.side == .outside }
  }

  private static func answer(_ arp: ARPPacket, on side: Side) -> [UInt8] {
    let mac = Lab.mac(of: arp.targetIP)
    var bytes = [UInt8](repeating: 0, count: 42)
    var mutable = bytes.mutableSpan
    var span = mutable.mutableBytes
    EthernetHeader(destination: side.mac, source: mac, type: .arp).write(to: &span)
    var body = span.slice(14..<42)
    arp.reply(from: mac).write(to: &body)
    return bytes
  }
}

/// Ours, with a bit of the first frame turned over.
final class TamperingBox: Box {
  private let box = OurBox()
  var offset = 0

  func reset(for stimulus: Stimulus) { box.reset(for: stimulus) }
  func pause(milliseconds: Int) throws -> [Output] { try box.pause(milliseconds: milliseconds) }

  func give(_ frame: [UInt8], on side: Side) throws -> [Output] {
    var outputs = try box.give(frame, on: side)
    if !outputs.isEmpty { outputs[0].bytes[offset] ^= 0x10 }
    return outputs
  }
}
