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

  /// At its host port; nil without one.
  private var host: HostEmulator?
  private static let hostMAC = MACAddress.local(0xff01)

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
    let timeouts = stimulus.traits.contains(.hasShortTimeouts) ? Lab.shortTimeouts : []
    return configuration(
      RouterSetup(hairpin: .externalSource), timeouts: timeouts, outsideMTU: UInt16(stimulus.outsideMTU))
  }

  private static func configuration(
    _ setup: RouterSetup, timeouts: [(name: String, seconds: Int)], outsideMTU: UInt16 = 1500, hasHost: Bool = false
  ) -> NATConfiguration {
    var configuration = NATConfiguration(
      name: "judged", seed: 1,
      outside: .init(
        mac: Side.outside.mac, address: Lab.external, prefix: Lab.outsidePrefix, gateway: Lab.router, mtu: outsideMTU),
      networks: [.init(name: "home", mac: Side.inside.mac, address: Lab.gateway, prefix: Lab.insidePrefix)],
      hasHostPort: hasHost)
    configuration.settings = NATSettings(.linux)
    switch setup.hairpin {
    case .off: configuration.settings.hairpin = .off
    case .internalSource: configuration.settings.hairpin = .internalSource
    // As the kernel's rule for hairpinned flows says.
    case .externalSource: configuration.settings.hairpin = .externalSource
    }
    if let range = setup.range { configuration.settings.portRange = range }
    if let denied = setup.denied {
      configuration.settings.rules = [FilterRule(.deny, direction: .forwarded, source: IPv4Prefix(denied, length: 32))]
    }
    for (name, seconds) in timeouts { set(name, seconds, &configuration.settings.timeouts) }
    configuration.forwards = Lab.forwards.map { forward in
      PortForward(
        forward.transport == .tcp ? .tcp : .udp, externalPort: forward.port, to: forward.to.address,
        port: forward.to.port)
    }
    if hasHost {
      configuration.hostMAC = hostMAC
      configuration.services = HostEmulator.services.map { ServicePort(.udp, $0) }
    }
    return configuration
  }

  private static func set(_ name: String, _ seconds: Int, _ timeouts: inout NATSettings.Timeouts) {
    let time = Nanoseconds.seconds(UInt64(seconds))
    switch name {
    case "udp_timeout": timeouts.udp = time
    case "udp_timeout_stream": timeouts.udpStream = time
    case "icmp_timeout": timeouts.icmp = time
    case "generic_timeout": timeouts.generic = time
    case "gre_timeout": timeouts.gre = time
    case "gre_timeout_stream": timeouts.greStream = time
    case "tcp_timeout_syn_sent": timeouts.tcpSynSent = time
    case "tcp_timeout_syn_recv": timeouts.tcpSynRecv = time
    case "tcp_timeout_established": timeouts.tcpEstablished = time
    case "tcp_timeout_fin_wait": timeouts.tcpFinWait = time
    case "tcp_timeout_close_wait": timeouts.tcpCloseWait = time
    case "tcp_timeout_last_ack": timeouts.tcpLastAck = time
    case "tcp_timeout_time_wait": timeouts.tcpTimeWait = time
    case "tcp_timeout_close": timeouts.tcpClose = time
    case "tcp_timeout_max_retrans": timeouts.tcpMaxRetrans = time
    case "tcp_timeout_unacknowledged": timeouts.tcpUnacknowledged = time
    case "sctp_timeout_closed": timeouts.sctpClosed = time
    case "sctp_timeout_cookie_wait": timeouts.sctpCookieWait = time
    case "sctp_timeout_cookie_echoed": timeouts.sctpCookieEchoed = time
    case "sctp_timeout_established": timeouts.sctpEstablished = time
    case "sctp_timeout_shutdown_sent": timeouts.sctpShutdownSent = time
    case "sctp_timeout_shutdown_recd": timeouts.sctpShutdownRecd = time
    case "sctp_timeout_shutdown_ack_sent": timeouts.sctpShutdownAckSent = time
    case "sctp_timeout_heartbeat_sent": timeouts.sctpHeartbeatSent = time
    default: preconditionFailure("no timeout \(name)")
    }
  }

  func reset(for stimulus: Stimulus) {
    gateway = NATGateway(Self.configuration(for: stimulus))
    host = nil
    drops = []
  }

  func give(_ frame: [UInt8], on side: Side) throws -> [Output] { try give(frame, on: Self.port(of: side)) }

  private func give(_ frame: [UInt8], on port: PortIndex) throws -> [Output] {
    try reload()
    // No two frames of a real box come at one moment.
    now = now + .milliseconds(1)
    var effects = Effects(pool: pool)
    gateway.receive(pool.frame(frame), on: port, now: now, &effects)
    return drain(&effects)
  }

  func pause(milliseconds: Int) throws -> [Output] { try pause(until: now + .milliseconds(UInt64(milliseconds))) }

  private func pause(until end: Instant) throws -> [Output] {
    try reload()
    var effects = Effects(pool: pool)
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

  /// Takes the frames that go out, answers ARP requests among them, and lets the host answer what is for it.
  private func drain(_ effects: inout Effects) -> [Output] {
    var outputs: [Output] = []
    repeat {
      var answers: [(frame: [UInt8], port: PortIndex)] = []
      for index in 0..<effects.count {
        let entry = effects[index]
        let frame = Frame(stored: entry.frame)
        guard entry.verdict == .transmit else {
          drops.append(entry.reason)
          continue
        }
        let type = frame.bytes.u16(12)
        let side = entry.port == NATGateway.outsidePort ? Side.outside : .inside
        if entry.port == NATGateway.hostPort {
          if let answer = hostAnswer(frame.bytes) { answers.append((answer, NATGateway.hostPort)) }
        } else if type == 0x0800 {
          outputs.append(Output(side: side, bytes: frame.bytes.array))
        } else if let arp = ARPPacket(frame.bytes.extracting(14..<frame.count)), arp.operation == .request,
          side.neighbours.contains(arp.targetIP)
        {
          answers.append((Self.answer(arp, on: side), Self.port(of: side)))
        }
      }
      effects.removeAll()
      for answer in answers { gateway.receive(pool.frame(answer.frame), on: answer.port, now: now, &effects) }
    } while effects.count > 0
    return outputs.filter { $0.side == .inside } + outputs.filter { $0.side == .outside }
  }

  private func hostAnswer(_ frame: RawSpan) -> [UInt8]? {
    guard let host, frame.u16(12) == 0x0800 else { return nil }
    let packet = frame.extracting(14..<frame.byteCount)
    return host.answer(to: packet, isKnown: !beginsFlow(packet)).map { Self.ethernet($0) }
  }

  /// Whether a packet that came to the host is of a flow that nobody has answered, as whose first ones it came.
  private func beginsFlow(_ packet: RawSpan) -> Bool {
    guard let ip = IPv4View(packet), ip.protocol == .tcp, let tcp = TCPView(ip.payload) else { return false }
    let tuple = TableRow.Tuple(
      source: Endpoint(ip.source, tcp.sourcePort), destination: Endpoint(ip.destination, tcp.destinationPort))
    return table().contains { $0.protocolNumber == IPProtocol.tcp.rawValue && $0.original == tuple && !$0.hasReply }
  }

  private static func ethernet(_ packet: Packet) -> [UInt8] {
    let head = Step.ethernet(packet, from: .outside, to: Side.outside.mac)
    return Array(head[..<6]) + (0..<6).map { UInt8(truncatingIfNeeded: hostMAC.rawValue >> (40 - 8 * $0)) } + head[12...]
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

// MARK: - Sequences

extension OurBox: RouterBox {
  func begin(_ setup: RouterSetup) {
    gateway = NATGateway(Self.configuration(setup, timeouts: setup.timeouts, hasHost: true))
    host = HostEmulator()
    drops = []
  }

  func give(_ packet: Packet, from origin: SequenceStep.Origin, toAll: Bool) throws -> [Output] {
    guard let side = origin.side else {
      host?.bind(packet)
      return try give(Self.ethernet(packet), on: NATGateway.hostPort)
    }
    return try give(Step.ethernet(packet, from: side, to: toAll ? .broadcast : side.mac), on: side)
  }

  func addForward(_ forward: SequenceForward) -> Bool {
    do {
      try gateway.addForward(PortForward(forward))
      return true
    } catch {
      return false
    }
  }

  func removeForward(_ forward: SequenceForward) -> Bool {
    do {
      try gateway.removeForward(PortForward(forward))
      return true
    } catch {
      return false
    }
  }

  func setIPForwarding(_ on: Bool) { gateway.setIPForwarding(on) }
  func flush() { gateway.flush(now: now) }
  func table() -> [TableRow] { gateway.connections(now: now).map(TableRow.init) }

  /// Time that went by at the other box.
  func pass(nanoseconds: UInt64) throws -> [Output] { try pause(until: now + Nanoseconds(nanoseconds)) }
}

extension PortForward {
  fileprivate init(_ forward: SequenceForward) {
    self.init(forward.isTCP ? .tcp : .udp, externalPort: forward.port, to: forward.to.address, port: forward.to.port)
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
