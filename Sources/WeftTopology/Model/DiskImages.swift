import WeftDisk

/// The files that disks begin with, by the path that the topology file has. A run that goes on from a checkpoint has its disks, and needs
/// none: they aren't coded.
public struct DiskImages: Sendable, Codable {
  private var all: [String: BlockDevice] = [:]

  public init() {}

  public subscript(path: String) -> BlockDevice? {
    get { all[path] }
    set { all[path] = newValue }
  }

  private enum CodingKeys: CodingKey {}

  public init(from decoder: any Decoder) throws { _ = try decoder.container(keyedBy: CodingKeys.self) }
  public func encode(to encoder: any Encoder) throws { _ = encoder.container(keyedBy: CodingKeys.self) }
}
