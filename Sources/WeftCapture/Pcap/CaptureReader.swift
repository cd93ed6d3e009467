import CPcap

/// One packet of a file.
public struct CapturedPacket: Sendable, Hashable {
  /// Nanoseconds since 1970.
  public var timestampNanos: UInt64
  public var bytes: [UInt8]
  /// The packet's length on the wire, which may be more than was kept.
  public var originalLength: Int

  public init(timestampNanos: UInt64, bytes: [UInt8], originalLength: Int) {
    self.timestampNanos = timestampNanos
    self.bytes = bytes
    self.originalLength = originalLength
  }
}

/// Reads pcap and pcapng files of Ethernet frames through libpcap, whoever wrote them.
public struct CaptureReader: ~Copyable {
  private let handle: OpaquePointer
  private let path: String

  public init(path: String) throws(CaptureError) {
    // libpcap takes "-" for the standard input.
    let name = path == "-" ? "./-" : path
    var reason = ""
    let handle = withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(weft_pcap_errbuf_size)) { text in
      text.initialize(repeating: 0)
      let handle = pcap_open_offline_with_tstamp_precision(name, weft_pcap_precision_nano, text.baseAddress)
      if handle == nil { reason = String(cString: text.baseAddress!) }
      return handle
    }
    guard let handle else { throw CaptureError(.read, path: path, reason: reason) }
    guard pcap_datalink(handle) == Int32(Pcapng.linkType) else {
      pcap_close(handle)
      throw CaptureError(.read, path: path, reason: "holds no Ethernet frames")
    }
    self.handle = handle
    self.path = path
  }

  deinit { pcap_close(handle) }

  /// The next packet, or nil at the end.
  public mutating func next() throws(CaptureError) -> CapturedPacket? {
    var head: UnsafeMutablePointer<pcap_pkthdr>?
    var data: UnsafePointer<UInt8>?
    switch pcap_next_ex(handle, &head, &data) {
    case 1:
      let head = head!.pointee
      // Times before 1970 and beyond 2554 don't fit; nobody's capture has them but by damage.
      let seconds = UInt64(clamping: head.ts.tv_sec).multipliedReportingOverflow(by: 1_000_000_000)
      let time = seconds.partialValue.addingReportingOverflow(UInt64(clamping: head.ts.tv_usec))
      guard !seconds.overflow, !time.overflow else {
        throw CaptureError(.read, path: path, reason: "a packet's time is out of range")
      }
      return CapturedPacket(
        timestampNanos: time.partialValue, bytes: Array(UnsafeBufferPointer(start: data, count: Int(head.caplen))),
        originalLength: Int(head.len))
    case -2: return nil
    default: throw CaptureError(.read, path: path, reason: String(cString: pcap_geterr(handle)))
    }
  }

  /// All packets of a file.
  public static func packets(path: String) throws(CaptureError) -> [CapturedPacket] {
    var reader = try CaptureReader(path: path)
    var packets: [CapturedPacket] = []
    while let packet = try reader.next() { packets.append(packet) }
    return packets
  }
}
