/// Frames as nobody honest makes them, of our own making: every header cut short, overlong and at odds with itself, each
/// with right checksums where it still has any, so that it gets as far as it can.
public struct HostileFrames {
  public private(set) var frames: [[UInt8]] = []
  private let destination: [UInt8]
  private let source: [UInt8]
  private let from: [UInt8]
  private let to: [UInt8]

  /// MAC addresses as 6 octets, IPv4 addresses as 4.
  public init(destination: [UInt8], source: [UInt8], from: [UInt8], to: [UInt8]) {
    self.destination = destination
    self.source = source
    self.from = from
    self.to = to
    ethernet()
    arp()
    headers()
    options()
    fragments()
    icmp()
    udp()
    tcp()
    dhcp()
    // Each cut off at every length of its headers, and with something behind its end.
    for whole in [tcp(flags: 2), udp(Self.query), icmp(8, 0), dhcp(kind: 1), arp(1)] {
      for length in 0..<min(whole.count, 60) { frames.append(Array(whole.prefix(length))) }
      frames.append(whole + [UInt8](repeating: 0xaa, count: 200))
    }
  }

  private static let query = [UInt8](repeating: 0x61, count: 24)

  private mutating func ethernet() {
    let body = ipv4(17, udpBody(Self.query))
    let broadcast = [UInt8](repeating: 255, count: 6)
    for type in [0, 0x2e, 0x5dc, 0x600, 0x800, 0x806, 0x8100, 0x88a8, 0x86dd, 0xffff] as [UInt16] {
      frames.append(destination + source + Self.two(type))
      frames.append(destination + source + Self.two(type) + body)
      // Tagged, tagged twice, and with half a tag.
      for tag in [0, 1, 0xfff, 0x1000, 0xffff] as [UInt16] {
        frames.append(destination + source + Self.two(0x8100) + Self.two(tag) + Self.two(type) + body)
      }
      frames.append(destination + source + [0x81, 0, 0, 1, 0x81, 0, 0, 2] + Self.two(type) + body)
      frames.append(destination + source + [0x81, 0, 0])
    }
    for mac in [[0, 0, 0, 0, 0, 0], broadcast, [1, 0x80, 0xc2, 0, 0, 0], [1, 0, 0x5e, 0, 0, 1], source] as [[UInt8]] {
      frames.append(mac + source + [8, 0] + body)
      frames.append(destination + mac + [8, 0] + body)
      frames.append(broadcast + mac + [8, 0] + body)
    }
  }

  private func arp(_ operation: UInt16, hardware: UInt16 = 1, proto: UInt16 = 0x800, lengths: UInt16 = 0x604) -> [UInt8] {
    [UInt8](repeating: 255, count: 6) + source + [8, 6] + Self.two(hardware) + Self.two(proto) + Self.two(lengths)
      + Self.two(operation) + source + from + [0, 0, 0, 0, 0, 0] + to
  }

  private mutating func arp() {
    for operation in [0, 1, 2, 3, 4, 8, 0xffff] as [UInt16] { frames.append(arp(operation)) }
    frames.append(arp(1, hardware: 6))
    frames.append(arp(1, proto: 0x86dd))
    for lengths in [0, 0x600, 0x004, 0xffff, 0x0610] as [UInt16] { frames.append(arp(1, lengths: lengths)) }
    // Senders that are nobody, everybody, the one who is asked.
    for (mac, address) in [
      ([0, 0, 0, 0, 0, 0], from), ([255, 255, 255, 255, 255, 255], from), (source, to),
      (source, [255, 255, 255, 255]), (source, [224, 0, 0, 1]), (source, [0, 0, 0, 0]), (destination, to),
    ]
      as [([UInt8], [UInt8])]
    {
      for operation in [1, 2] as [UInt8] {
        frames.append(
          destination + source + [8, 6, 0, 1, 8, 0, 6, 4, 0, operation] + mac + address + destination + to)
      }
    }
  }

