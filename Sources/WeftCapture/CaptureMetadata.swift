public import WeftWire

/// What a capture file tells about the run it comes from.
public struct CaptureMetadata: Sendable, Hashable, Codable {
  /// weft's version; written as the application, `weft VERSION`.
  public var version: String
  /// The topology's name.
  public var topology: String
  public var seed: UInt64
  /// More lines for the section's comment.
  public var remarks: [String]
  /// Names for addresses, which Wireshark shows with name resolution on (`tshark -N nN`). Each file holds those of the
  /// addresses that occur in it.
  public var names: [HostName]

  public struct HostName: Sendable, Hashable, Codable {
    public var address: IPv4Address
    public var name: String

    public init(_ address: IPv4Address, _ name: String) {
      self.address = address
      self.name = name
    }
  }

  public init(version: String, topology: String, seed: UInt64, remarks: [String] = [], names: [HostName] = []) {
    self.version = version
    self.topology = topology
    self.seed = seed
    self.remarks = remarks
    self.names = names
  }

  /// The lines of the section's comment, which `capinfos` prints.
  public var commentLines: [String] {
    ["topology: \(topology)", "seed: \(seed)", "weft: \(version)"] + remarks
  }
}

/// A port as a capture shows it.
public struct CapturePort: Sendable, Hashable, Codable {
  /// `nat0/wan`.
  public var name: String
  public var description: String
  /// Bits per second; 0 if unlimited or unknown.
  public var speed: UInt64

  public init(name: String, description: String = "", speed: UInt64 = 0) {
    self.name = name
    self.description = description
    self.speed = speed
  }
}

/// What happened at a port, for its interface statistics.
public struct CaptureCounts: Sendable, Hashable, Codable {
  /// Frames seen, also those that a filter left out of the file.
  public var received: UInt64 = 0
  /// Frames that were dropped: with a record and its comment, or lost without one.
  public var dropped: UInt64 = 0

  public init() {}
}
