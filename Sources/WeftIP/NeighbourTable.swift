import WeftCore
import WeftWire

/// Maps IPv4 addresses on one interface to MAC addresses by ARP (RFC 826), and keeps packets that wait for an answer
/// (RFC 1122, 2.3.2.2: at least the latest).
///
/// An entry is trusted for a minute after it was confirmed. When it is older and used, it goes on being used while a
/// request asks again; without an answer it is forgotten. Unused ones cost nothing: age is looked at on use.
public struct NeighbourTable: Codable {
  /// One request a second, three of them, as Linux (`retrans_time_ms` 1000, `mcast_solicit` 3).
  static let retryInterval = Nanoseconds.seconds(1)
  static let attempts: UInt8 = 3
  static let confirmedFor = Nanoseconds.seconds(60)
  /// Packets that wait for one neighbour.
  static let queueCapacity = 64
  /// Entries at most, so that a scan of the subnet can't grow it without bound (Linux's gc_thresh3 is 1024).
  static let limit = 16_384

  struct Entry: Codable {
    /// Zero while unknown.
    var mac: MACAddress
    var confirmed: Instant
    var asking: Bool
  }

  @usableFromInline
  struct Request: Codable {
    var address: IPv4Address
    @usableFromInline var next: Instant
    var sent: UInt8
    var waiting: FrameQueue?
  }

  public let port: PortIndex
  public let mac: MACAddress
  /// The interface's own address; unspecified until it has one.
  public var address: IPv4Address
  private var entries = FlatMap<UInt32, Entry>()
  @usableFromInline var requests: [Request] = []
  /// Replies and announcements that contradicted an entry in use.
  public private(set) var moves: UInt64 = 0

  public init(port: PortIndex, mac: MACAddress, address: IPv4Address) {
    self.port = port
    self.mac = mac
    self.address = address
  }

  public var count: Int { entries.count }

  /// All known neighbours, by address.
  public var neighbours: [(address: IPv4Address, mac: MACAddress)] {
    entries.unordered.filter { $0.value.mac != .zero }.map { (IPv4Address(rawValue: $0.key), $0.value.mac) }
      .sorted { $0.0 < $1.0 }
  }

  public func mac(of address: IPv4Address) -> MACAddress? {
    guard let entry = entries[address.rawValue], entry.mac != .zero else { return nil }
    return entry.mac
  }

  /// Sends a frame whose first 14 bytes are room for the Ethernet header and whose rest is an IPv4 packet, to a neighbour.
  /// Writes the header; waits in the queue while the neighbour's MAC is asked for.
  @inlinable
  public mutating func send(
    _ frame: consuming Frame, to neighbour: IPv4Address, now: Instant, _ out: inout Effects, note: Note? = nil
  ) {
    guard let destination = lookup(neighbour, now: now, &out) else {
      return enqueue(frame, for: neighbour, now: now, &out)
    }
    Self.writeHeader(&frame, destination: destination, source: mac)
    if let note { out.transmit(frame, on: port, note: note) } else { out.transmit(frame, on: port) }
  }

  /// To everyone on the link.
  public func broadcast(_ frame: consuming Frame, _ out: inout Effects) {
    Self.writeHeader(&frame, destination: .broadcast, source: mac)
    out.transmit(frame, on: port)
  }

  @inlinable @inline(__always)
  static func writeHeader(_ frame: inout Frame, destination: MACAddress, source: MACAddress) {
    var span = frame.mutableBytes
    span.put(destination, at: 0)
    span.put(source, at: 6)
    span.put(EtherType.ipv4.rawValue, at: 12)
  }

  @usableFromInline
  mutating func lookup(_ neighbour: IPv4Address, now: Instant, _ out: inout Effects) -> MACAddress? {
    guard let entry = entries[neighbour.rawValue], entry.mac != .zero else { return nil }
    if now > entry.confirmed + Self.confirmedFor, !entry.asking {
      entries[neighbour.rawValue] = Entry(mac: entry.mac, confirmed: entry.confirmed, asking: true)
      requests.append(Request(address: neighbour, next: now + Self.retryInterval, sent: 1, waiting: nil))
      ask(neighbour, &out)
    }
    return entry.mac
  }

