/// How a run's capture files are written.
public enum CaptureFormat: String, Sendable, Hashable, Codable {
  /// With names, comments, directions, packet ids and statistics.
  case pcapng
  /// Classic pcap with nanoseconds: bytes and times only, for tools that know nothing else.
  case pcap
}

/// Which files a run writes.
public enum CaptureLayout: Sendable, Hashable, Codable {
  /// `home-wan.pcapng` and so on.
  case filePerPort
  /// All ports as interfaces of one file. A packet seen at two ports then looks like a retransmission to Wireshark,
  /// unless `tcp.analyze_sequence_numbers` is off, as in the profile `wireshark/weft`. Its ports can't be used by
  /// several threads.
  case oneFile(name: String)
}

/// Everything a run has captured so far; a `CaptureSet` made from it, in any process, writes the very files this run
/// would have.
public struct CaptureCheckpoint: Sendable, Hashable, Codable {
  public var format: CaptureFormat
  public var layout: CaptureLayout
  /// The nanoseconds since 1970 at which virtual time starts.
  public var epoch: UInt64
  /// The most octets that are kept of a frame.
  public var snaplen: Int
  public var ports: [Port]
  public var files: [File]
  /// What the limit had left out.
  public var cutOff: CaptureCutOff?

  public struct Port: Sendable, Hashable, Codable {
    public var port: CapturePort
    public var file: Int
    public var interface: UInt32
    public var counts: CaptureCounts
  }

  public struct File: Sendable, Hashable, Codable {
    /// The port's name or the one the layout gave.
    public var name: String
    public var writer: PcapngWriter
    /// The file's content so far; empty while nothing was captured.
    public var bytes: [UInt8]
    /// The addresses that the file names so far.
    public var named: [UInt32]?
  }
}
