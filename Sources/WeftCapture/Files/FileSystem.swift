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

  static var processID: Int32 { getpid() }

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

  /// Whether files can be made in the directory, as far as that can be known without making one.
  static func checkWritable(_ directory: String) throws(CaptureError) {
    guard access(directory, W_OK | X_OK) == 0 else { throw failure(.open, directory) }
  }

  /// Appends to a file; `create` makes a new one, which must not be there already, nor be someone's symbolic link.
  static func append(_ bytes: UnsafeRawBufferPointer, to path: String, create: Bool) throws(CaptureError) {
    var descriptor: Int32
    if create {
      // A leftover of a dead process with our number.
      unlink(path)
      repeat {
        descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o666)
      } while descriptor < 0 && errno == EINTR
    } else {
      repeat {
        descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | O_NOFOLLOW)
      } while descriptor < 0 && errno == EINTR
    }
    guard descriptor >= 0 else { throw failure(.open, path) }
    var done = 0
    while done < bytes.count {
      let written = write(descriptor, bytes.baseAddress! + done, bytes.count - done)
      if written > 0 {
        done += written
        continue
      }
      let code = written < 0 ? errno : EIO
      if code == EINTR { continue }
      close(descriptor)
      throw failure(.write, path, code)
    }
    // Network file systems and quotas may report a failed write only here. An interrupted close has closed all the
    // same.
    guard close(descriptor) == 0 || errno == EINTR else { throw failure(.write, path) }
  }

  /// The whole file, which must have exactly `count` bytes.
  static func load(_ path: String, count: Int, into array: inout [UInt8]) throws(CaptureError) {
    var descriptor: Int32
    repeat { descriptor = open(path, O_RDONLY | O_CLOEXEC) } while descriptor < 0 && errno == EINTR
    guard descriptor >= 0 else { throw failure(.open, path) }
    defer { close(descriptor) }
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { memory, filled in
      while filled < count {
        let got = read(descriptor, memory.baseAddress! + filled, count - filled)
        if got > 0 { filled += got } else if got == 0 || errno != EINTR { return }
      }
    }
    guard bytes.count == count else { throw failure(.read, path, EIO) }
    array.append(contentsOf: bytes)
  }

  static func move(_ old: String, to new: String) throws(CaptureError) {
    guard rename(old, new) == 0 else { throw failure(.rename, new) }
  }

  static func remove(_ path: String) { unlink(path) }
}
