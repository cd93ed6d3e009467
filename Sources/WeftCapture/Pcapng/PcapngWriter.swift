/// Writes a pcapng section into a `CaptureBuffer`: pure bytes, no clock, no file.
///
/// The value is all the writer knows, so it can be saved; with the bytes written so far another process continues the
/// file exactly as this one would have. Source: draft-ietf-opsawg-pcapng.
///
/// Left out because rewriting tools spoil them (Wireshark 4.0): `epb_verdict`, `epb_queue`, custom blocks, EUI-48
/// names.
public struct PcapngWriter: Sendable, Hashable, Codable {
  /// Packets committed so far.
  public private(set) var recordCount: UInt64 = 0
  /// Interfaces described so far; the next one gets this number.
  public private(set) var interfaceCount: UInt32 = 0
  /// Frames lost without a record since the last packet: the next one's `epb_dropcount`.
  public private(set) var lostCount: UInt64 = 0

  /// Where the comment under construction starts, counted from the staged record; negative if there's none.
  var commentStart = -1

  private enum CodingKeys: String, CodingKey { case recordCount, interfaceCount, lostCount }

  public init() {}

  /// The staged packet's number as Wireshark shows it, from 1; with none staged, the number the next one will have.
  public var frameNumber: UInt64 { recordCount + 1 }

  /// Notes frames that were lost at the interface and have no record.
  public mutating func noteLost(_ count: UInt64) { lostCount &+= count }

  /// Records at the end didn't make it to the disk.
  mutating func loseRecords(_ count: UInt64) { recordCount -= min(count, recordCount) }

  mutating func countRecord() {
    recordCount += 1
    lostCount = 0
  }
}

// Blocks that are written once per file.
extension PcapngWriter {
  /// Section Header Block (section 4.1), its length unspecified, as the section may still grow.
  ///
  /// ```
  ///    0                   1                   2                   3
  ///    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
  ///    +---------------------------------------------------------------+
  ///  0 |                   Block Type = 0x0A0D0D0A                     |
  ///  4 |                      Block Total Length                       |
  ///  8 |                      Byte-Order Magic                         |
  /// 12 |          Major Version        |         Minor Version         |
  /// 16 |                       Section Length (8 octets)               |
  /// 24 /                      Options (variable)                       /
  ///    |                      Block Total Length                       |
  ///    +---------------------------------------------------------------+
  /// ```
  public func sectionHeader(_ metadata: CaptureMetadata, into buffer: inout CaptureBuffer) {
    let start = open(Pcapng.BlockType.sectionHeader, &buffer)
    buffer.put(Pcapng.byteOrderMagic)
    buffer.put(1 as UInt16)
    buffer.put(0 as UInt16)
    buffer.put(-1 as Int64)
    for line in metadata.commentLines { option(Pcapng.Option.comment, line, &buffer) }
    option(Pcapng.Option.sectionApplication, "weft \(metadata.version)", &buffer)
    close(start, &buffer)
  }

  /// Interface Description Block (section 4.2) with nanosecond resolution. Returns the interface's number.
  ///
  /// ```
  ///  8 |           LinkType            |           Reserved            |
  /// 12 |                            SnapLen                            |
  /// 16 /                      Options (variable)                       /
  /// ```
  @discardableResult
  public mutating func interface(_ port: CapturePort, into buffer: inout CaptureBuffer) -> UInt32 {
    let start = open(Pcapng.BlockType.interfaceDescription, &buffer)
    buffer.put(Pcapng.linkType)
    buffer.put(0 as UInt16)
    buffer.put(UInt32(Pcapng.snapLength))
    option(Pcapng.Option.interfaceName, port.name, &buffer)
    if !port.description.isEmpty { option(Pcapng.Option.interfaceDescription, port.description, &buffer) }
    if port.speed > 0 {
      buffer.put(Pcapng.Option.interfaceSpeed)
      buffer.put(8 as UInt16)
      buffer.put(port.speed)
    }
    buffer.put(Pcapng.Option.interfaceResolution)
    buffer.put(1 as UInt16)
    // 10^-9 s, and three octets of padding.
    buffer.put(9 as UInt32)
    close(start, &buffer)
    interfaceCount += 1
    return interfaceCount - 1
  }

