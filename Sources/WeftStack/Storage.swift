import WeftCore
import WeftISO

/// What a machine's programs can read beside what comes over the network. It outlives the machine's power.
public struct Storage: Sendable, Codable {
  /// Nil: the machine has none.
  public var drive: OpticalDrive?
  /// What was written as the machine was set up, by path.
  public var files: [StoredFile] = []

  public init() {}
}

public struct StoredFile: Sendable, Codable, Hashable {
  /// From the root: `/var/www/html/index.html`
  public var path: String
  public var bytes: [UInt8]

  public init(path: String, bytes: [UInt8]) { (self.path, self.bytes) = (path, bytes) }
}

extension Stack {
  /// What is in the drive, for programs; the first read after a change of discs fails.
  public mutating func readDisc(_ path: some StringProtocol) -> OpticalDrive.Answer? { storage?.value.drive?.read(path) }

  public func file(at path: String) -> [UInt8]? { storage?.value.files.first { $0.path == path }?.bytes }

  /// What is in the drive, looked at from outside.
  public var disc: Disc? { storage?.value.drive?.disc }

  public mutating func insert(_ disc: Disc) {
    var all = storage?.value ?? Storage()
    if isUp { all.drive = all.drive ?? OpticalDrive() }
    if all.drive == nil { all.drive = OpticalDrive(disc) } else { all.drive?.insert(disc) }
    storage = Apart(all)
  }

  public mutating func eject() { storage?.value.drive?.eject() }
}
