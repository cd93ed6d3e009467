import WeftCore

/// An entry of a VM's `disks`.
public struct DiskSettings: Sendable, Codable, Hashable {
  public enum Cache: String, Sendable, Codable, CaseIterable {
    /// Each write is on the medium at once.
    case writeThrough = "write-through"
    /// What isn't flushed is in the disk's own memory, and may be lost with the power.
    case writeBack = "write-back"
  }

  public enum Flush: String, Sendable, Codable, CaseIterable {
    case honoured
    /// It says that all is well, and does nothing. Such disks are sold.
    case ignored
  }

  public var name: String
  /// Bytes.
  public var size: Int
  /// Of its host; nil: where the host keeps what it says nothing of.
  public var pool: String?
  public var cache = Cache.writeBack
  public var flush = Flush.honoured
  /// Bits a second, read and written.
  public var rate: UInt64?
  /// The file that it begins with.
  public var image: String?

  public init(_ name: String = "", size: Int = 0) { (self.name, self.size) = (name, size) }

  /// 64 TiB.
  public static let largest = 1 << 46

  public static let keys: KeyTable<DiskSettings> = KeyTable(
    "disk", "A disk of a VM", from: DiskSettings(),
    [
      Field("name", \.name, .plainName, "What programs and events call it.", required: true, example: "root"),
      Field(
        "size", \.size, Form.size(512...largest).unsaid, "How much it holds; only what is written takes room.",
        default: "the image's", example: "8 GiB"),
      Field(
        "pool", \.pool, .text, "The storage pool of its host that it lies in.", default: "the host's first, if it has any",
        example: "ssd"),
      Field(
        "cache", \.cache, .choice,
        "When a write is on the medium: at once, or with the next flush. Of what wasn't flushed each sector survives a power cut "
          + "or not.", example: "write-through"),
      Field("flush", \.flush, .choice, "What the disk does when it is asked to flush its cache.", example: "ignored"),
      Field(
        "rate", \.rate, .rate, "How fast it reads and writes.", default: "it takes no time", example: "100 MB/s"),
      Field(
        "image", \.image, .text, "A raw or qcow2 file that it begins with, from the folder of this file; it isn't written to.",
        default: "none: zeros", example: "base.qcow2"),
    ]
  ) { disk, mistakes in
    if disk.size == 0, disk.image == nil, !mistakes.has(\.size) {
      mistakes.report("a disk needs a size or an image", hint: "size: 8 GiB")
    }
    if disk.size % 512 != 0 { mistakes.report("a disk is whole sectors of 512 bytes", at: \.size) }
    if disk.flush == .ignored, disk.cache == .writeThrough {
      mistakes.report("a disk that writes through has nothing to flush", at: \.flush, hint: "cache: write-back")
    }
  }
}

/// An entry of a host's `pools`.
public struct PoolSettings: Sendable, Codable, Hashable {
  public var name = ""
  /// Bytes; nil: no limit.
  public var size: UInt64?
  /// Bits a second, as far as the host copies from and to it.
  public var rate: UInt64?

  public init(_ name: String = "", size: UInt64? = nil) { (self.name, self.size) = (name, size) }

  public static let keys: KeyTable<PoolSettings> = KeyTable(
    "pool", "A place of a host where disks, snapshots and backups lie", from: PoolSettings(),
    [
      Field(
        "size", \.size, .size(1...1 << 50), "How much its disks may hold together.", default: "no limit", example: "20 GiB"),
      Field("rate", \.rate, .rate, "How fast a backup is copied to it.", default: "it takes no time", example: "100 MB/s"),
    ])
}
