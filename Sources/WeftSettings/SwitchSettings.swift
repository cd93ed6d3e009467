import WeftCore

/// The forwarding database of a virtual switch.
public struct FDBSettings: Sendable, Codable, Hashable {
  /// Entries at most.
  public var limit = 8192
  /// Entries of one port at most; nil: all of them.
  public var limitPerPort: Int?
  /// How long an entry lives unseen.
  public var ageing = Nanoseconds.seconds(300)

  /// Linux's bridge has no fewer: those of a /19 of VMs, 300 s.
  public init(limit: Int = 8192) { self.limit = limit }

  public static let keys: KeyTable<FDBSettings> = KeyTable(
    "fdb", "The forwarding database of a virtual switch", from: FDBSettings(),
    [
      Field("limit", \.limit, .integer(1...10_000_000), "Entries at most.", example: "100"),
      Field(
        "limit-per-port", \.limitPerPort, .integer(1...10_000_000),
        "Entries of one port at most: what is more isn't learnt, and others' have room.", default: "all", example: "16"),
      Field("ageing", \.ageing, .interval, "How long an entry lives unseen.", example: "30 s"),
    ])
}

/// Descriptors in a NIC's rings.
public struct RingSettings: Sendable, Codable, Hashable {
  /// Of what comes while the VM is paused.
  public var rx = 256
  /// Of what goes out, beyond what the cable's queue holds.
  public var tx = 0

  public init() {}

  public static let keys: KeyTable<RingSettings> = KeyTable(
    "rings", "Descriptors in a NIC's rings", from: RingSettings(),
    [
      Field("rx", \.rx, .integer(1...65536), "Receive ring: what comes while the VM is paused.", example: "64"),
      Field(
        "tx", \.tx, .integer(0...65536),
        "Transmit ring: what the cable's queue has no room for waits here, beside the queue.",
        default: "0: the queue is all that waits", example: "64"),
    ])
}
