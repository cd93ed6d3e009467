import WeftCapture
import WeftCore
import WeftWire

/// Writing one record after the other: the writer by itself, and whole files on a tmpfs.
enum CaptureBenchmark {
  private static let records = 200_000
  private static let note = Note(
    .snat, protocolNumber: 17, from: IPv4Address(192, 168, 122, 2), 40_000, to: IPv4Address(134, 115, 153, 223), 40_000)

  static func figures() -> [Figure] {
    [(64, 60), (1500, 900)].flatMap { size, goal in
      let frame = [UInt8](repeating: 0xa5, count: size)
      return [
        writer("capture record, \(size) B, writer", frame, note: nil),
        writer("capture record, \(size) B with a translation, writer", frame, note: note),
        file("capture record, \(size) B, pcapng on tmpfs", .pcapng, frame, goal: Double(goal)),
        file("capture record, \(size) B, pcap on tmpfs", .pcap, frame, goal: nil),
      ]
    }
  }

  private static func writer(_ name: String, _ frame: [UInt8], note: Note?) -> Figure {
    Measure.nanosecondsPer(name, count: records) {
      var writer = PcapngWriter()
      var buffer = CaptureBuffer()
      frame.withUnsafeBytes { bytes in
        for number in 0..<UInt64(records) {
          if buffer.count > 256 << 10 { buffer.drain { _ in } }
          writer.begin(
            timestampNanos: number, bytes: bytes, originalLength: bytes.count, inbound: true, packetID: number,
            into: &buffer)
          if let note { writer.comment(by: "home", note, into: &buffer) }
          writer.commit(into: &buffer)
        }
      }
    }
  }

  private static func file(_ name: String, _ format: CaptureFormat, _ frame: [UInt8], goal: Double?) -> Figure {
    Measure.nanosecondsPer(name, count: records, goal: goal) {
      do throws(CaptureError) {
        let metadata = CaptureMetadata(version: "bench", topology: "bench", seed: 1)
        let set = try CaptureSet(directory: "/dev/shm/weft-bench", format: format, metadata: metadata)
        let port = set.addPort(name: "bench")
        for number in 0..<UInt64(records) {
          set.stage(
            port: port, at: Instant(number), bytes: frame.span.bytes, originalLength: frame.count, inbound: true,
            packetID: number)
          set.commit(port: port)
        }
        // Without finishing: the files go, their writing was measured.
        set.abandon()
      } catch {
        fatalError("\(error)")
      }
    }
  }
}
