import WeftCore
import WeftIP
import WeftWire

/// What a guest would do about a broadcast, as far as a few words can tell: most concern nobody but one or two of
/// thousands that hear them. A driver that floods asks for it once and again after whatever the guest does; until then
/// it may decide in the guest's stead where the filter is certain, and hand over the frame where it isn't.
public struct ReceiveFilter: BitwiseCopyable {
  /// What becomes of a frame, whatever else is in the guest.
  public enum Verdict: Sendable {
    /// The guest itself must look.
    case deliver
    /// ARP that tells it nothing: taken in without a trace.
    case ignore
    case drop(DropReason)
  }

  /// Unspecified while it has none.
  public var address: UInt32 = 0
  /// Of its subnet; 0 for none.
  public var broadcast: UInt32 = 0
  /// A bit for each neighbour that it knows or asks for, by `bit(of:)`; a bit may stand for others too.
  public var neighbours: UInt64 = 0
  /// The same for UDP ports that something is bound to.
  public var ports: UInt32 = 0
  public var hasDHCP = false

  public init() {}

  public static func bit(ofPort port: UInt16) -> UInt32 { 1 << UInt32((port ^ port >> 5 ^ port >> 10) & 31) }
}

extension Stack {
  /// Nil while it can't be said: without power, or with something left to do at the next frame, whatever that is.
  public func receiveFilter(of port: PortIndex) -> ReceiveFilter? {
    guard isUp, port.index < ip.interfaces.count, ip.loopback.isEmpty, !tcp.hasPending else {
      return nil
    }
    var filter = ReceiveFilter()
    filter.address = ip.interfaces[port.index].address.rawValue
    filter.broadcast = ip.interfaces[port.index].directedBroadcast?.rawValue ?? 0
    filter.neighbours = ip.interfaces[port.index].neighbours.knownBits
    filter.hasDHCP = ip.interfaces[port.index].dhcp != nil
    for binding in datagramBindings { filter.ports |= ReceiveFilter.bit(ofPort: binding.number) }
    return filter
  }
}

/// What of a broadcast frame the filters ask for: read, and its checksums added up, once for all who hear it.
public enum BroadcastSummary: BitwiseCopyable {
  /// Nothing that a filter knows: everybody must look.
  case other
  /// To one MAC address, not in the switch's database.
  case unicast(MACAddress)
  /// A request or reply; the bit of its sender.
  case arp(sender: UInt32, target: UInt32, bit: UInt64)
  /// A UDP datagram whose sums are right. `client`: in a DHCP server's answer, the MAC address it is for.
  case datagram(source: UInt32, destination: UInt32, port: UInt16, bit: UInt32, client: MACAddress?)

  public init(_ frame: borrowing Frame) {
    let bytes = frame.bytes
    self = .other
    guard bytes.byteCount >= 14, !bytes.mac(6).isGroup else { return }
    let destination = bytes.mac(0)
    guard destination.isBroadcast else {
      if !destination.isGroup { self = .unicast(destination) }
      return
    }
    let payload = bytes.extracting(14..<bytes.byteCount)
    switch bytes.u16(12) {
    case EtherType.arp.rawValue:
      guard let packet = ARPPacket(payload), packet.operation == .request || packet.operation == .reply,
        !packet.senderMAC.isGroup, packet.senderMAC != .zero
      else { return }
      self = .arp(
        sender: packet.senderIP.rawValue, target: packet.targetIP.rawValue,
        bit: NeighbourTable.bit(of: packet.senderIP))
    case EtherType.ipv4.rawValue:
      guard let packet = IPv4View(payload), packet.headerLength == 20, packet.hasValidChecksum, !packet.isFragment,
        packet.protocol == .udp, let datagram = UDPView(packet.payload),
        datagram.hasValidChecksum(source: packet.source, destination: packet.destination)
      else { return }
      let port = datagram.destinationPort
      var client: MACAddress?
      if port == DHCPMessage.clientPort {
        guard let message = DHCPMessage(datagram.payload), message.isReply else { return }
        client = message.clientMAC
      }
      self = .datagram(
        source: packet.source.rawValue, destination: packet.destination.rawValue, port: port,
        bit: ReceiveFilter.bit(ofPort: port), client: client)
    default: return
    }
  }
}

extension ReceiveFilter {
  /// What a guest with this filter and MAC address does about a frame, in the order of `Guest.receive`.
  @inline(__always)
  public func verdict(_ frame: BroadcastSummary, mac: MACAddress) -> Verdict {
    switch frame {
    case .other: return .deliver
    case .unicast(let destination): return destination == mac ? .deliver : .drop(.notForUs)
    case .arp(let sender, let target, let bit):
      // Its own address, be it the sender's or the target's, is its own affair.
      if address != 0, target == address || sender == address { return .deliver }
      return neighbours & bit == 0 ? .ignore : .deliver
    case .datagram(let source, let destination, _, let bit, let client):
      guard destination == .max || destination == broadcast && broadcast != 0 else { return .deliver }
      if source == 0 {
        // Who has no address speaks to everybody, and few but a DHCP server or client listen.
        guard destination == .max, client == nil else { return .deliver }
        return ports & bit == 0 ? .drop(.portClosed) : .deliver
      }
      guard IPv4Address(rawValue: source).isUsableSource, source != address else { return .deliver }
      if hasDHCP, let client { return client == mac ? .deliver : .drop(.dhcpNotForUs) }
      return ports & bit == 0 ? .drop(.portClosed) : .deliver
    }
  }
}
