import WeftWire

/// RFC 3828: UDP whose checksum may cover a part.
enum UDPLite {
  static let protocolNumber: UInt8 = 136

  /// 20 bytes, of which the sum covers so many.
  static func packet(_ from: Endpoint, _ to: Endpoint, coverage: Int) -> Packet {
    var body = [UInt8](repeating: 0, count: 8) + Packet.filler(12)
    let length = body.count
    var mutable = body.mutableSpan
    var span = mutable.mutableBytes
    span.put(from.port, at: 0)
    span.put(to.port, at: 2)
    span.put(UInt16(coverage), at: 4)
    // All, if it says 0; what it can't be is left to who reads it.
    let covered = (8...length).contains(coverage) ? coverage : length
    let sum = InternetChecksum.checksum(
      span.bytes.extracting(0..<covered),
      initial: InternetChecksum.pseudoHeader(
        source: from.address, destination: to.address, protocol: protocolNumber, length: length))
    span.put(sum, at: 6)
    return Packet(IPProtocol(rawValue: protocolNumber), from.address, to.address, body: body)
  }
}

/// As much of RFC 9260 as leads through an association's states.
enum SCTP {
  static let protocolNumber: UInt8 = 132

  /// By the names of their RFC.
  enum Chunk: String {
    case DATA, INIT, INITACK, SACK, HEARTBEAT, HEARTBEATACK, ABORT, SHUTDOWN, SHUTDOWNACK, ERROR, COOKIE, COOKIEACK
    case SHUTDOWNCOMPLETE, ASCONF
    /// Of a length that no chunk has.
    case EMPTY

    var type: UInt8 {
      switch self {
      case .DATA, .EMPTY: 0
      case .INIT: 1
      case .INITACK: 2
      case .SACK: 3
      case .HEARTBEAT: 4
      case .HEARTBEATACK: 5
      case .ABORT: 6
      case .SHUTDOWN: 7
      case .SHUTDOWNACK: 8
      case .ERROR: 9
      case .COOKIE: 10
      case .COOKIEACK: 11
      case .SHUTDOWNCOMPLETE: 14
      case .ASCONF: 193
      }
    }

    func value(initiates tag: UInt32) -> [UInt8] {
      let fixed = SCTP.big(tag) + SCTP.big(65536) + [0, 1, 0, 1] + SCTP.big(1)
      switch self {
      case .INIT: return fixed
      // With a cookie (parameter 7).
      case .INITACK: return fixed + [0, 7, 0, 8, 1, 2, 3, 4]
      case .DATA: return SCTP.big(1) + [0, 0, 0, 0] + SCTP.big(0) + [1, 2, 3, 4, 5]
      case .SACK: return SCTP.big(1) + SCTP.big(65536) + [0, 0, 0, 0]
      case .HEARTBEAT, .HEARTBEATACK: return [0, 1, 0, 8, 1, 2, 3, 4]
      case .SHUTDOWN: return SCTP.big(1)
      case .COOKIE: return [1, 2, 3, 4]
      case .ERROR: return [0, 3, 0, 8, 0, 0, 0, 1]
      case .ASCONF: return SCTP.big(1)
      case .ABORT, .SHUTDOWNACK, .COOKIEACK, .SHUTDOWNCOMPLETE, .EMPTY: return []
      }
    }
  }

  /// `tag` is the receiver's, `initiates` what INIT and INIT ACK announce; `reflects` sets the T bit.
  static func packet(
    _ from: Endpoint, _ to: Endpoint, _ chunks: [Chunk], tag: UInt32, initiates: UInt32, reflects: Bool
  ) -> Packet {
    let ports = [from.port, to.port].flatMap { [UInt8($0 >> 8), UInt8($0 & 255)] }
    var body = ports + big(tag) + [0, 0, 0, 0]
    for chunk in chunks {
      let value = chunk.value(initiates: initiates)
      body += [chunk.type, reflects ? 1 : 0, 0, chunk == .EMPTY ? 0 : UInt8(value.count + 4)] + value
      // The last one isn't padded, nor need it be.
      if chunk != chunks.last { body += [UInt8](repeating: 0, count: -body.count & 3) }
    }
    let sum = crc32c(body)
    // The one number of the Internet that goes low byte first.
    for index in 0..<4 { body[8 + index] = UInt8(truncatingIfNeeded: sum >> (8 * index)) }
    return Packet(IPProtocol(rawValue: protocolNumber), from.address, to.address, body: body)
  }

  private static func big(_ value: UInt32) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
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
