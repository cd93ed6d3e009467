import CPcap
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// Classic nanosecond pcap (magic 0xa1b23c4d), made by libpcap: `pcap_dump` writes into a memory stream, from where the
/// record goes the same way as a pcapng one. So a file per port costs no descriptor, and a resumed run just goes on.
///
/// The format has no place for comments, names, directions or packet ids.
final class PcapEncoder: @unchecked Sendable {
  private let handle: OpaquePointer
  private let dumper: OpaquePointer
  private let stream: UnsafeMutablePointer<FILE>
  private let memory: UnsafeMutableRawPointer
  // One stream for all ports, whose threads must take turns.
  private let lock = Mutex<Void>(())
  /// The file's head.
  let head: [UInt8]

  /// Each record's head.
  static let recordHead = 16

  init() throws(CaptureError) {
    let size = Self.recordHead + Pcapng.snapLength
    // fmemopen ends what it holds with a zero octet if there's room.
    let memory = UnsafeMutableRawPointer.allocate(byteCount: size + 1, alignment: 16)
    guard let stream = fmemopen(memory, size + 1, "w") else {
      memory.deallocate()
      throw CaptureError(.open, path: "memory stream", reason: String(cString: strerror(errno)), code: errno)
    }
    guard
      let handle = pcap_open_dead_with_tstamp_precision(
        Int32(Pcapng.linkType), Int32(Pcapng.snapLength), weft_pcap_precision_nano),
      let dumper = pcap_dump_fopen(handle, stream)
    else {
      fclose(stream)
      memory.deallocate()
      throw CaptureError(.open, path: "memory stream", reason: "libpcap can't write")
    }
    fflush(stream)
    head = Array(UnsafeRawBufferPointer(start: memory, count: ftell(stream)))
    self.handle = handle
    self.dumper = dumper
    self.stream = stream
    self.memory = memory
  }

  deinit {
    pcap_dump_close(dumper)
    pcap_close(handle)
    memory.deallocate()
  }

  /// Stages a record; the buffer must have room for it.
  func stage(
    timestampNanos: UInt64, bytes: UnsafeRawBufferPointer, originalLength: Int, into buffer: inout CaptureBuffer
  ) {
    precondition(!buffer.isStaged)
    let captured = min(bytes.count, Pcapng.snapLength)
    var record = pcap_pkthdr()
    record.ts.tv_sec = .init(truncatingIfNeeded: timestampNanos / 1_000_000_000)
    // With nanosecond precision libpcap takes nanoseconds here (pcap_open_dead(3PCAP)).
    record.ts.tv_usec = .init(truncatingIfNeeded: timestampNanos % 1_000_000_000)
    record.caplen = UInt32(captured)
    record.len = UInt32(truncatingIfNeeded: max(originalLength, captured))
    lock.withLock { _ in
      rewind(stream)
      withUnsafeTemporaryAllocation(byteCount: 1, alignment: 1) { nothing in
        let data = bytes.baseAddress ?? UnsafeRawPointer(nothing.baseAddress!)
        pcap_dump(UnsafeMutablePointer(dumper), &record, data.assumingMemoryBound(to: UInt8.self))
      }
      fflush(stream)
      buffer.put(UnsafeRawBufferPointer(start: memory, count: Self.recordHead + captured))
    }
  }
}
