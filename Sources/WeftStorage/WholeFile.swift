import Foundation

/// Writes files that appear whole or not at all.
public enum WholeFile {
  /// To a file of its own that is then put in place. Pipes and devices (`/dev/stdout`, a shell's `>(…)`) are written
  /// through: putting a file in place of them would do away with them.
  public static func write(_ data: Data, to path: String) throws {
    let isStream = path.hasPrefix("/dev/") || path.hasPrefix("/proc/")
    var info = stat()
    let exists = stat(path, &info) == 0
    if isStream || (exists && info.st_mode & S_IFMT != S_IFREG && info.st_mode & S_IFMT != S_IFDIR) {
      let descriptor = open(path, O_WRONLY | O_APPEND | O_CLOEXEC)
      guard descriptor >= 0 else { throw POSIXError(POSIXErrorCode(rawValue: errno) ?? .EIO) }
      defer { close(descriptor) }
      return try FileHandle(fileDescriptor: descriptor, closeOnDealloc: false).write(contentsOf: data)
    }
    // What a symbolic link points to is replaced, not the link.
    let place = exists ? URL(fileURLWithPath: path).resolvingSymlinksInPath() : URL(fileURLWithPath: path)
    try data.write(to: place, options: .atomic)
  }

  /// Why a file can't be read or written, in the system's words.
  public static func reason(_ error: any Error, _ path: String) -> String {
    let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
    if !FileManager.default.fileExists(atPath: folder) { return "no folder \(folder)" }
    var cause: NSError? = error as NSError
    while let error = cause {
      if error.domain == NSPOSIXErrorDomain { return String(cString: strerror(Int32(error.code))) }
      cause = error.userInfo[NSUnderlyingErrorKey] as? NSError
    }
    return (error as NSError).localizedDescription
  }
}
