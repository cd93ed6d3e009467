import WeftWire

/// An IPv4 packet to be sent: a header and what follows it, whole or broken on purpose.
struct Packet: Sendable {
  var header: IPv4Header
  var body: [UInt8]
  /// Changes of the finished bytes, from the IP header on.
  var damage: [@Sendable (inout [UInt8]) -> Void] = []

  /// Frames that come in have this identification unless told otherwise; none that a box makes has it but by chance.
  static let identification: UInt16 = 0x5717

  init(_ proto: IPProtocol, _ source: IP, _ destination: IP, body: [UInt8]) {
    header = IPv4Header(
      protocol: proto, source: source, destination: destination, identification: Self.identification)
    self.body = body
  }

  var bytes: [UInt8] {
    var bytes = [UInt8](repeating: 0, count: header.length) + body
    do {
      var mutable = bytes.mutableSpan
      var span = mutable.mutableBytes
      header.write(to: &span, payloadLength: body.count)
    }
    for change in damage { change(&bytes) }
    return bytes
  }

  func with(_ change: (inout Packet) -> Void) -> Packet {
    var packet = self
    change(&packet)
    return packet
  }

  func ttl(_ value: UInt8) -> Packet { with { $0.header.timeToLive = value } }
  func options(_ options: [UInt8]) -> Packet { with { $0.header.options = options } }
  func fragmentable() -> Packet { with { $0.header.dontFragment = false } }
  func tos(_ value: UInt8) -> Packet { with { $0.header.typeOfService = value } }
  /// Changes bytes after the checksums were made.
  func damaged(_ change: @escaping @Sendable (inout [UInt8]) -> Void) -> Packet { with { $0.damage.append(change) } }
  /// Turns bits over in a byte of what follows the IP header.
  func flipped(at offset: Int, _ bits: UInt8 = 0x55) -> Packet {
    let start = header.length
    return damaged { $0[start + offset] ^= bits }
  }

  /// A part of the packet's body as a fragment: byte offsets, multiples of eight but for the end.
  func fragment(_ range: Range<Int>, id: UInt16) -> Packet {
    with {
      $0.header.identification = id
      $0.header.dontFragment = false
      $0.header.moreFragments = range.upperBound < body.count
      $0.header.fragmentOffset = range.lowerBound
      $0.body = Array(body[range])
    }
  }

  static func udp(_ from: Endpoint, _ to: Endpoint, count: Int = 12) -> Packet {
    var body = [UInt8](repeating: 0, count: 8) + filler(count)
    var mutable = body.mutableSpan
    var span = mutable.mutableBytes
    UDPHeader(sourcePort: from.port, destinationPort: to.port).write(
      to: &span, source: from.address, destination: to.address)
    return Packet(.udp, from.address, to.address, body: body)
  }

  static func tcp(
    _ from: Endpoint, _ to: Endpoint, _ flags: TCPFlags, sequence: UInt32 = 5000, acknowledgment: UInt32 = 0,
    window: UInt16 = 8192, options: TCPOptions = TCPOptions(), count: Int = 0
  ) -> Packet {
    let header = TCPHeader(
      sourcePort: from.port, destinationPort: to.port, sequence: sequence, acknowledgment: acknowledgment, flags: flags,
      window: window, options: options)
    var body = [UInt8](repeating: 0, count: header.length) + filler(count)
    var mutable = body.mutableSpan
    var span = mutable.mutableBytes
    header.write(to: &span, source: from.address, destination: to.address)
    return Packet(.tcp, from.address, to.address, body: body)
  }

  static func icmp(
    _ type: UInt8, code: UInt8 = 0, rest: UInt32 = 0, _ from: IP, _ to: IP, data: [UInt8] = filler(16)
  ) -> Packet {
    var body = [UInt8](repeating: 0, count: 8) + data
    var mutable = body.mutableSpan
    var span = mutable.mutableBytes
    ICMPv4Header(type: ICMPv4Type(rawValue: type), code: code, rest: rest).write(to: &span)
    return Packet(.icmp, from, to, body: body)
  }

  static func ping(_ from: IP, _ to: IP, id: UInt16, sequence: UInt16 = 1) -> Packet {
    icmp(8, rest: UInt32(id) << 16 | UInt32(sequence), from, to)
  }

  static func pong(_ from: IP, _ to: IP, id: UInt16, sequence: UInt16 = 1) -> Packet {
    icmp(0, rest: UInt32(id) << 16 | UInt32(sequence), from, to)
  }

  /// An error about a packet, as seen where it is made: `quoting` bytes of it after its IP header.
  static func error(
    _ type: UInt8, _ code: UInt8, rest: UInt32 = 0, from: IP, to: IP, about packet: Packet, quoting: Int = 8
  ) -> Packet {
    let quoted = packet.bytes.prefix(packet.header.length + quoting)
    return icmp(type, code: code, rest: rest, from, to, data: Array(quoted)).tos(0xc0)
  }

  static func filler(_ count: Int) -> [UInt8] { (0..<count).map { UInt8(truncatingIfNeeded: 0x61 + $0 % 23) } }
}
