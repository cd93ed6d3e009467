import Synchronization
public import WeftCore

/// Where a run's files go, the memory they may hold together, and how much there may be of them.
final class CaptureStore: Sendable {
  /// A buffer of this size is flushed rather than grown: as few system calls as are worth having, and still in a core's
  /// cache.
  static let fullBuffer = 256 << 10
  /// With more memory than this in all buffers together, they stop growing and flush at `frugalBuffer`: 3,000 busy ports
  /// need 64 MiB + 3,000 × 16 KiB at most.
  static let budget = 64 << 20
  static let frugalBuffer = 16 << 10

  /// nil: everything stays in memory.
  let folder: RunFolder?
  /// Bytes of records that may be written.
  let limit: UInt64
  /// nil: buffers are written by whoever fills them.
  let writer: CaptureWriter?
  private let held = Atomic<Int>(0)
  private let failed = CaptureFlag()
  private let written = Atomic<UInt64>(0)
  private let stopped = Atomic<Bool>(false)
  private let missed = Atomic<UInt64>(0)
  private let missedFrom = Atomic<UInt64>(.max)

  init(directory: String?, limit: UInt64, heading: [String]) throws(CaptureError) {
    self.limit = limit
    if let directory {
      folder = try RunFolder(directory.isEmpty ? "." : directory, heading: heading)
    } else {
      folder = nil
    }
    writer = folder != nil && CaptureWriter.isWorthwhile ? CaptureWriter(failed: failed) : nil
  }

  func path(_ name: String) -> String? { folder.map { "\($0.path)/\(name)" } }

  var isShort: Bool { held.load(ordering: .relaxed) >= Self.budget }
  func account(_ bytes: Int) { if bytes != 0 { held.add(bytes, ordering: .relaxed) } }
  var heldBytes: Int { held.load(ordering: .relaxed) }

  @inline(__always)
  var hasFailed: Bool { failed.isSet }
  func setFailed() { failed.set() }

  // MARK: The limit

  var isFull: Bool { stopped.load(ordering: .relaxed) }

  func countWritten(_ bytes: Int) {
    if written.add(UInt64(bytes), ordering: .relaxed).newValue >= limit { stopped.store(true, ordering: .relaxed) }
  }

  /// A frame that has no record because of the limit.
  @inline(never)
  func countMissed(at time: Instant) {
    missed.add(1, ordering: .relaxed)
    _ = missedFrom.compareExchange(expected: .max, desired: time.rawValue, ordering: .relaxed)
  }

  /// What the limit has left out; nil where nothing was.
  var cutOff: CaptureCutOff? {
    get {
      let frames = missed.load(ordering: .relaxed)
      guard frames > 0 else { return nil }
      return CaptureCutOff(
        limit: limit, from: Instant(missedFrom.load(ordering: .relaxed)), missedFrames: frames)
    }
    set {
      guard let newValue else { return }
      missed.store(newValue.missedFrames, ordering: .relaxed)
      missedFrom.store(newValue.from.rawValue, ordering: .relaxed)
      if newValue.limit >= limit { stopped.store(true, ordering: .relaxed) }
    }
  }
}

/// Set once, by any thread.
final class CaptureFlag: Sendable {
  private let value = Atomic<Bool>(false)

  @inline(__always)
  var isSet: Bool { value.load(ordering: .relaxed) }
  func set() { value.store(true, ordering: .relaxed) }
}

/// From when on a run's frames have no records, since there were as many bytes of them as there may be.
public struct CaptureCutOff: Sendable, Hashable, Codable {
  /// In bytes.
  public var limit: UInt64
  /// The first frame without a record.
  public var from: Instant
  /// Frames without a record, at all ports together.
  public var missedFrames: UInt64
}
