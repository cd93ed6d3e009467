import WeftWire

/// What datagrams hold that only have to get through. On a well-known port it is a message of that port's protocol, or
/// what its readers take for plain data: a capture must not show as malformed what nothing is wrong with.
///
/// A size that a protocol can't have (5 octets of DNS) gets the pattern.
public enum DatagramPayload {
  private static let text = Array("weft probe".utf8)

  /// A probe's datagram, as long as its protocol's messages usually are.
  /// `end` is what it has to end with, as far as its protocol lets messages hold anything.
  public static func probe(to port: UInt16, end: [UInt8] = []) -> [UInt8] {
    if let message = message(to: port, count: nil, end: end) { return message }
    guard end.isEmpty else { return end }
    return nothingFits.contains(port) ? [] : text
  }

  /// One of exactly `count` octets; nil where the pattern is as good.
  static func filled(to port: UInt16, count: Int) -> [UInt8]? {
    guard let message = message(to: port, count: count, end: []), message.count == count else { return nil }
    return message
  }

  /// Of the ports that Wireshark 4.0 has a reader for: where zeros are data, and other bytes a damaged message.
  private static let zeroed: Set<UInt16> = [
    13, 49, 138, 173, 389, 434, 496, 524, 664, 2222, 2268, 2269, 2345, 2428, 3250, 3389, 3452, 3671, 4307, 4341,
    4342, 4754, 5072, 5436, 6160, 6970, 7275, 8611, 8612, 8613, 8614, 8848, 9956, 17500, 19948, 22222,
  ]
  /// Where neither is: messages of many kinds, none of them simple. An empty datagram is no message.
  private static let nothingFits: Set<UInt16> = [
    213, 427, 464, 513, 521, 525, 701, 854, 910, 921, 925, 1153, 1628, 1629, 1718, 1719, 1745, 2246, 2313, 2945,
    3130, 3343, 3357, 3455, 3544, 3784, 3804, 3863, 4729, 4784, 4791, 4991, 5031, 5246, 5247, 6118, 6635, 6784,
    7784, 8767, 8805, 9214, 9875, 9899, 10253, 11273, 12220, 12222, 12223, 13400, 19132, 23272, 24576, 24577, 25826,
    37008,
    41170, 44818, 47000, 54328,
  ]

  /// Nil where the port has no protocol that minds, or its messages can't be that short.
  private static func message(to port: UInt16, count: Int?, end: [UInt8]) -> [UInt8]? {
    let space = Space(count: count, end: end)
    return switch port {
    case 53: dns(flags: 0x0100, space)
    case 5353, 5355: dns(flags: 0, space)
    case 67: dhcp(space)
    case 68: dhcp(space)
    case 69: count == 0 ? nil : tftp(count)
    case 123: ntp(space)
    case 137: netBIOS(space)
    case 500: ike(space)
    // The non-ESP marker (RFC 3948, 2.2).
    case 4500: ike(space, marker: 4)
    case 514: syslog(count)
    case 520: rip(count)
    // P_DATA_V1, key 0.
    case 1194: space.fill([0x30], natural: 10)
    // VXLAN (RFC 7348, 5) and Geneve (RFC 8926, 3.4), around a frame of the local experimental EtherType.
    case 4789: space.fill([8, 0, 0, 0, 0, 0, 1, 0] + innerFrame, natural: 68)
    case 6081: space.fill([0, 0, 0x65, 0x58, 0, 0, 1, 0] + innerFrame, natural: 68)
    // A non-confirmable POST (RFC 7252, 3): the payload marker, and what follows.
    case 5683: space.fill([0x50, 2, 0x77, 0x66, 0xff], natural: 15)
    case _ where zeroed.contains(port): [UInt8](repeating: 0, count: count ?? text.count)
    default: nil
    }
  }

  private static let innerFrame: [UInt8] = [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x88, 0xb5]

  /// How long a message is to be, and what stands at its end.
  private struct Space {
    var count: Int?
    var end: [UInt8]

    /// Octets for what follows a message's `head`; nil where there is no room.
    func rest(after head: Int, natural: Int) -> Int? {
      let rest = (count ?? max(natural, head + end.count)) - head
      return rest >= end.count ? rest : nil
    }

    /// A head and zeros, then the end.
    func fill(_ head: [UInt8], natural: Int) -> [UInt8]? {
      guard let rest = rest(after: head.count, natural: natural) else { return nil }
      return head + [UInt8](repeating: 0, count: rest - end.count) + end
    }
  }

