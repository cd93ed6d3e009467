import WeftCore
import WeftWire

extension World {
  /// Whether a drop took nothing from anybody: a copy for others that a switch or a broadcast brings along, and what is
  /// let go in silence by rule. What was lost on the way is never so.
  func isHarmless(_ bytes: RawSpan, at port: PortID, _ reason: DropReason, _ detail: DropDetail) -> Bool {
    switch reason {
    case .hairpinPort, .noOtherPort, .stpBlocking, .reservedMulticast, .dhcpNotForUs: true
    // Of the address: of one that took it for a router.
    case .notForUs: detail.kind == .none || Self.isGroup(bytes)
    case .machineStopped: Self.isGroup(bytes) || !isForMachine(bytes, at: port)
    // A closed port doesn't answer a RST (RFC 9293, 3.10.7.1).
    case .portClosed, .noSocket: Self.isGroup(bytes) || Self.isReset(bytes)
    case .noAddress, .unknownEtherType, .unknownProtocol, .protocolUnsupported, .noPortForward, .noMapping:
      Self.isGroup(bytes)
    default: false
    }
  }

  /// To more than one machine.
  private static func isGroup(_ bytes: RawSpan) -> Bool { bytes.byteCount >= 14 && bytes.mac(0).isGroup }

  private func isForMachine(_ bytes: RawSpan, at port: PortID) -> Bool {
    guard let mac = mac(of: port), bytes.byteCount >= 14 else { return true }
    return bytes.mac(0) == mac
  }

  private static func isReset(_ bytes: RawSpan) -> Bool {
    guard bytes.byteCount >= 34, bytes.u16(12) == EtherType.ipv4.rawValue, bytes.u8(23) == IPProtocol.tcp.rawValue
    else { return false }
    let flags = 14 + Int(bytes.u8(14) & 15) * 4 + 13
    return bytes.byteCount > flags && bytes.u8(flags) & 4 != 0
  }
}
