import Synchronization

/// The directory that a run writes to, as its own: locked while the run lasts, and with a manifest `.weft-run` of the
/// files that weft wrote there. What the manifest of an earlier run lists goes as the next one begins, and nothing else.
///
/// The lock is the kernel's, on the manifest: it ends with its process, however that ends.
final class RunFolder: Sendable {
  static let manifest = ".weft-run"
  private static let magic = "weft run 1"

  let path: String
  /// Directories that weren't there before, outermost first.
  private let made: [String]
  private let descriptor: Int32
  private let heading: [String]
  private let state = Mutex(State())

  private struct State {
    var files: [String] = []
    var isOpen = true
  }

  /// Makes the directory if it is missing, locks it and sweeps it.
  /// - Parameter heading: what the manifest tells of the run, a line each.
  init(_ path: String, heading: [String]) throws(CaptureError) {
    self.path = path
    self.heading = heading.map { line in
      String(String.UnicodeScalarView(line.unicodeScalars.map { $0.value < 0x20 ? " " : $0 }))
    }
    made = try FileSystem.makeDirectories(path)
    do throws(CaptureError) {
      try FileSystem.checkWritable(path)
      descriptor = try Self.lock(path)
    } catch {
      FileSystem.removeDirectories(made)
      throw error
    }
    Self.sweep(path, descriptor)
    do throws(CaptureError) {
      try write(["process \(FileSystem.processID)"])
    } catch {
      FileSystem.remove("\(path)/\(Self.manifest)")
      FileSystem.close(descriptor)
      FileSystem.removeDirectories(made)
      throw error
    }
  }

  /// Before the file is made: what isn't listed isn't swept.
  func add(_ name: String) throws(CaptureError) {
    let result = state.withLock { state -> Result<Void, CaptureError> in
      let line = Array("file \(name)\n".utf8)
      do throws(CaptureError) {
        try FileSystem.write(line.span.bytes, to: descriptor, path: "\(path)/\(Self.manifest)")
        state.files.append(name)
        return .success(())
      } catch {
        return .failure(error)
      }
    }
    try result.get()
  }

  /// The run has ended. The manifest that stays says nothing of the process: the same run leaves the same bytes.
  func close() {
    let files = state.withLock { state -> [String]? in
      guard state.isOpen else { return nil }
      state.isOpen = false
      return state.files
    }
    guard let files else { return }
    if files.isEmpty {
      removeAll()
    } else {
      // On a full disk the old manifest stays, which lists the same.
      try? write([])
    }
    FileSystem.close(descriptor)
  }

  /// Ends the run as if it had never begun.
  func abandon() {
    let wasOpen = state.withLock { state in
      defer { state.isOpen = false }
      return state.isOpen
    }
    guard wasOpen else { return }
    for name in state.withLock({ $0.files }) { FileSystem.remove("\(path)/\(name)") }
    removeAll()
    FileSystem.close(descriptor)
  }

  private func removeAll() {
    FileSystem.remove("\(path)/\(Self.manifest)")
    FileSystem.removeDirectories(made)
  }

  private func write(_ more: [String]) throws(CaptureError) {
    let files = state.withLock { $0.files }.sorted().map { "file \($0)" }
    let text = ([Self.magic] + heading + more + files).map { "\($0)\n" }.joined()
    try FileSystem.replace(descriptor, with: Array(text.utf8), path: "\(path)/\(Self.manifest)")
  }

  // MARK: The earlier run

  /// Removes what an earlier run has left in a directory, and the directory if nothing else is there. Leaves one alone
  /// that a run is writing to, or that weft never wrote to.
  static func clear(_ path: String) {
    guard FileSystem.isFile("\(path)/\(manifest)"), let descriptor = try? lock(path) else { return }
    sweep(path, descriptor)
    FileSystem.remove("\(path)/\(manifest)")
    FileSystem.close(descriptor)
    FileSystem.removeDirectories([path])
  }

  /// Locks the manifest, and makes it if there is none.
  private static func lock(_ path: String) throws(CaptureError) -> Int32 {
    let file = "\(path)/\(manifest)"
    // Whoever abandons a run removes the manifest: then the lock is on a file that nobody finds any more.
    for _ in 0..<16 {
      let descriptor = try FileSystem.openForUpdate(file)
      if FileSystem.lock(descriptor) {
        if FileSystem.isSame(descriptor, file) { return descriptor }
      } else {
        let lines = lines(descriptor)
        FileSystem.close(descriptor)
        let about = ["process", "seed"].compactMap { key in lines.first { $0.hasPrefix("\(key) ") } }
        throw CaptureError(
          .use, path: path,
          reason: "another run \(about.isEmpty ? "" : "(\(about.joined(separator: ", "))) ")is writing to it")
      }
      FileSystem.close(descriptor)
    }
    throw CaptureError(.use, path: path, reason: "other runs come and go there")
  }

  private static func lines(_ descriptor: Int32) -> [Substring] {
    let lines = String(decoding: FileSystem.contents(descriptor), as: UTF8.self).split(separator: "\n")
    return lines.first.map { $0 == magic } ?? false ? lines : []
  }

  private static func sweep(_ path: String, _ descriptor: Int32) {
    for line in lines(descriptor) where line.hasPrefix("file ") {
      let name = String(line.dropFirst(5))
      // Whoever wrote the manifest, nothing outside goes, and nothing but captures.
      guard !name.contains("/"), name.hasSuffix(".pcapng") || name.hasSuffix(".pcap"),
        FileSystem.isFile("\(path)/\(name)")
      else { continue }
      FileSystem.remove("\(path)/\(name)")
    }
  }
}