  /// A question for an address (RFC 1035, 4.1), with EDNS(0) and padding (RFC 6891, RFC 7830) where the message is to be
  /// longer, and a name of another length where it is to be shorter.
  private static func dns(flags: UInt16, _ space: Space) -> [UInt8]? {
    let name: [UInt8] = [4] + Array("weft".utf8) + [4] + Array("test".utf8) + [0]
    let header = [0x77, 0x66] + word(flags)
    if let count = space.count, count < 42 {
      guard count != 12 else { return header + [UInt8](repeating: 0, count: 8) }
      let label = count - 12 - 4 - 2
      guard space.end.isEmpty, count == 17 || label > 0 else { return nil }
      let name = count == 17 ? [0] : [UInt8(label)] + [UInt8](repeating: 0x78, count: label) + [0]
      return header + [0, 1, 0, 0, 0, 0, 0, 0] + name + [0, 1, 0, 1]
    }
    let question = [0, 1, 0, 0, 0, 0] + [0, space.count == nil && space.end.isEmpty ? 0 : 1] as [UInt8]
    let head = header + question + name + [0, 1, 0, 1]
    guard space.count != nil || !space.end.isEmpty else { return head }
    guard let rest = space.rest(after: head.count + 15, natural: 0), rest + 4 <= 0xffff else { return nil }
    // OPT: root, 41, 1232 octets of UDP, no extended flags; the option padding, or one for local use.
    let option: UInt16 = space.end.isEmpty ? 12 : 65001
    let opt = [0, 0, 41, 4, 0xd0, 0, 0, 0, 0] + word(UInt16(rest + 4)) + word(option) + word(UInt16(rest))
    return head + opt + [UInt8](repeating: 0, count: rest - space.end.count) + space.end
  }

  /// What Windows and Samba ask a neighbour: its names (RFC 1002, 4.2.17).
  private static func netBIOS(_ space: Space) -> [UInt8]? {
    let name = [0x20] + Array("CK".utf8) + [UInt8](repeating: 0x41, count: 30) + [0]
    return space.fill([0x77, 0x66, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0] + name + [0, 0x21, 0, 1], natural: 50)
  }

  /// A client's request (RFC 5905, 7.3), and an extension field (RFC 7822) for what is longer.
  private static func ntp(_ space: Space) -> [UInt8]? {
    // No warning, version 4, mode 3.
    let head = [0x23] + [UInt8](repeating: 0, count: 47)
    guard let rest = space.rest(after: 48, natural: space.end.isEmpty ? 48 : 48 + 28) else { return nil }
    guard rest > 0 else { return rest == 0 ? head : nil }
    guard rest >= 28, rest % 4 == 0 else { return nil }
    return head + [0x20, 5] + word(UInt16(rest)) + [UInt8](repeating: 0, count: rest - 4 - space.end.count) + space.end
  }

  /// A read request (RFC 1350, 5) of a file with a name long enough.
  private static func tftp(_ count: Int?) -> [UInt8]? {
    let tail = [0] + Array("octet".utf8) + [0]
    let length = (count ?? 13) - 2 - tail.count
    guard length > 0 else { return nil }
    let name = Array("weft".utf8)
    return [0, 1] + (0..<length).map { name[$0 % 4] } + tail
  }

  /// IKE_SA_INIT with nothing in it, or a vendor ID (RFC 7296, 3.1, 3.12).
  private static func ike(_ space: Space, marker: Int = 0) -> [UInt8]? {
    guard let rest = space.rest(after: marker + 28, natural: space.end.isEmpty ? marker + 28 : marker + 32 + 16),
      rest == 0 || rest > 4, rest <= 0xffff
    else { return nil }
    let length = UInt16(28 + rest)
    let head =
      [UInt8](repeating: 0, count: marker) + Array("weftprob".utf8) + [UInt8](repeating: 0, count: 8)
      + [rest == 0 ? 0 : 43, 0x20, 34, 8, 0, 0, 0, 0, 0, 0] + word(length)
    guard rest > 0 else { return head }
    return head + [0, 0] + word(UInt16(rest)) + [UInt8](repeating: 0x77, count: rest - 4 - space.end.count) + space.end
  }

  /// A client that has an address asks for the rest (RFC 2131, 4.4.3): no server gives one away for it.
  private static func dhcp(_ space: Space) -> [UInt8]? {
    let message = DHCPMessage(
      isReply: false, kind: .inform, transaction: 0x7765_6674, clientMAC: MACAddress(rawValue: 0x0200_0000_0001))
    return space.fill(Array(message.bytes.prefix(244)), natural: 300)
  }

  /// `<14>`: user, informational (RFC 5424, 6.2.1).
  private static func syslog(_ count: Int?) -> [UInt8]? {
    let head = Array("<14>weft probe".utf8)
    guard let count else { return head }
    return count >= head.count ? head + [UInt8](repeating: 0x2e, count: count - head.count) : nil
  }

  /// A request for the whole table, then for as many networks as there is room for (RFC 2453, 4).
  private static func rip(_ count: Int?) -> [UInt8]? {
    let entries = ((count ?? 24) - 4) / 20
    guard entries > 0, (count ?? 24) == 4 + 20 * entries else { return nil }
    let whole = [UInt8](repeating: 0, count: 19) + [16]
    let network: [UInt8] = [0, 2, 0, 0, 10] + [UInt8](repeating: 0, count: 14) + [16]
    return [1, 2, 0, 0] + whole + (1..<entries).flatMap { _ in network }
  }

  private static func word(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }
}
