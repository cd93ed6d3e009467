import Synchronization

/// Where a run's files go, and the memory they may hold together.
final class CaptureStore: Sendable {
  /// A buffer of this size is flushed rather than grown: as few system calls as are worth having, and still in a core's
  /// cache.
  static let fullBuffer = 256 << 10
  /// With more memory than this in all buffers together, they stop growing and flush at `frugalBuffer`: 3,000 busy ports
  /// need 64 MiB + 3,000 × 16 KiB at most.
  static let budget = 64 << 20
  static let frugalBuffer = 16 << 10

  /// nil: everything stays in memory.
  let directory: String?
  /// Directories that weren't there before, outermost first.
  let made: [String]
  private let suffix: String
  private let held = Atomic<Int>(0)
  private let failed = Atomic<Bool>(false)

  /// Distinguishes several runs of one process, which may use the same directory one after the other or even at once.
  private static let serial = Atomic<Int>(0)

  init(directory: String?) throws(CaptureError) {
    self.directory = directory.map { $0.isEmpty ? "." : $0 }
    let number = Self.serial.add(1, ordering: .relaxed).newValue
    suffix = "partial-\(FileSystem.processID).\(number)"
    guard let path = self.directory else {
      made = []
      return
    }
    made = try FileSystem.makeDirectories(path)
    do throws(CaptureError) {
      try FileSystem.checkWritable(path)
    } catch {
      FileSystem.removeDirectories(made)
      throw error
    }
  }

  func finalPath(_ name: String) -> String? { directory.map { "\($0)/\(name)" } }
  /// Hidden, and in the same directory, so that renaming it is atomic.
  func partialPath(_ name: String) -> String? { directory.map { "\($0)/.\(name).\(suffix)" } }

  var isShort: Bool { held.load(ordering: .relaxed) >= Self.budget }
  func account(_ bytes: Int) { if bytes != 0 { held.add(bytes, ordering: .relaxed) } }
  var heldBytes: Int { held.load(ordering: .relaxed) }

  var hasFailed: Bool {
    get { failed.load(ordering: .relaxed) }
    set { failed.store(newValue, ordering: .relaxed) }
  }

  func removeMadeDirectories() { FileSystem.removeDirectories(made) }
}
