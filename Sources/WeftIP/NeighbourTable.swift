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
  @inlinable static var confirmedFor: Nanoseconds { .seconds(60) }
  /// Packets that wait for one neighbour.
  static let queueCapacity = 64
  /// Entries at most, so that a scan of the subnet can't grow it without bound (Linux's gc_thresh3 is 1024).
  static let limit = 16_384

  @usableFromInline
  struct Entry: Codable {
    /// Zero while unknown.
    @usableFromInline var mac: MACAddress
    @usableFromInline var confirmed: Instant
    var asking: Bool
  }

  @usableFromInline
  struct Request: Codable {
    var address: IPv4Address
    @usableFromInline var next: Instant
    var sent: UInt8
    var waiting = FrameQueue(capacity: NeighbourTable.queueCapacity)
    /// Of the waiting frames, in their order: what was done to them before they came here.
    var notes: [WaitingNotes] = []

    init(address: IPv4Address, next: Instant) {
      self.address = address
      self.next = next
      sent = 1
    }

    @usableFromInline
    init(from decoder: any Decoder) throws {
      let container = try decoder.container(keyedBy: CodingKeys.self)
      address = try container.decode(IPv4Address.self, forKey: .address)
      next = try container.decode(Instant.self, forKey: .next)
      sent = try container.decode(UInt8.self, forKey: .sent)
      waiting = try container.decode(FrameQueue.self, forKey: .waiting)
      notes = try container.decode([WaitingNotes].self, forKey: .notes)
      // Their Ethernet header is still to be written.
      guard waiting.map({ $0.byteCount >= 14 }).allSatisfy({ $0 }) else {
        throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "a frame too short"))
      }
    }
  }

  struct WaitingNotes: Codable {
    var first: Note?
    var second: Note?
  }

  public let port: PortIndex
  public let mac: MACAddress
  /// The interface's own address; unspecified until it has one.
  public var address: IPv4Address
  /// The only other station, on a link without ARP: everything goes to it.
  public var peer: MACAddress?
  @usableFromInline var entries = FlatMap<UInt32, Entry>()
  /// In the order of `next`: every wait is as long as the others, so what is asked last is due last.
  @usableFromInline var requests: [Request] = []
  /// When a full table was last cleared of what has aged.
  private var cleared = Instant.start
  /// Replies and announcements that contradicted an entry in use.
  public private(set) var moves: UInt64 = 0
  /// A bit for each address in the table, by `bit(of:)`: without its bit, an address isn't in it. Worked out anew when
  /// decoded; what was there once may leave its bit behind.
  public private(set) var knownBits: UInt64 = 0

  private enum CodingKeys: CodingKey { case port, mac, address, peer, entries, requests, cleared, moves }

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

  /// An entry as people see it.
  public struct Neighbour: Sendable {
    /// In the words of `ip neigh`.
    public enum State: String, Sendable {
      case reachable = "REACHABLE"
      case stale = "STALE"
      case probe = "PROBE"
      case incomplete = "INCOMPLETE"
    }

    /// Behind which port of its node it is.
    public var port: PortIndex
    public var address: IPv4Address
    public var mac: MACAddress?
    public var state: State
    /// Since it was confirmed.
    public var age: Nanoseconds?
  }

  /// All entries, those that are being asked for too, by address.
  public func table(now: Instant) -> [Neighbour] {
    entries.unordered.map { key, entry in
      let address = IPv4Address(rawValue: key)
      guard entry.mac != .zero else {
        return Neighbour(port: port, address: address, mac: nil, state: .incomplete, age: nil)
      }
      let isFresh = now <= entry.confirmed + Self.confirmedFor
      return Neighbour(
        port: port, address: address, mac: entry.mac, state: isFresh ? .reachable : entry.asking ? .probe : .stale,
        age: now - entry.confirmed)
    }.sorted { $0.address < $1.address }
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
      return enqueue(frame, for: neighbour, now: now, &out, note, nil)
    }
    Self.writeHeader(&frame, destination: destination, source: mac)
    if let note { out.transmit(frame, on: port, note: note) } else { out.transmit(frame, on: port) }
  }

  /// The same with both ends translated (hairpin).
  @inlinable
  public mutating func send(
    _ frame: consuming Frame, to neighbour: IPv4Address, now: Instant, _ out: inout Effects, notes first: Note,
    _ second: Note
  ) {
    guard let destination = lookup(neighbour, now: now, &out) else {
      return enqueue(frame, for: neighbour, now: now, &out, first, second)
    }
    Self.writeHeader(&frame, destination: destination, source: mac)
    out.transmit(frame, on: port, notes: first, second)
  }

  /// To everyone on the link, or to a group of them, whose MAC address has its number's lower 23 bits (RFC 1112, 6.4).
  public func broadcast(_ frame: consuming Frame, to destination: IPv4Address = .broadcast, _ out: inout Effects) {
    Self.writeHeader(&frame, destination: .broadcast(destination), source: mac)
    out.transmit(frame, on: port)
  }

  /// Into a frame's first 14 bytes.
  @inlinable @inline(__always)
  public static func writeHeader(_ frame: inout Frame, destination: MACAddress, source: MACAddress) {
    // No checksum covers the Ethernet header.
    let isSound = frame.isSound
    var span = frame.mutableBytes
    span.put(destination, at: 0)
    span.put(source, at: 6)
    span.put(EtherType.ipv4.rawValue, at: 12)
    frame.isSound = isSound
  }

  /// A neighbour that frames are sent to without asking again, and until when.
  public func trusted(_ neighbour: IPv4Address, now: Instant) -> (mac: MACAddress, until: Instant)? {
    if let peer { return (peer, .never) }
    guard let entry = entries[neighbour.rawValue], entry.mac != .zero, now <= entry.confirmed + Self.confirmedFor else {
      return nil
    }
    return (entry.mac, entry.confirmed + Self.confirmedFor)
  }

  @inlinable @inline(__always)
  mutating func lookup(_ neighbour: IPv4Address, now: Instant, _ out: inout Effects) -> MACAddress? {
    if let peer { return peer }
    if let entry = entries[neighbour.rawValue], now <= entry.confirmed + Self.confirmedFor, entry.mac != .zero {
      return entry.mac
    }
    return lookupOld(neighbour, now: now, &out)
  }

  /// Of one that isn't known, or was confirmed too long ago.
  @usableFromInline @inline(never)
  mutating func lookupOld(_ neighbour: IPv4Address, now: Instant, _ out: inout Effects) -> MACAddress? {
    guard let entry = entries[neighbour.rawValue], entry.mac != .zero else { return nil }
    if now > entry.confirmed + Self.confirmedFor, !entry.asking {
      set(neighbour, Entry(mac: entry.mac, confirmed: entry.confirmed, asking: true))
      requests.append(Request(address: neighbour, next: now + Self.retryInterval))
      ask(neighbour, &out)
    }
    return entry.mac
  }

  @usableFromInline
  mutating func enqueue(
    _ frame: consuming Frame, for neighbour: IPv4Address, now: Instant, _ out: inout Effects, _ first: Note?,
    _ second: Note?
  ) {
    let notes = WaitingNotes(first: first, second: second)
    if let first, out.keepsNotes { out.rewrites.append(.init(packetID: frame.packetID, first: first, second: second)) }
    // Written now although the destination is unknown: a frame that is dropped, captured or saved has no undefined bytes.
    Self.writeHeader(&frame, destination: .zero, source: mac)
    if let index = requests.firstIndex(where: { $0.address == neighbour }) {
      if requests[index].waiting.isFull {
        out.drop(frame, on: port, .neighbourQueueFull, .address(neighbour.rawValue))
      } else {
        requests[index].waiting.push(frame)
        requests[index].notes.append(notes)
      }
      return
    }
    guard hasRoom(now: now) else {
      out.drop(frame, on: port, .neighbourUnresolved, .address(neighbour.rawValue))
      return
    }
    var request = Request(address: neighbour, next: now + Self.retryInterval)
    request.waiting.push(frame)
    request.notes = [notes]
    requests.append(request)
    set(neighbour, Entry(mac: .zero, confirmed: .start, asking: true))
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
    // A sender that is nobody or a group is never right, neither to learn nor to answer (RFC 1812, 3.3.2).
    guard !packet.senderMAC.isGroup, packet.senderMAC != .zero else { return }
    if packet.senderIP == address, !address.isUnspecified { out.observe(Observation(.duplicateAddress, mac: packet.senderMAC)) }
    if packet.senderIP.isUsableSource, packet.senderIP != address {
      if let entry = entries[packet.senderIP.rawValue] {
        if entry.mac != .zero, entry.mac != packet.senderMAC { moves &+= 1 }
        learn(packet.senderIP, packet.senderMAC, now: now, &out)
      } else if forUs, hasRoom(now: now) {
        learn(packet.senderIP, packet.senderMAC, now: now, &out)
      }
    }
    // Who announces an address (RFC 5227, 1.2) isn't asking for it: a proxy's answer would be a conflict.
    if packet.operation == .request, forUs || (packet.targetIP != packet.senderIP && proxyFor(packet.targetIP)) {
      send(packet.reply(from: mac), to: packet.senderMAC, &out)
    }
  }

  /// Tells the link that this interface has `address` (RFC 5227, 2.3).
  public func announce(_ out: inout Effects) {
    guard peer == nil else { return }
    send(.request(from: mac, address, for: address), to: .broadcast, &out)
  }

  private func ask(_ neighbour: IPv4Address, _ out: inout Effects) {
    send(.request(from: mac, address, for: neighbour), to: .broadcast, &out)
  }

  private func send(_ packet: ARPPacket, to destination: MACAddress, _ out: inout Effects) {
    var frame = out.frame(count: 14 + ARPPacket.length)
    var span = frame.mutableBytes
    EthernetHeader(destination: destination, source: mac, type: .arp).write(to: &span)
    var body = span.slice(14..<14 + ARPPacket.length)
    packet.write(to: &body)
    out.transmit(frame, on: port)
  }

  private mutating func set(_ neighbour: IPv4Address, _ entry: Entry) {
    entries[neighbour.rawValue] = entry
    knownBits |= Self.bit(of: neighbour)
  }

  private mutating func learn(_ neighbour: IPv4Address, _ mac: MACAddress, now: Instant, _ out: inout Effects) {
    set(neighbour, Entry(mac: mac, confirmed: now, asking: false))
    guard let index = requests.firstIndex(where: { $0.address == neighbour }) else { return }
    var request = requests.remove(at: index)
    var waited = request.notes.makeIterator()
    while var frame = request.waiting.pop() {
      Self.writeHeader(&frame, destination: mac, source: self.mac)
      let notes = waited.next()
      switch (notes?.first, notes?.second) {
      case (let first?, let second?): out.transmit(frame, on: port, notes: first, second)
      case (let first?, nil): out.transmit(frame, on: port, note: first)
      default: out.transmit(frame, on: port)
      }
    }
  }

  /// The traces of packets that wait for an answer.
  public func forEachWaitingTrace(_ body: (UInt32, IPv4Address) -> Void) {
    for request in requests { request.waiting.forEachTrace { body($0, request.address) } }
  }

  /// Forgets all neighbours; the packets that waited for one go to `failed`.
  public mutating func removeAll(_ out: inout Effects, failed: (consuming Frame, IPv4Address, inout Effects) -> Void) {
    entries.removeAll()
    knownBits = 0
    while var request = requests.popLast() {
      while let frame = request.waiting.pop() { failed(frame, request.address, &out) }
    }
  }

  /// Whether one more entry fits. A full table first forgets, at most once a second, those that would be asked about
  /// again anyway: or else 16,384 spoofed senders would shut out newcomers for ever.
  private mutating func hasRoom(now: Instant) -> Bool {
    if entries.count < Self.limit { return true }
    guard now >= cleared + .seconds(1) else { return false }
    cleared = now
    for (key, entry) in entries.unordered where !entry.asking && now > entry.confirmed + Self.confirmedFor {
      entries.remove(key)
    }
    return entries.count < Self.limit
  }

  /// Asked for after every frame, and nearly always with nothing under way.
  @inlinable
  public var deadline: Instant { requests.isEmpty ? Instant(.max) : requests[0].next }

  /// Asks again, or gives up: the packets that waited in vain go to `failed`, which drops them and tells their sender.
  public mutating func wake(
    now: Instant, _ out: inout Effects, failed: (consuming Frame, IPv4Address, inout Effects) -> Void
  ) {
    while let first = requests.first, first.next <= now {
      var request = requests.removeFirst()
      if request.sent < Self.attempts {
        request.sent += 1
        request.next = now + Self.retryInterval
        ask(request.address, &out)
        requests.append(request)
      } else {
        entries.remove(request.address.rawValue)
        while let frame = request.waiting.pop() { failed(frame, request.address, &out) }
      }
    }
  }
}

