import WeftCore
import WeftWire

/// The first packet of a probe that has no way out of its own machine.
enum Unroutable {
  /// Makes it and drops it for want of a route, on the first interface that has an address.
  static func drop(_ probe: GuestProbe, to address: IPv4Address, _ ip: borrowing IPLayer, _ out: inout Effects) {
    guard let index = ip.interfaces.firstIndex(where: { !$0.address.isUnspecified }) else { return }
    let source = ip.interfaces[index].address
    let port = ip.interfaces[index].port
    let type: IPProtocol =
      switch probe.kind {
      case .udp, .nat: .udp
      case .ping: .icmp
      case .punch(_, _, let type, _), .idle(_, _, let type, _): type
      case .tcpConnect, .http, .throughput: .tcp
      }
    let length = type == .tcp ? 20 : 8
    var frame = ip.packet(type, from: source, to: address, length: length, trace: probe.trace, &out)
    do {
      var span = frame.mutableBytes
      EthernetHeader(destination: .zero, source: ip.interfaces[index].mac, type: .ipv4).write(to: &span)
      var part = span.slice(34..<34 + length)
      switch probe.kind {
      case .udp(_, let port), .nat(_, let port), .punch(_, let port, .udp, _), .idle(_, let port, .udp, _):
        UDPHeader(sourcePort: 0, destinationPort: port).write(to: &part, source: source, destination: address)
      case .ping: ICMPv4Header.echo(.echoRequest, identifier: 0, sequence: 1).write(to: &part)
      case .tcpConnect(_, let port), .http(_, let port, _, _, _), .throughput(_, let port, _),
        .punch(_, let port, _, _), .idle(_, let port, _, _):
        TCPHeader(sourcePort: 0, destinationPort: port, sequence: 0, acknowledgment: 0, flags: .syn, window: 65535)
          .write(to: &part, source: source, destination: address)
      }
    }
    out.drop(frame, on: port, .noRoute, .address(address.rawValue))
  }
}
