import WeftWire

/// Reads pcapng blocks one by one from bytes in memory: our own files' comments, packet ids, directions and names,
/// which libpcap doesn't give. Takes both byte orders and several sections. Whatever the bytes, it ends with a clear
/// error and no trap, and it needs no more memory than a few times the input's size. Source: draft-ietf-opsawg-pcapng.
public struct PcapngReader: Sendable {
  let bytes: [UInt8]
  /// Where the next block starts.
  public private(set) var offset = 0
  /// The current section's interfaces.
  public private(set) var interfaces: [PcapngBlock.Interface] = []
  /// Packets read so far.
  public private(set) var packetCount: UInt64 = 0
  var isBigEndian = false

  /// `[UInt8]`, `Data`, whatever holds bytes.
  public init(_ bytes: some Sequence<UInt8>) { self.bytes = Array(bytes) }

  /// All packets of a file.
  public static func packets(_ bytes: some Sequence<UInt8>) throws(PcapngError) -> [PcapngBlock.Packet] {
    var reader = PcapngReader(bytes)
    var packets: [PcapngBlock.Packet] = []
    while let block = try reader.next() {
      if case .packet(let packet) = block { packets.append(packet) }
    }
    return packets
  }

  /// The next block, or nil at the end of the file. After an error the reader stays where it is.
  public mutating func next() throws(PcapngError) -> PcapngBlock? {
    guard offset < bytes.count else {
      guard offset > 0 else { throw PcapngError(reason: .notPcapng, offset: 0) }
      return nil
    }
    // A section header's type reads the same in both byte orders, and only then does its magic tell the order (section
    // 4.1).
    let isSection = bytes.count - offset >= 12 && rawWord(offset) == Pcapng.BlockType.sectionHeader
    if offset == 0, !isSection {
      // The start of a section header cut short is a truncated file rather than another format.
      let cut = bytes.count < 12 && [0x0a, 0x0d, 0x0d, 0x0a].starts(with: bytes.prefix(4))
      throw PcapngError(reason: cut ? .truncated : .notPcapng, offset: 0)
    }
    if isSection {
      switch rawWord(offset + 8) {
      case Pcapng.byteOrderMagic: isBigEndian = false
      case Pcapng.byteOrderMagic.byteSwapped: isBigEndian = true
      default: throw PcapngError(reason: .badByteOrder, offset: offset)
      }
    }
    let end = try blockEnd()
    let block = try parse(offset + 8, end - 4)
    offset = end
    return block
  }

  private func blockEnd() throws(PcapngError) -> Int {
    guard bytes.count - offset >= 12 else { throw PcapngError(reason: .truncated, offset: offset) }
    let length = Int(word(offset + 4))
    guard length >= 12, length & 3 == 0, length <= Pcapng.maxBlockLength else {
      throw PcapngError(reason: .badLength, offset: offset)
    }
    guard bytes.count - offset >= length else { throw PcapngError(reason: .truncated, offset: offset) }
    guard Int(word(offset + length - 4)) == length else { throw PcapngError(reason: .lengthsDiffer, offset: offset) }
    return offset + length
  }

  private mutating func parse(_ body: Int, _ end: Int) throws(PcapngError) -> PcapngBlock {
    let type = word(offset)
    switch type {
    case Pcapng.BlockType.sectionHeader: return .section(try section(body, end))
    case Pcapng.BlockType.interfaceDescription:
      let interface = try interface(body, end)
      interfaces.append(interface)
      return .interface(interface)
    case Pcapng.BlockType.nameResolution: return .names(try names(body, end))
    case Pcapng.BlockType.enhancedPacket:
      let packet = try packet(body, end)
      packetCount += 1
      return .packet(packet)
    case Pcapng.BlockType.interfaceStatistics: return .statistics(try statistics(body, end))
    default: return .other(type: type)
    }
  }

  private mutating func section(_ body: Int, _ end: Int) throws(PcapngError) -> PcapngBlock.Section {
    try need(16, body, end)
    guard half(body + 4) == 1 else { throw PcapngError(reason: .unknownVersion, offset: offset) }
    var section = PcapngBlock.Section()
    try options(body + 16, end) { code, value in
      switch code {
      case Pcapng.Option.comment: section.comments.append(text(value))
      case Pcapng.Option.sectionApplication: section.application = text(value)
      default: break
      }
    }
    interfaces = []
    return section
  }

  private func interface(_ body: Int, _ end: Int) throws(PcapngError) -> PcapngBlock.Interface {
    try need(8, body, end)
    var interface = PcapngBlock.Interface(linkType: half(body), snapLength: word(body + 4))
    var resolution: UInt8 = 6
    try options(body + 8, end) { code, value in
      switch (code, value.count) {
      case (Pcapng.Option.interfaceName, _): interface.name = text(value)
      case (Pcapng.Option.interfaceDescription, _): interface.description = text(value)
      case (Pcapng.Option.interfaceSpeed, 8): interface.speed = long(value.lowerBound)
      case (Pcapng.Option.interfaceResolution, 1): resolution = bytes[value.lowerBound]
      case (Pcapng.Option.interfaceTimeOffset, 8): interface.offset = Int64(bitPattern: long(value.lowerBound))
      default: break
      }
    }
    interface.ticksPerSecond = try ticks(resolution)
    return interface
  }

  /// `if_tsresol` (section 4.2): a power of ten, or with the top bit set of two.
  private func ticks(_ resolution: UInt8) throws(PcapngError) -> UInt64 {
    let exponent = Int(resolution & 0x7f)
    if resolution & 0x80 != 0 {
      guard exponent < 64 else { throw PcapngError(reason: .badTime, offset: offset) }
      return 1 << UInt64(exponent)
    }
    guard exponent < 20 else { throw PcapngError(reason: .badTime, offset: offset) }
    return (0..<exponent).reduce(1) { ticks, _ in ticks * 10 }
  }