extension NeighbourTable {
  public static func bit(of address: IPv4Address) -> UInt64 {
    1 << UInt64((address.rawValue &* 0x9e37_79b1) >> 26)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    port = try container.decode(PortIndex.self, forKey: .port)
    mac = try container.decode(MACAddress.self, forKey: .mac)
    address = try container.decode(IPv4Address.self, forKey: .address)
    peer = try container.decodeIfPresent(MACAddress.self, forKey: .peer)
    entries = try container.decode(FlatMap<UInt32, Entry>.self, forKey: .entries)
    requests = try container.decode([Request].self, forKey: .requests)
    cleared = try container.decode(Instant.self, forKey: .cleared)
    moves = try container.decode(UInt64.self, forKey: .moves)
    let isConsistent =
      entries.count <= Self.limit && Set(requests.map(\.address)).count == requests.count
      && zip(requests, requests.dropFirst()).allSatisfy { $0.next <= $1.next }
      && requests.allSatisfy { request in
        request.sent <= Self.attempts && entries[request.address.rawValue] != nil
          && request.notes.count == request.waiting.count
          && request.waiting.capacity == Self.queueCapacity
      }
    guard isConsistent else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "a neighbour table"))
    }
    for entry in entries.unordered { knownBits |= Self.bit(of: IPv4Address(rawValue: entry.key)) }
  }
}

extension NeighbourTable.Neighbour: Fact {
  public static var table: String { "neighbours" }
  public var key: String { "\(address) on port \(port.index)" }
  public var fields: [FactField] {
    [
      FactField("mac", mac.map { "\($0)" } ?? ""), FactField("state", state.rawValue),
      FactField("age", age.map { "\($0)" } ?? ""),
    ]
  }
}
