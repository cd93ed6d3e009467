import WeftCore
import WeftWire

/// The head of the datagram that was sent to a neighbour last: of the next one like it only the payload and its sum are new.
/// Over with anything that may have changed the route or the neighbour's entry; no part of a checkpoint.
struct DatagramTemplate {
  private var ports: UInt32 = 0
  private var address = IPv4Address.any
  /// Bytes of a frame; 0: there is none.
  private(set) var count = 0
  private(set) var port = PortIndex(0)
  private var changes: UInt64 = 0
  /// Until when the neighbour's entry is trusted.
  private var until = Instant.start
  /// All before the UDP header's checksum.
  private var head = (UInt64(0), UInt64(0), UInt64(0), UInt64(0), UInt64(0))
  /// Of the UDP header's words and the pseudo-header.
  private(set) var sum: UInt64 = 0

  static let headers = 42

  init() {}

  /// `ports`: source and destination; `count`: bytes of a frame; `changes`: as `IPLayer` counts them.
  init(
    ports: UInt32, to address: IPv4Address, count: Int, _ route: Route, from interface: borrowing Interface,
    neighbour: MACAddress, until: Instant, changes: UInt64
  ) {
    (self.ports, self.address, self.count, port) = (ports, address, count, interface.port)
    (self.until, self.changes) = (until, changes)
    let length = count - 34
    let second = UInt32(truncatingIfNeeded: length) << 16
    sum =
      InternetChecksum.pseudoHeader(source: route.source, destination: address, protocol: 17, length: length)
      &+ UInt64(ports.bigEndian) &+ UInt64(second.bigEndian)
    withUnsafeMutableBytes(of: &head) { bytes in
      var span = bytes.mutableBytes
      EthernetHeader(destination: neighbour, source: interface.mac, type: .ipv4).write(to: &span)
      var packet = span.slice(14..<34)
      IPv4Header(protocol: .udp, source: route.source, destination: address).write(to: &packet, payloadLength: length)
      span.put(ports, at: 34)
      span.put(UInt16(truncatingIfNeeded: length), at: 38)
    }
  }

  @inline(__always)
  func fits(_ ports: UInt32, to address: IPv4Address, count: Int, now: Instant, changes: UInt64) -> Bool {
    ports == self.ports && address == self.address && count == self.count && now <= until && changes == self.changes
  }

  /// Writes a frame's first 40 bytes.
  @inline(__always)
  func write(to span: inout MutableRawSpan) {
    span.storeBytes(of: head.0, toByteOffset: 0, as: UInt64.self)
    span.storeBytes(of: head.1, toByteOffset: 8, as: UInt64.self)
    span.storeBytes(of: head.2, toByteOffset: 16, as: UInt64.self)
    span.storeBytes(of: head.3, toByteOffset: 24, as: UInt64.self)
    span.storeBytes(of: head.4, toByteOffset: 32, as: UInt64.self)
  }
}
