/// Why a capture can't be written or read: the file, what was tried, and the system's or libpcap's reason.
public struct CaptureError: Error, Sendable, Hashable, CustomStringConvertible {
  public enum Operation: String, Sendable, Hashable {
    case createDirectory = "make the directory"
    case open = "open"
    case write = "write"
    case use = "use"
    case read = "read"
  }

  public var operation: Operation
  public var path: String
  /// `No space left on device`.
  public var reason: String
  /// The `errno` of a system call; 0 for libpcap's own complaints.
  public var code: Int32

  public init(_ operation: Operation, path: String, reason: String, code: Int32 = 0) {
    self.operation = operation
    self.path = path
    self.reason = reason
    self.code = code
  }

  /// Whether a disk or a quota is full.
  public var isForSpace: Bool { operation == .write && FileSystem.isForSpace(code) }

  public var description: String { "can't \(operation.rawValue) \(path): \(reason)" }
}
