import WeftCore
import WeftWire

/// The fuzzer's octets, taken from the front; zeros when there are none left.
struct Script {
  private var rest: UnsafeRawBufferPointer.SubSequence

  init(_ start: UnsafePointer<UInt8>?, _ count: Int) { rest = UnsafeRawBufferPointer(start: start, count: count)[...] }

  var isEmpty: Bool { rest.isEmpty }
  mutating func u8() -> UInt8 { rest.popFirst() ?? 0 }
  mutating func u16() -> UInt16 { UInt16(u8()) << 8 | UInt16(u8()) }
  mutating func u32() -> UInt32 { UInt32(u16()) << 16 | UInt32(u16()) }
  mutating func bytes(_ count: Int) -> [UInt8] {
    defer { rest = rest.dropFirst(count) }
    return Array(rest.prefix(count))
  }
}

/// One element between links on which neighbours with an even address answer ARP at once and the others never do.
///
/// A frame of the script is: port and how to mend it (8), time since the one before (8), length (16), bytes.
struct Drive<E: Element> {
  /// How long nothing comes before a frame.
  private static var pauses: [Nanoseconds] {
    [.zero, .microseconds(1), .milliseconds(1), .milliseconds(150), .seconds(1), .seconds(7), .minutes(2), .hours(3)]
  }

  var element: E
  /// Of the element's ports.
  let macs: [MACAddress]
  /// Whether a frame may leave more than once (flooding).
  var floods = false
  /// Whether it never keeps a frame.
  var keepsNothing = false
  private var now = Instant(1_000_000_000)
  private var number: UInt64 = 0
  /// The last TCP segment that the element sent, from its IPv4 header.
  private var lastSegment: [UInt8] = []

  init(_ element: E, macs: [MACAddress]) {
    self.element = element
    self.macs = macs
  }

  /// `begin` is for what an element wants before its first frame.
  static func run(
    _ element: E, macs: [MACAddress], _ script: consuming Script, floods: Bool = false, keepsNothing: Bool = false,
    begin: (inout E, Instant, inout Effects) -> Void = { _, _, _ in }
  ) {
    let pool = FramePool()
    do {
      var out = Effects(pool: pool)
      var drive = Drive(element, macs: macs)
      drive.floods = floods
      drive.keepsNothing = keepsNothing
      begin(&drive.element, drive.now, &out)
      drive.drain(&out)
      while !script.isEmpty { drive.step(&script, &out) }
    }
    // The element is gone, and with it all it kept.
    check(pool.outstanding == 0, "frames leaked")
  }

  private mutating func step(_ script: inout Script, _ out: inout Effects) {
    let control = script.u8()
    let port = Int(control & 7) % macs.count
    advance(by: Self.pauses[Int(script.u8() & 7)], &out)
    var bytes = script.bytes(min(Int(script.u16()), FramePool.maximumFrame))
    if control & 0x80 != 0 { mend(&bytes, port: port, answer: control & 0x40 != 0) }
    let frame = out.pool.frame(bytes)
    number += 1
    frame.packetID = number
    element.receive(frame, on: PortIndex(port), now: now, &out)
    drain(&out)
  }

  /// Wakes the element whenever it wants until then; after a hundred times the rest of the time is left out.
  private mutating func advance(by pause: Nanoseconds, _ out: inout Effects) {
    let then = now + pause
    var wakes = 0
    while element.deadline <= then, wakes < 100 {
      now = max(now, element.deadline)
      element.wake(now: now, &out)
      check(element.deadline > now, "woken, it wants to be woken again at once")
      drain(&out)
      wakes += 1
    }
    if wakes < 100 { now = then }
  }

  /// Looks at what the element did, and answers its ARP requests.
  private mutating func drain(_ out: inout Effects) {
    var replies: [(port: Int, bytes: [UInt8])] = []
    repeat {
      for (port, bytes) in replies { element.receive(out.pool.frame(bytes), on: PortIndex(port), now: now, &out) }
      replies = []
      var verdicts: [UInt64: Int] = [:]
      for index in 0..<out.count {
        let entry = out[index]
        let frame = Frame(stored: entry.frame)
        check(entry.port.index < macs.count, "no such port")
        if frame.packetID > 0 { verdicts[frame.packetID, default: 0] += 1 }
        check(floods || verdicts[frame.packetID] ?? 0 <= 1, "two verdicts for one frame")
        guard entry.verdict == .transmit else { continue }
        if let reply = look(at: frame.bytes, isOwn: frame.packetID == 0) { replies.append((entry.port.index, reply)) }
      }
      out.removeAll()
      out.observations = []
      check(!keepsNothing || out.pool.outstanding == 0, "a frame without a verdict")
    } while !replies.isEmpty
  }