  @usableFromInline
  mutating func enqueue(_ frame: consuming Frame, for neighbour: IPv4Address, now: Instant, _ out: inout Effects) {
    // Written now although the destination is unknown: a frame that is dropped, captured or saved has no undefined bytes.
    Self.writeHeader(&frame, destination: .zero, source: mac)
    if let index = requests.firstIndex(where: { $0.address == neighbour }) {
      let queue = requests[index].waiting ?? FrameQueue(capacity: Self.queueCapacity)
      requests[index].waiting = queue
      if queue.isFull {
        out.drop(frame, on: port, .neighbourQueueFull, .address(neighbour.rawValue))
      } else {
        queue.push(frame)
      }
      return
    }
    guard entries.count < Self.limit else {
      out.drop(frame, on: port, .neighbourUnresolved, .address(neighbour.rawValue))
      return
    }
    let queue = FrameQueue(capacity: Self.queueCapacity)
    queue.push(frame)
    requests.append(Request(address: neighbour, next: now + Self.retryInterval, sent: 1, waiting: queue))
    entries[neighbour.rawValue] = Entry(mac: .zero, confirmed: .start, asking: true)
    ask(neighbour, &out)
  }

  /// Takes in an ARP packet that came in on this interface: learns from it, answers a request for `address` or for
  /// what `proxyFor` says yes to.
  public mutating func receive(
    _ packet: ARPPacket, now: Instant, _ out: inout Effects, proxyFor: (IPv4Address) -> Bool = { _ in false }
  ) {
    guard packet.operation == .request || packet.operation == .reply else { return }
    let forUs = packet.targetIP == address && !address.isUnspecified
    // RFC 826's merge flag: update what is known; add only who talks to us. 0.0.0.0 is a probe (RFC 5227).
    if packet.senderIP.isUsableSource, !packet.senderMAC.isGroup, packet.senderIP != address {
      if let entry = entries[packet.senderIP.rawValue] {
        if entry.mac != .zero, entry.mac != packet.senderMAC { moves += 1 }
        learn(packet.senderIP, packet.senderMAC, now: now, &out)
      } else if forUs, entries.count < Self.limit {
        learn(packet.senderIP, packet.senderMAC, now: now, &out)
      }
    }
    if packet.operation == .request, forUs || proxyFor(packet.targetIP) {
      send(packet.reply(from: mac), to: packet.senderMAC, &out)
    }
  }

  /// Tells the link that this interface has `address` (RFC 5227, 2.3).
  public func announce(_ out: inout Effects) {
    send(.request(from: mac, address, for: address), to: .broadcast, &out)
  }

  private func ask(_ neighbour: IPv4Address, _ out: inout Effects) {
    send(.request(from: mac, address, for: neighbour), to: .broadcast, &out)
  }

  private func send(_ packet: ARPPacket, to destination: MACAddress, _ out: inout Effects) {
    var frame = out.frame(count: 14 + ARPPacket.length)
    var span = frame.mutableBytes
    EthernetHeader(destination: destination, source: mac, type: .arp).write(to: &span)
    var body = span.extracting(14..<14 + ARPPacket.length)
    packet.write(to: &body)
    out.transmit(frame, on: port)
  }

  private mutating func learn(_ neighbour: IPv4Address, _ mac: MACAddress, now: Instant, _ out: inout Effects) {
    entries[neighbour.rawValue] = Entry(mac: mac, confirmed: now, asking: false)
    guard let index = requests.firstIndex(where: { $0.address == neighbour }) else { return }
    let request = requests.remove(at: index)
    while var frame = request.waiting?.pop() {
      Self.writeHeader(&frame, destination: mac, source: self.mac)
      out.transmit(frame, on: port)
    }
  }

  /// Forgets all neighbours; the packets that waited for one go to `failed`.
  public mutating func removeAll(_ out: inout Effects, failed: (consuming Frame, IPv4Address, inout Effects) -> Void) {
    entries.removeAll()
    while let request = requests.popLast() {
      while let frame = request.waiting?.pop() { failed(frame, request.address, &out) }
    }
  }

  /// Asked for after every frame, and nearly always with nothing under way.
  @inlinable
  public var deadline: Instant {
    var earliest = Instant(.max)
    for index in requests.indices where requests[index].next < earliest { earliest = requests[index].next }
    return earliest
  }

  /// Asks again, or gives up: the packets that waited in vain go to `failed`, which drops them and tells their sender.
  public mutating func wake(
    now: Instant, _ out: inout Effects, failed: (consuming Frame, IPv4Address, inout Effects) -> Void
  ) {
    var index = 0
    while index < requests.count {
      guard requests[index].next <= now else {
        index += 1
        continue
      }
      let address = requests[index].address
      if requests[index].sent < Self.attempts {
        requests[index].sent += 1
        requests[index].next = now + Self.retryInterval
        ask(address, &out)
        index += 1
      } else {
        let request = requests.remove(at: index)
        entries.remove(address.rawValue)
        while let frame = request.waiting?.pop() { failed(frame, address, &out) }
      }
    }
  }
}