  private mutating func headers() {
    let body = udpBody(Self.query)
    for length in [0, 1, 19, 20, 21, 27, 28, 51, 53, 60, 1500, 65535] as [Int] {
      frames.append(frame(ipv4(17, body, total: length)))
    }
    for first in 0...255 as ClosedRange<UInt8> where first & 15 < 8 || first >> 4 == 4 {
      frames.append(frame(ipv4(17, body, first: first)))
    }
    for ttl in [0, 1, 255] as [UInt8] { frames.append(frame(ipv4(17, body, ttl: ttl))) }
    for kind in [0, 2, 4, 41, 50, 58, 132, 253, 255] as [UInt8] { frames.append(frame(ipv4(kind, body))) }
    for address in [[0, 0, 0, 0], [127, 0, 0, 1], [224, 0, 0, 1], [240, 0, 0, 1], [255, 255, 255, 255], to, from]
      as [[UInt8]]
    {
      frames.append(frame(ipv4(17, body, from: address)))
      frames.append(frame(ipv4(17, body, to: address)))
      frames.append(frame(ipv4(6, tcpBody(flags: 2), from: address)))
    }
    var wrong = frame(ipv4(17, body))
    wrong[24] ^= 0xff
    frames.append(wrong)
  }

  private mutating func options() {
    for option in [
      [0, 0, 0, 0], [1, 1, 1, 1], [7, 0, 0, 0], [7, 1, 0, 0], [7, 3, 4, 0], [7, 255, 4, 0], [131, 3, 4, 0],
      [137, 7, 4, 10, 0, 0, 1, 0], [68, 4, 5, 0], [68, 40, 255, 255], [148, 4, 0, 0], [148, 4, 255, 255],
      [255, 2, 255, 2], [1, 1, 1, 7], [130, 11, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
    ] as [[UInt8]] {
      for kind in [17, 6, 1] as [UInt8] {
        let body = kind == 17 ? udpBody(Self.query) : kind == 6 ? tcpBody(flags: 2) : icmpBody(8, 0)
        frames.append(frame(ipv4(kind, body, options: option)))
        frames.append(frame(ipv4(kind, body, options: option, fragment: 0x2000)))
      }
    }
  }

  private mutating func fragments() {
    let body = udpBody([UInt8](repeating: 1, count: 64))
    for field in [0x2000, 0x2001, 0x0001, 0x1fff, 0x3fff, 0x4000, 0x6000, 0x8000, 0xffff, 0x2002, 0x0002, 0x0003]
      as [UInt16]
    {
      for kind in [17, 6, 1] as [UInt8] {
        for count in [0, 1, 7, 8, 9, 64, 72] {
          frames.append(frame(ipv4(kind, Array(body.prefix(count)), fragment: field, identification: 7)))
        }
      }
    }
    // Overlapping, doubled, and with two ends.
    for (offset, more, count) in [(0, 1, 32), (2, 1, 32), (4, 0, 16), (4, 0, 24), (6, 0, 8), (0, 1, 32), (0, 1, 24)]
      as [(UInt16, UInt16, Int)]
    {
      frames.append(frame(ipv4(17, Array(body.prefix(count)), fragment: more << 13 | offset, identification: 9)))
    }
  }

  private mutating func icmp() {
    for type in 0...18 as ClosedRange<UInt8> {
      for code in [0, 1, 3, 4, 13, 255] as [UInt8] {
        frames.append(icmp(type, code))
        // Errors about what was sent, was never sent, is cut short, is itself an error, or a fragment.
        let quotes = [
          ipv4(17, udpBody(Self.query), from: to, to: from), ipv4(6, tcpBody(flags: 16), from: to, to: from),
          Array(ipv4(6, tcpBody(flags: 16), from: to, to: from).prefix(27)), ipv4(1, icmpBody(3, 3), from: to, to: from),
          ipv4(17, udpBody(Self.query), first: 0x4f, from: to, to: from), [UInt8](repeating: 0, count: 20), [0x45],
          ipv4(17, udpBody(Self.query), fragment: 0x2010, from: to, to: from), ipv4(1, icmpBody(8, 0), from: to, to: from),
        ]
        if [3, 4, 5, 11, 12].contains(type) { for quote in quotes { frames.append(icmp(type, code, data: quote)) } }
      }
    }
    frames.append(icmp(200, 9))
  }

  private mutating func udp() {
    for length in [0, 1, 7, 8, 9, 31, 33, 1500, 65535] as [UInt16] {
      frames.append(frame(ipv4(17, udpBody(Self.query, length: length))))
    }
    for (a, b) in [(0, 0), (0, 7), (7, 0), (7, 7), (53, 65535), (68, 67), (67, 68), (3478, 3478)] as [(UInt16, UInt16)] {
      frames.append(udp(Self.query, from: a, to: b))
      frames.append(udp([], from: a, to: b))
    }
  }

  private mutating func tcp() {
    for flags in 0...255 as ClosedRange<UInt8> { frames.append(tcp(flags: flags)) }
    for offset in 0...15 as ClosedRange<UInt8> { frames.append(tcp(flags: 2, offset: offset)) }
    for option in [
      [2, 0, 0, 0], [2, 1, 0, 0], [2, 4, 0, 0], [2, 4, 0, 1], [2, 4, 255, 255], [3, 3, 255, 0], [3, 3, 15, 1], [3, 2, 0, 0],
      [8, 10, 0, 0], [4, 2, 0, 0], [5, 255, 0, 0], [254, 0, 1, 1], [1, 1, 1, 2], [1, 1, 1, 254],
    ] as [[UInt8]] {
      for flags in [2, 18, 16] as [UInt8] { frames.append(tcp(flags: flags, options: option)) }
    }
    for number in [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff] as [UInt32] {
      for flags in [2, 16, 17, 4, 20, 24] as [UInt8] {
        frames.append(tcp(flags: flags, sequence: number))
        frames.append(tcp(flags: flags, acknowledgment: number, data: Self.query))
      }
    }
  }

  private mutating func dhcp() {
    for kind in 0...255 as ClosedRange<UInt8> where kind < 20 || kind % 40 == 0 { frames.append(dhcp(kind: kind)) }
    for more in [
      [53, 0], [53], [53, 255, 1], [50, 3, 1, 2, 3], [50, 4, 0, 0, 0, 0], [50, 4, 255, 255, 255, 255], [54, 4, 0, 0, 0, 0],
      [12, 255], [52, 1, 3], [61, 0], [51, 4, 255, 255, 255, 255], [0, 0, 0, 0], [255, 53, 1, 1], [50, 5, 1, 2, 3, 4, 5],
    ] as [[UInt8]] {
      for kind in [1, 3, 4, 7, 8] as [UInt8] { frames.append(dhcp(kind: kind, more: more)) }
    }
    for cut in [0, 1, 43, 44, 235, 236, 239, 240, 241] {
      frames.append(udp(Array(dhcpBody(1, []).prefix(cut)), from: 68, to: 67))
    }
  }

  // MARK: Making

  private static func two(_ value: UInt16) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }
  private static func four(_ value: UInt32) -> [UInt8] {
    two(UInt16(value >> 16)) + two(UInt16(truncatingIfNeeded: value))
  }

