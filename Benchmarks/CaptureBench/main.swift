// Nanoseconds per captured record, in release: `swift run -c release capture-bench [DIRECTORY]`.
// Without a directory (a tmpfs, best) only the writer itself is measured.
import WeftCapture
import WeftCore
import WeftWire

let records = 200_000
let metadata = CaptureMetadata(version: "bench", topology: "bench", seed: 1)

/// The median of several runs, each of which does the work `records` times.
func median(_ name: String, _ work: () -> Void) {
  work()
  let clock = ContinuousClock()
  let times = (0..<9).map { _ in clock.measure(work) }.sorted()
  let nanos = Double(times[4].components.attoseconds) / 1e9 + Double(times[4].components.seconds) * 1e9
  let perRecord = Int((nanos / Double(records) * 10).rounded())
  print("\(name): \(perRecord / 10).\(perRecord % 10) ns per record")
}

for size in [64, 1500] {
  let frame = [UInt8](repeating: 0xa5, count: size)
  frame.withUnsafeBytes { frame in
    median("writer, \(size) octets") {
      var writer = PcapngWriter()
      var buffer = CaptureBuffer()
      for number in 0..<UInt64(records) {
        if buffer.count > 256 << 10 { buffer.drain { _ in } }
        writer.begin(
          timestampNanos: number, bytes: frame, originalLength: size, inbound: true, packetID: number, into: &buffer)
        writer.commit(into: &buffer)
      }
    }
    median("writer, \(size) octets and a translation") {
      var writer = PcapngWriter()
      var buffer = CaptureBuffer()
      let note = Note(
        .snat, protocolNumber: 17, from: IPv4Address(192, 168, 122, 2), 40000, to: IPv4Address(134, 115, 153, 223),
        40000)
      for number in 0..<UInt64(records) {
        if buffer.count > 256 << 10 { buffer.drain { _ in } }
        writer.begin(
          timestampNanos: number, bytes: frame, originalLength: size, inbound: true, packetID: number, into: &buffer)
        writer.comment(by: "home", note, into: &buffer)
        writer.commit(into: &buffer)
      }
    }
    guard let directory = CommandLine.arguments.dropFirst().first else { return }
    for format in [CaptureFormat.pcapng, .pcap] {
      median("\(format) file, \(size) octets") {
        do throws(CaptureError) {
          let set = try CaptureSet(directory: directory, format: format, metadata: metadata)
          let port = set.addPort(name: "bench/\(size)")
          for number in 0..<UInt64(records) {
            set.stage(
              port: port, at: Instant(number), bytes: frame, originalLength: size, inbound: true, packetID: number)
            set.commit(port: port)
          }
          try set.finish(at: Instant(UInt64(records)))
        } catch {
          print(error)
        }
      }
    }
  }
}