  /// What the element makes itself must be right. Returns the answer to an ARP request.
  private mutating func look(at bytes: RawSpan, isOwn: Bool) -> [UInt8]? {
    guard let ethernet = EthernetView(bytes) else { fatalError("sent no Ethernet frame") }
    if ethernet.type == .arp, let arp = ARPPacket(ethernet.payload) {
      guard isOwn, arp.operation == .request, arp.targetIP.rawValue & 1 == 0 else { return nil }
      return written(14 + ARPPacket.length) {
        EthernetHeader(destination: arp.senderMAC, source: peer(arp.targetIP), type: .arp).write(to: &$0)
        var body = $0.extracting(14..<14 + ARPPacket.length)
        arp.reply(from: peer(arp.targetIP)).write(to: &body)
      }
    }
    guard ethernet.type == .ipv4, let ip = IPv4View(ethernet.payload) else {
      check(!isOwn || ethernet.type != .ipv4, "made a malformed IPv4 packet")
      return nil
    }
    if ip.protocol == .tcp, !ip.isFragment { lastSegment = ip.bytes.array }
    guard isOwn else { return nil }
    check(ip.hasValidChecksum, "made a wrong IPv4 checksum")
    guard !ip.isFragment else { return nil }
    switch ip.protocol {
    case .tcp:
      guard let tcp = TCPView(ip.payload) else { fatalError("made a malformed TCP segment") }
      check(tcp.hasValidChecksum(source: ip.source, destination: ip.destination), "made a wrong TCP checksum")
    case .udp:
      guard let udp = UDPView(ip.payload) else { fatalError("made a malformed UDP datagram") }
      check(udp.hasValidChecksum(source: ip.source, destination: ip.destination), "made a wrong UDP checksum")
    case .icmp:
      guard let icmp = ICMPv4View(ip.payload) else { fatalError("made a malformed ICMP message") }
      check(icmp.hasValidChecksum, "made a wrong ICMP checksum")
    default: break
    }
    return nil
  }

  /// What a fuzzer can't guess is put right: the destination MAC, the packet's length where it is too long, the
  /// checksums. `answer`: the TCP segment goes to the sender of the last one, its sequence and acknowledgment numbers
  /// being counted from the expected ones.
  private func mend(_ bytes: inout [UInt8], port: Int, answer: Bool) {
    guard bytes.count >= 34 else { return }
    if bytes[0] & 1 == 0 { bytes.put(UInt32(macs[port].rawValue >> 16), 0) }
    if bytes[0] & 1 == 0 { bytes.put(UInt16(macs[port].rawValue & 0xffff), 4) }
    guard bytes[12] == 8, bytes[13] == 0, bytes[14] >> 4 == 4 else { return }
    let header = max(20, Int(bytes[14] & 15) * 4)
    guard bytes.count >= 14 + header else { return }
    if bytes.u16(16) > bytes.count - 14 || bytes.u16(16) < header { bytes.put(UInt16(bytes.count - 14), 16) }
    let body = 14 + header
    let end = 14 + bytes.u16(16)
    let proto = bytes[23]
    if answer, proto == 6, end >= body + 20, lastSegment.count >= 40 { reply(&bytes, at: body) }
    bytes.put(UInt16(0), 24)
    bytes.put(InternetChecksum.checksum(bytes.span.bytes.extracting(14..<body)), 24)
    let place = proto == 6 ? 16 : proto == 17 ? 6 : proto == 1 ? 2 : -1
    guard place >= 0, body + place + 2 <= end, bytes.u16(20) & 0x3fff == 0 else { return }
    if proto == 17, bytes.u16(body + 4) > end - body { bytes.put(UInt16(end - body), body + 4) }
    let length = proto == 17 ? bytes.u16(body + 4) : end - body
    guard length >= place + 2 else { return }
    bytes.put(UInt16(0), body + place)
    let (source, destination) = (bytes.span.bytes.ipv4(26), bytes.span.bytes.ipv4(30))
    let initial =
      proto == 1
      ? 0 : InternetChecksum.pseudoHeader(source: source, destination: destination, protocol: proto, length: length)
    let sum = InternetChecksum.checksum(bytes.span.bytes.extracting(body..<body + length), initial: initial)
    bytes.put(sum, body + place)
  }

  private func reply(_ bytes: inout [UInt8], at body: Int) {
    let last = lastSegment.span.bytes
    guard let ip = IPv4View(last), let tcp = TCPView(ip.payload) else { return }
    bytes.put(ip.destination.rawValue, 26)
    bytes.put(ip.source.rawValue, 30)
    bytes.put(tcp.destinationPort, body)
    bytes.put(tcp.sourcePort, body + 2)
    let length = UInt32(tcp.payload.byteCount) &+ (tcp.flags.contains(.syn) || tcp.flags.contains(.fin) ? 1 : 0)
    let (sequence, acknowledgment) = (bytes.span.bytes.u32(body + 4), bytes.span.bytes.u32(body + 8))
    bytes.put(tcp.acknowledgment &+ sequence, body + 4)
    bytes.put(tcp.sequence &+ length &+ acknowledgment, body + 8)
  }
}

/// The MAC address of whoever answers ARP for an address.
func peer(_ address: IPv4Address) -> MACAddress { .local(UInt64(address.rawValue)) }

extension [UInt8] {
  func u16(_ at: Int) -> Int { Int(self[at]) << 8 | Int(self[at + 1]) }
  mutating func put<T: FixedWidthInteger>(_ value: T, _ at: Int) {
    for index in 0..<T.bitWidth / 8 {
      self[at + index] = UInt8(truncatingIfNeeded: value >> T(T.bitWidth - 8 * (index + 1)))
    }
  }
}
