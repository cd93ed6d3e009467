import WeftWire

/// RFC 3828: UDP whose checksum may cover a part.
enum UDPLite {
  static let protocolNumber: UInt8 = 136

  static func packet(_ from: Endpoint, _ to: Endpoint) -> Packet {
    var body = [UInt8](repeating: 0, count: 8) + Packet.filler(12)
    let length = body.count
    var mutable = body.mutableSpan
    var span = mutable.mutableBytes
    span.put(from.port, at: 0)
    span.put(to.port, at: 2)
    // It covers all; so says 0 too.
    span.put(UInt16(length), at: 4)
    let sum = InternetChecksum.checksum(
      span.bytes,
      initial: InternetChecksum.pseudoHeader(
        source: from.address, destination: to.address, protocol: protocolNumber, length: length))
    span.put(sum, at: 6)
    return Packet(IPProtocol(rawValue: protocolNumber), from.address, to.address, body: body)
  }
}

/// As much of RFC 9260 as begins an association.
enum SCTP {
  static let protocolNumber: UInt8 = 132

  enum Chunk: String {
    case initiation = "INIT"
    case initiationAcknowledgment = "INITACK"
    case cookie = "COOKIE"
  }

  /// `tag` is the receiver's. INIT announces 0x1234, INIT ACK 0x4321.
  static func packet(_ from: Endpoint, _ to: Endpoint, _ chunk: Chunk, tag: UInt32) -> Packet {
    func big(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) } }
    var content: [UInt8]
    let type: UInt8
    switch chunk {
    case .initiation:
      type = 1
      content = big(0x1234) + big(65536) + [0, 1, 0, 1] + big(1)
    case .initiationAcknowledgment:
      type = 2
      // With a cookie (parameter 7).
      content = big(0x4321) + big(65536) + [0, 1, 0, 1] + big(1) + [0, 7, 0, 8, 1, 2, 3, 4]
    case .cookie:
      type = 10
      content = [1, 2, 3, 4]
    }
    let ports = [from.port, to.port].flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    let head = [type, 0, 0, UInt8(content.count + 4)]
    var body = ports + big(tag) + [0, 0, 0, 0] + head + content
    let sum = crc32c(body)
    // The one number of the Internet that goes low byte first.
    for index in 0..<4 { body[8 + index] = UInt8(truncatingIfNeeded: sum >> (8 * index)) }
    return Packet(IPProtocol(rawValue: protocolNumber), from.address, to.address, body: body)
  }

  private static func crc32c(_ bytes: [UInt8]) -> UInt32 {
    var sum: UInt32 = 0xffff_ffff
    for byte in bytes {
      sum ^= UInt32(byte)
      for _ in 0..<8 { sum = sum & 1 == 1 ? sum >> 1 ^ 0x82f6_3b78 : sum >> 1 }
    }
    return ~sum
  }
}
