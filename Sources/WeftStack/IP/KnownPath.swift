import WeftCore
import WeftIP
import WeftWire

/// The way to the destination that was sent to last, while it holds: over with anything that may have changed the route or the
/// neighbour's entry. No part of a checkpoint.
struct KnownPath {
  private var destination = IPv4Address.any
  private(set) var route = Route(interface: 0, source: .any, nextHop: .any, isBroadcast: false)
  private var port = PortIndex(0)
  private var own = MACAddress.zero
  private var neighbour = MACAddress.zero
  /// Until when the neighbour's entry is trusted.
  private var until = Instant.start
  /// As `IPLayer` counts them.
  private var changes: UInt64 = 0

  init() {}

  init(
    to destination: IPv4Address, _ route: Route, from interface: borrowing Interface, neighbour: MACAddress, until: Instant,
    changes: UInt64
  ) {
    (self.destination, self.route, port, own) = (destination, route, interface.port, interface.mac)
    (self.neighbour, self.until, self.changes) = (neighbour, until, changes)
  }

  @inline(__always)
  func leads(to destination: IPv4Address, now: Instant, changes: UInt64) -> Bool {
    destination == self.destination && now <= until && changes == self.changes && !destination.isUnspecified
  }

  /// Sends a packet made by `IPLayer.packet`.
  @inline(__always)
  func send(_ frame: consuming Frame, _ out: inout Effects) {
    NeighbourTable.writeHeader(&frame, destination: neighbour, source: own)
    out.transmit(frame, on: port)
  }
}