  private static func sum(_ bytes: [UInt8]) -> UInt16 {
    var sum: UInt32 = 0
    for index in stride(from: 0, to: bytes.count, by: 2) {
      sum += UInt32(bytes[index]) << 8 | (index + 1 < bytes.count ? UInt32(bytes[index + 1]) : 0)
    }
    while sum > 0xffff { sum = sum & 0xffff + sum >> 16 }
    return ~UInt16(sum)
  }

  private func frame(_ packet: [UInt8]) -> [UInt8] { destination + source + [8, 0] + packet }

  private func ipv4(
    _ kind: UInt8, _ body: [UInt8], total: Int? = nil, first: UInt8? = nil, ttl: UInt8 = 64, options: [UInt8] = [],
    fragment: UInt16 = 0, identification: UInt16 = 1, from: [UInt8]? = nil, to: [UInt8]? = nil
  ) -> [UInt8] {
    let length = 20 + options.count
    let (from, to) = (from ?? self.from, to ?? self.to)
    var header =
      [first ?? 0x40 | UInt8(length / 4), 0] + Self.two(UInt16(total ?? length + body.count)) + Self.two(identification)
    header += Self.two(fragment) + [ttl, kind, 0, 0] + from + to + options
    let covered = min(max(Int(header[0] & 15) * 4, 12), (header + body).count)
    let checksum = Self.two(Self.sum(Array((header + body).prefix(covered))))
    (header[10], header[11]) = (checksum[0], checksum[1])
    var body = body
    let place = kind == 6 ? 16 : kind == 17 ? 6 : 2
    if kind == 6 || kind == 17 || kind == 1, body.count >= place + 2, fragment & 0x3fff == 0 {
      (body[place], body[place + 1]) = (0, 0)
      let pseudo = kind == 1 ? [] : from + to + [0, kind] + Self.two(UInt16(body.count))
      let sum = Self.two(Self.sum(pseudo + body))
      (body[place], body[place + 1]) = (sum[0], sum[1])
    }
    return header + body
  }

