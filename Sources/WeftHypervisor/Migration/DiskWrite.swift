/// What has changed in a disk, of one place.
public struct DiskWrite: Hashable, Sendable {
  /// Octets of one at most.
  public static let largest = 65_536

  public var disk: Int
  public var offset: Int
  public var bytes: [UInt8]

  public init(disk: Int, offset: Int, bytes: [UInt8]) { (self.disk, self.offset, self.bytes) = (disk, offset, bytes) }

  var encoded: [UInt8] {
    var out: [UInt8] = []
    MigrationStream.append(UInt16(truncatingIfNeeded: disk), to: &out)
    MigrationStream.append(UInt64(offset), to: &out)
    return out + bytes
  }
}
