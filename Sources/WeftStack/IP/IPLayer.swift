import WeftCore
import WeftIP
import WeftWire

/// How a packet leaves.
struct Route {
  var interface: Int
  var source: IPv4Address
  var nextHop: IPv4Address
  /// To everybody on the link, or to a group there.
  var isBroadcast: Bool
  /// It never leaves the machine.
  var isLoopback = false
}

/// Interfaces, routes, and the making of IPv4 packets.
@usableFromInline
struct IPLayer: Codable {
  var interfaces: [Interface] { didSet { changes &+= 1 } }
  /// Counts up as anything of the interfaces may have become another.
  @usableFromInline var changes: UInt64 = 0
  /// Of packets that may be fragmented; others carry 0 (RFC 6864, 4.1).
  private var identification: UInt16
  /// ICMP errors (RFC 1812, 4.3.2.8): Linux's icmp_msgs_per_sec and icmp_msgs_burst.
  var errorBudget = TokenBucket(perSecond: 1000, burst: 50)
  var reassembly = Reassembly()
  /// What the guest sent to an address of its own.
  @usableFromInline var loopback = FrameQueue(capacity: 1000)
  /// When the rest of it is looked at.
  var loopbackAt = Instant(.max)
  /// What was put together from fragments last, until it is taken.
  var whole: [UInt8] = []
  /// To whom was sent last.
  var path = KnownPath()
  /// Of the datagram sent last.
  var template = DatagramTemplate()

  private enum CodingKeys: CodingKey { case interfaces, identification, errorBudget, reassembly, loopback, loopbackAt }

  init(interfaces: [Interface], identification: UInt16) {
    self.interfaces = interfaces
    self.identification = identification
  }

  static let link = 14
  static let header = 20

  mutating func nextIdentification() -> UInt16 {
    identification &+= 1
    return identification
  }

  /// Connected subnets first, then the first interface with a gateway.
  func route(to destination: IPv4Address) -> Route? {
    if !destination.isUsableSource {
      if destination.isUnspecified || interfaces.isEmpty { return nil }
      if destination.isLoopback { return loopbackRoute }
      if destination.isMulticast { return groupRoute(destination) }
    }
    for index in interfaces.indices where !interfaces[index].address.isUnspecified {
      if interfaces[index].address == destination {
        return Route(
          interface: index, source: destination, nextHop: destination, isBroadcast: false, isLoopback: true)
      }
      if interfaces[index].isBroadcast(destination) {
        return Route(interface: index, source: interfaces[index].address, nextHop: destination, isBroadcast: true)
      }
      if interfaces[index].prefix.contains(destination) {
        return Route(interface: index, source: interfaces[index].address, nextHop: destination, isBroadcast: false)
      }
      if !interfaces[index].aliases.isEmpty, let route = aliasRoute(to: destination, on: index) { return route }
    }
    for index in interfaces.indices where !interfaces[index].address.isUnspecified {
      if let gateway = interfaces[index].gateway {
        return Route(interface: index, source: interfaces[index].address, nextHop: gateway, isBroadcast: false)
      }
    }
    return nil
  }

  /// From the address that is in the destination's subnet (RFC 1122, 3.3.4.3), as Linux chooses it.
  private func aliasRoute(to destination: IPv4Address, on index: Int) -> Route? {
    guard let alias = interfaces[index].aliases.first(where: { $0.prefix.contains(destination) }) else { return nil }
    return Route(
      interface: index, source: alias.address, nextHop: destination, isBroadcast: false,
      isLoopback: alias.address == destination)
  }

  /// What a packet may measure that goes a way.
  @inline(__always)
  func mtu(of route: Route) -> Int {
    interfaces[route.interface].narrower.mtu(to: route.nextHop, interfaces[route.interface].mtu)
  }

  /// 127.0.0.0/8 is the machine itself, with or without another address (RFC 1122, 3.2.1.3 (g)).
  private var loopbackRoute: Route {
    let own = IPv4Address(127, 0, 0, 1)
    return Route(interface: 0, source: own, nextHop: own, isBroadcast: false, isLoopback: true)
  }

  /// A group's datagrams leave where the default route does, else on the first interface with an address.
  private func groupRoute(_ group: IPv4Address) -> Route? {
    let addressed = interfaces.indices.lazy.filter { !self.interfaces[$0].address.isUnspecified }
    guard let index = addressed.first(where: { interfaces[$0].gateway != nil }) ?? addressed.first else { return nil }
    return Route(interface: index, source: interfaces[index].address, nextHop: group, isBroadcast: true)
  }

  /// Whether there will be no route either in a moment: there is an address, and no interface still waits for one.
  func isUnroutable(_ destination: IPv4Address) -> Bool {
    guard route(to: destination) == nil else { return false }
    var hasAddress = false
    for index in interfaces.indices {
      if !interfaces[index].address.isUnspecified {
        hasAddress = true
      } else if interfaces[index].dhcp != nil {
        return false
      }
    }
    return hasAddress
  }

  /// Whether packets for this address end here. Any interface's address will do on any of them, as Linux does.
  func isLocal(_ destination: IPv4Address, on interface: Int) -> Bool {
    if interfaces[interface].address == destination { return !destination.isUnspecified }
    if interfaces[interface].isBroadcast(destination) { return true }
    for other in interfaces.indices where interfaces[other].address == destination { return !destination.isUnspecified }
    return interfaces.contains { $0.hasAlias(destination) }
  }