  private func udpBody(_ data: [UInt8], from: UInt16 = 4000, to: UInt16 = 7, length: UInt16? = nil) -> [UInt8] {
    Self.two(from) + Self.two(to) + Self.two(length ?? UInt16(8 + data.count)) + [0, 0] + data
  }
  private func udp(_ data: [UInt8], from: UInt16 = 4000, to: UInt16 = 7) -> [UInt8] {
    frame(ipv4(17, udpBody(data, from: from, to: to)))
  }
  private func icmpBody(_ type: UInt8, _ code: UInt8, data: [UInt8] = []) -> [UInt8] {
    [type, code, 0, 0, 0, 9, 0, 1] + data
  }
  private func icmp(_ type: UInt8, _ code: UInt8, data: [UInt8] = []) -> [UInt8] {
    frame(ipv4(1, icmpBody(type, code, data: data)))
  }
  private func tcpBody(
    flags: UInt8, offset: UInt8? = nil, options: [UInt8] = [], sequence: UInt32 = 1000, acknowledgment: UInt32 = 0,
    data: [UInt8] = []
  ) -> [UInt8] {
    var body: [UInt8] = Self.two(4000) + Self.two(80)
    body += Self.four(sequence)
    body += Self.four(acknowledgment)
    body += [(offset ?? UInt8(5 + options.count / 4)) << 4, flags, 255, 255, 0, 0, 0, 0]
    body += options
    return body + data
  }
  private func tcp(
    flags: UInt8, offset: UInt8? = nil, options: [UInt8] = [], sequence: UInt32 = 1000, acknowledgment: UInt32 = 0,
    data: [UInt8] = []
  ) -> [UInt8] {
    frame(
      ipv4(
        6,
        tcpBody(
          flags: flags, offset: offset, options: options, sequence: sequence, acknowledgment: acknowledgment, data: data)))
  }
  private func dhcpBody(_ kind: UInt8, _ more: [UInt8]) -> [UInt8] {
    var body: [UInt8] = [1, 1, 6, 0, 1, 2, 3, 4]
    body += [UInt8](repeating: 0, count: 20)
    body += source
    body += [UInt8](repeating: 0, count: 202)
    body += [99, 130, 83, 99, 53, 1, kind]
    return body + more + [255]
  }
  private func dhcp(kind: UInt8, more: [UInt8] = []) -> [UInt8] {
    [UInt8](repeating: 255, count: 6) + source + [8, 0]
      + ipv4(
        17, udpBody(dhcpBody(kind, more), from: 68, to: 67), from: [0, 0, 0, 0], to: [255, 255, 255, 255])
  }
}
