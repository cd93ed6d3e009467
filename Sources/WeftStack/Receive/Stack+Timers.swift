import WeftCore
import WeftIP
import WeftWire

// Timers: neighbours that don't answer, leases, fragments that never come, TCP.
extension Stack {
  /// `deadline` has come, or something else of the same machine is due.
  public mutating func wake(now: Instant, _ out: inout Effects) {
    ip.loopbackAt = Instant(.max)
    guard isUp else { return }
    if ip.deadline <= now { wakeNetwork(now: now, &out) }
    if tcp.deadline <= now { tcp.wake(now: now, &ip, &out) }
  }

  private mutating func wakeNetwork(now: Instant, _ out: inout Effects) {
    for index in ip.interfaces.indices {
      if let dhcp = ip.interfaces[index].dhcp, dhcp.deadline <= now {
        ip.interfaces[index].wakeDHCP(hostname: configuration.hostName, &random, now: now, &out)
      }
      guard ip.interfaces[index].neighbours.deadline <= now else { continue }
      let port = ip.interfaces[index].port
      var headers: [[UInt8]] = []
      ip.interfaces[index].neighbours.wake(now: now, &out) { frame, neighbour, out in
        headers.append(Self.head(of: frame))
        out.drop(frame, on: port, .neighbourUnresolved, .address(neighbour.rawValue))
      }
      for header in headers { neighbourFailed(header) }
    }
    if ip.reassembly.deadline <= now {
      var expired: [[UInt8]] = []
      ip.reassembly.wake(now: now, &out) { frame, _, _ in
        let bytes = frame.bytes
        if let packet = IPv4View(bytes.extracting(14..<bytes.byteCount)), packet.fragmentOffset == 0 {
          expired.append(bytes.array)
        }
      }
      for bytes in expired {
        guard let packet = IPv4View(bytes.span.bytes.extracting(14..<bytes.count)) else { continue }
        sendError(.timeExceeded, 1, about: packet, bytes.span.bytes.mac(0), trace: 0, now: now, &out)
      }
    }
  }

  /// As much of it as names its socket.
  private static func head(of frame: borrowing Frame) -> [UInt8] { frame.bytes.extracting(first: 14 + 28).array }

  /// The sender of a packet that found no neighbour is told at once: host unreachable, from ourselves.
  private mutating func neighbourFailed(_ bytes: [UInt8]) {
    let span = bytes.span.bytes
    guard let packet = IPv4View(quoted: span.extracting(14..<span.byteCount)), packet.payload.byteCount >= 8,
      packet.fragmentOffset == 0
    else { return }
    let transport = packet.payload
    let unreachable = SocketError.unreachable(code: ICMPv4UnreachableCode.host, from: nil)
    switch packet.protocol {
    case .tcp:
      tcp.neighbourFailed(
        FourTuple(local: packet.source, transport.u16(0), remote: packet.destination, transport.u16(2)))
    case .udp:
      if let binding = datagramBinding(transport.u16(0)) {
        notices.append(.failed(tag: datagramBindings[binding].tag, unreachable))
      }
    case .icmp:
      let identifier = transport.u16(4)
      if transport.u8(0) == ICMPv4Type.echoRequest.rawValue,
        let binding = echoBindings.first(where: { $0.number == identifier })
      {
        notices.append(.failed(tag: binding.tag, unreachable))
      }
    default: break
    }
  }
}
