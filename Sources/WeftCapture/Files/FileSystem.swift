#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#else
  import Darwin
#endif

/// The few system calls the capture files need, with interrupted calls and short writes dealt with.
enum FileSystem {
  static func failure(_ operation: CaptureError.Operation, _ path: String, _ code: Int32 = errno) -> CaptureError {
    CaptureError(operation, path: path, reason: String(cString: strerror(code)), code: code)
  }

  static func isForSpace(_ code: Int32) -> Bool { code == ENOSPC || code == EDQUOT || code == EFBIG }

  static var processID: Int32 { getpid() }

  // MARK: Directories

  /// Makes the directory and its missing parents. Returns those it made, outermost first; on an error it has undone
  /// them.
  static func makeDirectories(_ path: String) throws(CaptureError) -> [String] {
    var made: [String] = []
    var end = path.startIndex
    while end < path.endIndex {
      // The next prefix that ends before a slash or at the end.
      let from = path[end...].firstIndex { $0 != "/" } ?? path.endIndex
      end = path[from...].firstIndex(of: "/") ?? path.endIndex
      let prefix = String(path[..<end])
      if mkdir(prefix, 0o777) == 0 {
        made.append(prefix)
        continue
      }
      let code = errno
      // Existing parents may be on a read-only file system or closed to us: only the last one must be a directory.
      if isDirectory(prefix) { continue }
      removeDirectories(made)
      throw failure(.createDirectory, path, code == EEXIST ? ENOTDIR : code)
    }
    return made
  }

  /// Removes what `makeDirectories` made, as far as nobody has put anything into it.
  static func removeDirectories(_ made: [String]) {
    for path in made.reversed() { guard rmdir(path) == 0 else { return } }
  }

  static func isDirectory(_ path: String) -> Bool {
    var info = stat()
    return stat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFDIR
  }

  /// Itself, not by a symbolic link.
  static func isFile(_ path: String) -> Bool {
    var info = stat()
    return lstat(path, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
  }

  /// Whether files can be made in the directory, as far as that can be known without making one.
  static func checkWritable(_ directory: String) throws(CaptureError) {
    guard access(directory, W_OK | X_OK) == 0 else { throw failure(.open, directory) }
  }

  static func remove(_ path: String) { unlink(path) }

  // MARK: Capture files

  /// Appends to a file; `create` makes a new one in place of what is there, a symbolic link too. Of an error, how many
  /// bytes were written all the same.
  static func append(_ bytes: UnsafeRawBufferPointer, to path: String, create: Bool) -> (written: Int, CaptureError?) {
    var descriptor: Int32
    if create {
      unlink(path)
      repeat {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
      } while descriptor < 0 && errno == EINTR
    } else {
      repeat {
        descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
      } while descriptor < 0 && errno == EINTR
    }
    guard descriptor >= 0 else { return (0, failure(.open, path)) }
    let (written, code) = writeAll(bytes, to: descriptor)
    if let code {
      _ = Self.close(descriptor)
      return (written, failure(.write, path, code))
    }
    // Network file systems and quotas may report a failed write only here. An interrupted close has closed all the
    // same.
    guard Self.close(descriptor) else { return (0, failure(.write, path)) }
    return (written, nil)
  }

  private static func writeAll(_ bytes: UnsafeRawBufferPointer, to descriptor: Int32) -> (written: Int, code: Int32?) {
    var done = 0
    while done < bytes.count {
      #if canImport(Glibc)
        let written = Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      #elseif canImport(Musl)
        let written = Musl.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      #else
        let written = Darwin.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      #endif
      if written > 0 {
        done += written
        continue
      }
      let code = written < 0 ? errno : EIO
      if code != EINTR { return (done, code) }
    }
    return (done, nil)
  }

  @discardableResult
  static func close(_ descriptor: Int32) -> Bool {
    #if canImport(Glibc)
      let status = Glibc.close(descriptor)
    #elseif canImport(Musl)
      let status = Musl.close(descriptor)
    #else
      let status = Darwin.close(descriptor)
    #endif
    return status == 0 || errno == EINTR
  }

  /// Cuts a file off.
  static func cut(_ path: String, to length: Int) { truncate(path, off_t(length)) }

  /// The bytes of a file in a range.
  static func load(_ path: String, _ range: Range<Int>, into array: inout [UInt8]) throws(CaptureError) {
    var descriptor: Int32
    repeat { descriptor = open(path, O_RDONLY | O_CLOEXEC) } while descriptor < 0 && errno == EINTR
    guard descriptor >= 0 else { throw failure(.open, path) }
    defer { close(descriptor) }
    let bytes = [UInt8](unsafeUninitializedCapacity: range.count) { memory, filled in
      while filled < range.count {
        let got = pread(
          descriptor, memory.baseAddress! + filled, range.count - filled, off_t(range.lowerBound + filled))
        if got > 0 { filled += got } else if got == 0 || errno != EINTR { return }
      }
    }
    guard bytes.count == range.count else { throw failure(.read, path, EIO) }
    array.append(contentsOf: bytes)
  }

  // MARK: The manifest

  static func openForUpdate(_ path: String) throws(CaptureError) -> Int32 {
    var descriptor: Int32
    repeat {
      descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0o666)
    } while descriptor < 0 && errno == EINTR
    guard descriptor >= 0 else { throw failure(.open, path) }
    return descriptor
  }

  /// False where somebody else has it. File systems without locks have everything unlocked.
  static func lock(_ descriptor: Int32) -> Bool {
    while flock(descriptor, LOCK_EX | LOCK_NB) != 0 {
      if errno == EWOULDBLOCK { return false }
      if errno != EINTR { return true }
    }
    return true
  }

  /// Whether the open file is the one at the path.
  static func isSame(_ descriptor: Int32, _ path: String) -> Bool {
    var open = stat()
    var found = stat()
    return fstat(descriptor, &open) == 0 && lstat(path, &found) == 0 && open.st_ino == found.st_ino
      && open.st_dev == found.st_dev
  }

  static func contents(_ descriptor: Int32) -> [UInt8] {
    var info = stat()
    guard fstat(descriptor, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return [] }
    let count = min(Int(info.st_size), 64 << 20)
    // All empty arrays share their storage, and a thread sanitizer watches it.
    if count == 0 { return [] }
    return [UInt8](unsafeUninitializedCapacity: count) { memory, filled in
      while filled < count {
        let got = pread(descriptor, memory.baseAddress! + filled, count - filled, off_t(filled))
        if got > 0 { filled += got } else if got == 0 || errno != EINTR { return }
      }
    }
  }

  /// To the end of a file.
  static func write(_ bytes: RawSpan, to descriptor: Int32, path: String) throws(CaptureError) {
    let code = bytes.withUnsafeBytes { writeAll($0, to: descriptor).code }
    if let code { throw failure(.write, path, code) }
  }

  static func replace(_ descriptor: Int32, with bytes: [UInt8], path: String) throws(CaptureError) {
    guard ftruncate(descriptor, 0) == 0 else { throw failure(.write, path) }
    try write(bytes.span.bytes, to: descriptor, path: path)
  }
}