  /// Name Resolution Block (section 4.5); nothing for no names.
  ///
  /// ```
  ///  8 |      Record Type = 1          |      Record Value Length      |
  /// 12 |                       IPv4 address                            |
  /// 16 /              name, zero-terminated, padded to 32 bits         /
  ///    |    Record Type = 0 (end)      |  Record Value Length = 0      |
  /// ```
  public func names(_ names: [CaptureMetadata.HostName], into buffer: inout CaptureBuffer) {
    guard !names.isEmpty else { return }
    let start = open(Pcapng.BlockType.nameResolution, &buffer)
    for entry in names {
      // A DNS name has at most 253 octets; anything longer isn't one.
      let name = Array(entry.name.utf8.prefix(253))
      buffer.put(Pcapng.NameRecord.ipv4)
      buffer.put(UInt16(4 + name.count + 1))
      buffer.put(entry.address.rawValue.byteSwapped)
      name.withUnsafeBytes { buffer.put($0) }
      buffer.put(0 as UInt8)
      buffer.pad(from: start)
    }
    buffer.put(Pcapng.NameRecord.end)
    buffer.put(0 as UInt16)
    buffer.patchLength(from: start)
  }

  /// Interface Statistics Block (section 4.6). Times are nanoseconds since 1970.
  ///
  /// ```
  ///  8 |                         Interface ID                          |
  /// 12 |                        Timestamp (upper)                      |
  /// 16 |                        Timestamp (lower)                      |
  /// 20 /                      Options (variable)                       /
  /// ```
  public func statistics(
    interface: UInt32, _ counts: CaptureCounts, from startNanos: UInt64, to endNanos: UInt64,
    into buffer: inout CaptureBuffer
  ) {
    let start = open(Pcapng.BlockType.interfaceStatistics, &buffer)
    buffer.put(interface)
    buffer.putTime(endNanos)
    for (code, time) in [(Pcapng.Option.statisticsStart, startNanos), (Pcapng.Option.statisticsEnd, endNanos)] {
      buffer.put(code)
      buffer.put(8 as UInt16)
      buffer.putTime(time)
    }
    for (code, count) in [
      (Pcapng.Option.statisticsReceived, counts.received), (Pcapng.Option.statisticsDropped, counts.dropped),
    ] {
      buffer.put(code)
      buffer.put(8 as UInt16)
      buffer.put(count)
    }
    close(start, &buffer)
  }

  private func open(_ type: UInt32, _ buffer: inout CaptureBuffer) -> Int {
    precondition(!buffer.isStaged)
    let start = buffer.count
    buffer.put(type)
    buffer.put(0 as UInt32)
    return start
  }

  private func close(_ start: Int, _ buffer: inout CaptureBuffer) {
    buffer.put(Pcapng.Option.end)
    buffer.put(0 as UInt16)
    buffer.patchLength(from: start)
  }

  private func option(_ code: UInt16, _ text: String, _ buffer: inout CaptureBuffer) {
    let start = buffer.count
    buffer.put(code)
    buffer.put(0 as UInt16)
    buffer.put(text)
    buffer.closeOption(at: start)
  }
}

extension CaptureBuffer {
  /// The block's length, at its end and after its type; what was staged becomes final.
  @inline(__always)
  mutating func patchLength(from start: Int) {
    let length = UInt32(truncatingIfNeeded: count - start + 4)
    put(length)
    patch(length, at: start + 4)
    committed = count
  }

  /// Upper half first: the one field of pcapng that isn't a plain integer of the section's byte order.
  mutating func putTime(_ nanos: UInt64) {
    put(UInt32(truncatingIfNeeded: nanos >> 32))
    put(UInt32(truncatingIfNeeded: nanos))
  }

  /// Fills in the length of the option that starts at `start` and pads it. An option holds at most 65,535 octets: a
  /// longer text loses its end, at a character's boundary.
  mutating func closeOption(at start: Int) {
    var length = count - start - 4
    if length > 0xffff {
      length = 0xffff
      // 10xxxxxx continues a UTF-8 character (RFC 3629, section 3).
      while length > 0, (base + start + 4 + length).load(as: UInt8.self) & 0xc0 == 0x80 { length -= 1 }
      count = start + 4 + length
    }
    patch(UInt16(length), at: start + 2)
    pad(from: start)
  }
}
