#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// What a store asks of a file system, each a system call: a test ends the process before any of them. Paths are whole.
public protocol StoreFiles {
  /// There may be one already.
  mutating func makeFolder(_ path: String) throws(StoreError)
  /// A new file, empty; false where there is one.
  mutating func create(_ path: String) throws(StoreError) -> Bool
  /// Behind what is there.
  mutating func append(_ bytes: ArraySlice<UInt8>, to path: String) throws(StoreError)
  /// What was written to it outlives the machine's power.
  mutating func sync(_ path: String) throws(StoreError)
  /// The names in a folder outlive it.
  mutating func syncFolder(_ path: String) throws(StoreError)
  mutating func rename(_ path: String, to other: String) throws(StoreError)
  /// One that isn't there is no error.
  mutating func remove(_ path: String) throws(StoreError)
  /// Names, sorted; of a folder that isn't there none.
  func list(_ path: String) throws(StoreError) -> [String]
  /// nil: it isn't there.
  func read(_ path: String) throws(StoreError) -> [UInt8]?
}

/// Why a store can't be used.
public enum StoreError: Error, Hashable, CustomStringConvertible {
  /// In the system's words.
  case system(path: String, String)
  case locked(path: String, by: Int)
  case damaged(path: String, String)
  /// Written by a later weft.
  case version(path: String, Int)
  case unknown(String)
  /// Of a test: the process is gone.
  case died

  public var description: String {
    switch self {
    case .system(let path, let why): "\(path): \(why)"
    case .locked(let path, let process): "\(path): process \(process) is writing to this store"
    case .damaged(let path, let what): "\(path) is damaged: \(what)"
    case .version(let path, let found): "\(path) is of format \(found), which a later weft wrote"
    case .unknown(let name): "there is no \(name) in this store"
    case .died: "died"
    }
  }
}

/// The machine's own files.
public struct SystemFiles: StoreFiles {
  public init() {}

  private static func fail(_ path: String) -> StoreError { .system(path: path, String(cString: strerror(errno))) }

  public mutating func makeFolder(_ path: String) throws(StoreError) {
    if mkdir(path, 0o777) != 0, errno != EEXIST { throw Self.fail(path) }
  }

  public mutating func create(_ path: String) throws(StoreError) -> Bool {
    let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
    if descriptor < 0 {
      if errno == EEXIST { return false }
      throw Self.fail(path)
    }
    close(descriptor)
    return true
  }

  public mutating func append(_ bytes: ArraySlice<UInt8>, to path: String) throws(StoreError) {
    let descriptor = try Self.opened(path, O_WRONLY | O_APPEND)
    defer { close(descriptor) }
    var rest = bytes
    while !rest.isEmpty {
      let count = unsafe rest.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
      if count < 0 {
        if errno == EINTR { continue }
        throw Self.fail(path)
      }
      rest = rest.dropFirst(count)
    }
  }

  public mutating func sync(_ path: String) throws(StoreError) {
    let descriptor = try Self.opened(path, O_RDONLY)
    defer { close(descriptor) }
    if fsync(descriptor) != 0 { throw Self.fail(path) }
  }

  public mutating func syncFolder(_ path: String) throws(StoreError) { try sync(path) }

  private static func opened(_ path: String, _ flags: Int32) throws(StoreError) -> Int32 {
    let descriptor = open(path, flags | O_CLOEXEC)
    guard descriptor >= 0 else { throw fail(path) }
    return descriptor
  }

  public mutating func rename(_ path: String, to other: String) throws(StoreError) {
    #if canImport(Glibc)
      let result = Glibc.rename(path, other)
    #else
      let result = Darwin.rename(path, other)
    #endif
    if result != 0 { throw Self.fail(path) }
  }

  public mutating func remove(_ path: String) throws(StoreError) {
    if unlink(path) != 0, errno != ENOENT { throw Self.fail(path) }
  }

  public func list(_ path: String) throws(StoreError) -> [String] {
    guard let folder = unsafe opendir(path) else {
      if errno == ENOENT { return [] }
      throw Self.fail(path)
    }
    defer { unsafe closedir(folder) }
    var names: [String] = []
    while let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafePointer(to: &entry.pointee.d_name) { pointer in
        unsafe pointer.withMemoryRebound(to: CChar.self, capacity: 256) { unsafe String(cString: $0) }
      }
      if name != ".", name != ".." { names.append(name) }
    }
    return names.sorted()
  }

  public func read(_ path: String) throws(StoreError) -> [UInt8]? {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      if errno == ENOENT || errno == ENOTDIR { return nil }
      throw Self.fail(path)
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 1 << 16)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { unsafe readFrom(descriptor, $0.baseAddress, $0.count) }
      if count == 0 { return bytes }
      if count < 0 {
        if errno == EINTR { continue }
        throw Self.fail(path)
      }
      bytes += chunk[..<count]
    }
  }
}

/// read(2), which the methods above hide.
private func readFrom(_ descriptor: Int32, _ buffer: UnsafeMutableRawPointer?, _ count: Int) -> Int {
  unsafe read(descriptor, buffer, count)
}