  /// Whether it is an address of ours, and no broadcast.
  func isHost(_ address: IPv4Address) -> Bool {
    if address.isLoopback { return true }
    for index in interfaces.indices where interfaces[index].address == address { return !address.isUnspecified }
    return interfaces.contains { $0.hasAlias(address) }
  }

  /// For the next packet to a destination that one was just sent to.
  @inline(never)
  mutating func rememberPath(to destination: IPv4Address, _ route: Route, now: Instant) {
    guard !route.isBroadcast, !route.isLoopback,
      let (mac, until) = interfaces[route.interface].neighbours.trusted(route.nextHop, now: now)
    else { return }
    path = KnownPath(
      to: destination, route, from: interfaces[route.interface], neighbour: mac, until: until, changes: changes)
  }

  /// Reckons with a frame that was sent, until the truth is told.
  @inline(__always)
  mutating func occupyWire(of interface: Int, _ octets: Int, now: Instant) {
    let changes = changes
    interfaces[interface].occupyWire(octets, now: now)
    self.changes = changes
  }

  /// What the NIC's driver knows of its queue. No route and no neighbour goes by it.
  @inline(__always)
  mutating func setWire(of interface: Int, rate: UInt64, freeAt: Instant) {
    let changes = changes
    interfaces[interface].wireRate = rate
    interfaces[interface].wireFreeAt = freeAt
    self.changes = changes
  }

  /// A frame with room for the Ethernet header, a written IPv4 header, and `length` undefined bytes of payload.
  @inline(__always)
  func packet(
    _ protocol: IPProtocol, from source: IPv4Address, to destination: IPv4Address, length: Int, timeToLive: UInt8 = 64,
    identification: UInt16 = 0, flags: UInt16 = 0x4000, trace: UInt32, _ out: inout Effects
  ) -> Frame {
    var frame = out.frame(count: Self.link &+ Self.header &+ length)
    frame.trace = trace
    var span = frame.mutableBytes
    let total = UInt16(truncatingIfNeeded: Self.header &+ length)
    span.put(0x4500_0000 | UInt32(total), at: 14)
    span.put(UInt32(identification) << 16 | UInt32(flags), at: 18)
    span.put(UInt32(timeToLive) << 24 | UInt32(`protocol`.rawValue) << 16, at: 22)
    span.put(source, at: 26)
    span.put(destination, at: 30)
    // All of the header is at hand: its sum needs no second look at memory.
    var sum = UInt32(0x4500) &+ UInt32(total) &+ UInt32(identification) &+ UInt32(flags)
    sum &+= UInt32(timeToLive) << 8 | UInt32(`protocol`.rawValue)
    sum &+= (source.rawValue >> 16) &+ (source.rawValue & 0xffff)
    sum &+= (destination.rawValue >> 16) &+ (destination.rawValue & 0xffff)
    sum = (sum & 0xffff) &+ (sum >> 16)
    sum = (sum & 0xffff) &+ (sum >> 16)
    span.put(~UInt16(truncatingIfNeeded: sum), at: 24)
    return frame
  }

  /// Sends a packet made by `packet`.
  @inline(__always)
  mutating func send(_ frame: consuming Frame, _ route: Route, now: Instant, _ out: inout Effects) {
    if route.isBroadcast {
      interfaces[route.interface].neighbours.broadcast(frame, to: route.nextHop, &out)
    } else if route.isLoopback {
      loopBack(frame, route, &out)
    } else {
      interfaces[route.interface].neighbours.send(frame, to: route.nextHop, now: now, &out)
    }
  }

  @inline(never)
  mutating func loopBack(_ frame: consuming Frame, _ route: Route, _ out: inout Effects) {
    let mac = interfaces[route.interface].mac
    do {
      var span = frame.mutableBytes
      EthernetHeader(destination: mac, source: mac, type: .ipv4).write(to: &span)
    }
    guard !loopback.isFull else {
      out.drop(frame, on: interfaces[route.interface].port, .queueFull)
      return
    }
    loopback.push(frame)
  }

  /// Sends what is longer than the link takes in fragments (RFC 791, 3.2); what fits goes whole.
  mutating func sendFragments(
    _ protocol: IPProtocol, _ payload: [UInt8], to destination: IPv4Address, _ route: Route, timeToLive: UInt8,
    trace: UInt32, now: Instant, _ out: inout Effects
  ) {
    let most = (mtu(of: route) - Self.header) & ~7
    let identification = nextIdentification()
    var offset = 0
    repeat {
      let length = min(most, payload.count - offset)
      let more: UInt16 = offset + length < payload.count ? 0x2000 : 0
      var frame = packet(
        `protocol`, from: route.source, to: destination, length: length, timeToLive: timeToLive,
        identification: identification, flags: more | UInt16(offset / 8), trace: trace, &out)
      var span = frame.mutableBytes
      span.put(payload.span.bytes.extracting(offset..<offset + length), at: Self.link + Self.header)
      send(frame, route, now: now, &out)
      offset += length
    } while offset < payload.count
  }

  @inline(__always)
  var deadline: Instant {
    var earliest = min(reassembly.deadline, loopbackAt)
    for index in interfaces.indices {
      earliest = min(earliest, interfaces[index].neighbours.deadline)
      earliest = min(earliest, interfaces[index].dhcpDeadline)
    }
    return earliest
  }
}
