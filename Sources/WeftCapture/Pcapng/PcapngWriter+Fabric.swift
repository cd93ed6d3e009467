public import WeftCore
import WeftWire

// What the fabric says of a frame, in the grammar of `FabricComment`.
extension PcapngWriter {
  /// `dropped by NODE: REASON (detail)`, or `ignored by …` where that took nothing from anybody.
  public mutating func commentDrop(
    by node: String, _ reason: DropReason, _ detail: DropDetail = .none, isHarmless: Bool = false,
    into buffer: inout CaptureBuffer
  ) {
    openComment(into: &buffer)
    append(isHarmless ? "ignored by " : "dropped by ", into: &buffer)
    append(node, into: &buffer)
    append(": ", into: &buffer)
    append(reason.name, into: &buffer)
    if detail.kind != .none {
      append(" (", into: &buffer)
      append(detail, into: &buffer)
      append(")", into: &buffer)
    }
    closeComment(into: &buffer)
  }

  /// `NODE: snat A:p -> B:p`; nothing for an empty note.
  public mutating func comment(by node: String, _ note: Note, into buffer: inout CaptureBuffer) {
    guard note.kind != .none else { return }
    openComment(into: &buffer)
    append(node, into: &buffer)
    if note.kind == .waited || note.kind == .held { return closeTime(of: note, into: &buffer) }
    switch note.kind {
    case .snat, .none: append(": snat ", into: &buffer)
    case .dnat: append(": dnat ", into: &buffer)
    case .quoted: append(": quoted ", into: &buffer)
    case .waited, .held: break
    }
    let hasPorts = Self.hasPorts(note)
    append(IPv4Address(rawValue: note.oldAddress), port: hasPorts ? note.oldPort : nil, into: &buffer)
    append(" -> ", into: &buffer)
    append(IPv4Address(rawValue: note.newAddress), port: hasPorts ? note.newPort : nil, into: &buffer)
    closeComment(into: &buffer)
  }

  private mutating func closeTime(of note: Note, into buffer: inout CaptureBuffer) {
    append(note.kind == .held ? ": held \(note.time) for epoch \(note.epoch)" : ": waited \(note.time) for a cpu", into: &buffer)
    closeComment(into: &buffer)
  }

  /// An ICMP query's identifier counts as a port (RFC 5508, section 3.1).
  private static func hasPorts(_ note: Note) -> Bool {
    switch IPProtocol(rawValue: note.protocolNumber) {
    case .icmp, .tcp, .udp: true
    default: note.oldPort | note.newPort != 0
    }
  }

  private func append(_ detail: DropDetail, into buffer: inout CaptureBuffer) {
    switch detail.kind {
    case .none: break
    case .transport:
      switch IPProtocol(rawValue: detail.code) {
      case .tcp: append("tcp", into: &buffer)
      case .udp: append("udp", into: &buffer)
      case .icmp: append("icmp", into: &buffer)
      default:
        append("protocol ", into: &buffer)
        append(UInt32(detail.code), into: &buffer)
      }
      append("/", into: &buffer)
      append(UInt32(detail.port), into: &buffer)
    case .icmp:
      append("icmp type ", into: &buffer)
      append(UInt32(detail.code), into: &buffer)
      append(" code ", into: &buffer)
      append(UInt32(detail.port), into: &buffer)
    case .address: append(IPv4Address(rawValue: detail.value), into: &buffer)
    case .number: append(detail.value, into: &buffer)
    // Only guards have these, and a String for each is no more than a spoofer costs.
    case .mac: append(MACAddress(rawValue: detail.macValue).description, into: &buffer)
    case .vlan:
      append(detail.port == 0 ? "untagged" : "VLAN ", into: &buffer)
      if detail.port != 0 { append(UInt32(detail.port), into: &buffer) }
    case .station:
      append(IPv4Address(rawValue: detail.value), into: &buffer)
      append(" is at ", into: &buffer)
      append(MACAddress(rawValue: detail.macValue).description, into: &buffer)
    }
  }
}