  private func packet(_ body: Int, _ end: Int) throws(PcapngError) -> PcapngBlock.Packet {
    try need(20, body, end)
    let captured = Int(word(body + 12))
    let padded = (captured + 3) & ~3
    try need(20 + padded, body, end)
    let number = word(body)
    var packet = PcapngBlock.Packet(
      frameNumber: packetCount + 1, interface: number, timestampNanos: try time(body + 4, number),
      bytes: Array(bytes[body + 20..<body + 20 + captured]), originalLength: Int(word(body + 16)))
    try options(body + 20 + padded, end) { code, value in
      switch (code, value.count) {
      case (Pcapng.Option.comment, _): packet.comments.append(text(value))
      case (Pcapng.Option.packetFlags, 4): packet.flags = word(value.lowerBound)
      case (Pcapng.Option.packetDropCount, 8): packet.dropCount = long(value.lowerBound)
      case (Pcapng.Option.packetID, 8): packet.packetID = long(value.lowerBound)
      default: break
      }
    }
    return packet
  }

  private func statistics(_ body: Int, _ end: Int) throws(PcapngError) -> PcapngBlock.Statistics {
    try need(12, body, end)
    let number = word(body)
    _ = try time(body + 4, number)
    var statistics = PcapngBlock.Statistics(interface: number)
    var start: Int?
    var stop: Int?
    try options(body + 12, end) { code, value in
      guard value.count == 8 else { return }
      switch code {
      case Pcapng.Option.statisticsStart: start = value.lowerBound
      case Pcapng.Option.statisticsEnd: stop = value.lowerBound
      case Pcapng.Option.statisticsReceived: statistics.received = long(value.lowerBound)
      case Pcapng.Option.statisticsDropped: statistics.dropped = long(value.lowerBound)
      default: break
      }
    }
    if let start { statistics.startNanos = try time(start, number) }
    if let stop { statistics.endNanos = try time(stop, number) }
    return statistics
  }

  private func names(_ body: Int, _ end: Int) throws(PcapngError) -> [CaptureMetadata.HostName] {
    var names: [CaptureMetadata.HostName] = []
    try options(body, end) { type, value in
      guard type == Pcapng.NameRecord.ipv4, value.count > 4 else { return }
      let address = value.prefix(4).reduce(0 as UInt32) { $0 << 8 | UInt32(bytes[$1]) }
      // One address may have several names, each ended by a zero.
      for name in bytes[value.dropFirst(4)].split(separator: 0) {
        names.append(.init(IPv4Address(rawValue: address), String(decoding: name, as: UTF8.self)))
      }
    }
    return names
  }

  /// Options, and the records of a name resolution block, which look the same: code, length, value padded to 32 bits.
  private func options(_ start: Int, _ end: Int, _ body: (UInt16, Range<Int>) -> Void) throws(PcapngError) {
    var at = start
    while end - at >= 4 {
      let code = half(at)
      let length = Int(half(at + 2))
      if code == Pcapng.Option.end { return }
      guard end - at - 4 >= length else { throw PcapngError(reason: .badOption, offset: at) }
      body(code, at + 4..<at + 4 + length)
      at += 4 + (length + 3) & ~3
    }
  }

  /// A timestamp in nanoseconds since 1970, whatever the interface's unit.
  private func time(_ at: Int, _ number: UInt32) throws(PcapngError) -> UInt64 {
    guard Int(number) < interfaces.count else { throw PcapngError(reason: .unknownInterface, offset: offset) }
    let interface = interfaces[Int(number)]
    let ticks = UInt64(word(at)) << 32 | UInt64(word(at + 4))
    let (seconds, rest) = ticks.quotientAndRemainder(dividingBy: interface.ticksPerSecond)
    // The remainder times 10^9 may need 128 bits; divided again it's less than 10^9.
    let product = rest.multipliedFullWidth(by: 1_000_000_000)
    let nanos = interface.ticksPerSecond.dividingFullWidth(product).quotient
    let shifted = Int64(clamping: seconds).addingReportingOverflow(interface.offset)
    guard seconds <= UInt64(Int64.max), !shifted.overflow, shifted.partialValue >= 0 else {
      throw PcapngError(reason: .badTime, offset: offset)
    }
    let whole = UInt64(shifted.partialValue).multipliedReportingOverflow(by: 1_000_000_000)
    let sum = whole.partialValue.addingReportingOverflow(nanos)
    guard !whole.overflow, !sum.overflow else { throw PcapngError(reason: .badTime, offset: offset) }
    return sum.partialValue
  }

  private func need(_ count: Int, _ body: Int, _ end: Int) throws(PcapngError) {
    guard end - body >= count else { throw PcapngError(reason: .shortBlock, offset: offset) }
  }

  private func text(_ range: Range<Int>) -> String {
    // Some writers count a zero at the end.
    String(decoding: bytes[range].prefix { $0 != 0 }, as: UTF8.self)
  }

  private func half(_ at: Int) -> UInt16 {
    let value = UInt16(bytes[at]) | UInt16(bytes[at + 1]) << 8
    return isBigEndian ? value.byteSwapped : value
  }

  private func word(_ at: Int) -> UInt32 { isBigEndian ? rawWord(at).byteSwapped : rawWord(at) }

  private func rawWord(_ at: Int) -> UInt32 {
    (0..<4).reduce(0) { $0 | UInt32(bytes[at + $1]) << UInt32(8 * $1) }
  }

  private func long(_ at: Int) -> UInt64 {
    let first = UInt64(word(at))
    let second = UInt64(word(at + 4))
    return isBigEndian ? first << 32 | second : second << 32 | first
  }
}
