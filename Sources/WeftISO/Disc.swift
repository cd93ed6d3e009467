/// A disc as somebody puts it into a drive: what reports call it, and what is on it.
public struct Disc: Sendable, Codable, Hashable {
  /// `tools.iso`
  public var name: String
  public var volume: ISOVolume

  public init(name: String, volume: ISOVolume) { (self.name, self.volume) = (name, volume) }

  /// From an image, whoever wrote it.
  public init(name: String, iso image: [UInt8]) throws(ISOError) {
    self.init(name: name, volume: try ISOVolume(iso: image))
  }
}

/// A machine's drive: at most one disc, and whether whoever reads has heard that it is another one.
public struct OpticalDrive: Sendable, Codable, Hashable {
  public private(set) var disc: Disc?
  /// A disc was changed and no read has failed for it yet (SCSI: unit attention, not ready to ready change).
  private var hasChanged = false

  public init(_ disc: Disc? = nil) { self.disc = disc }

  /// What a read comes to.
  public enum Answer: Equatable, Sendable {
    case file(ArraySlice<UInt8>)
    /// Of a directory, or of the disc: the names in it.
    case names([String])
    case noSuchFile
    case noDisc
    /// The one failure after each change; the next read finds what is there now.
    case unitAttention
  }

  public mutating func insert(_ disc: Disc) { (self.disc, hasChanged) = (disc, true) }

  public mutating func eject() { (disc, hasChanged) = (nil, true) }

  /// The system looks at all its drives as it boots: what changed before is no news to it.
  public mutating func powerOn() { hasChanged = false }

  /// What lies at a path of names with `/` between them; an empty one is the disc's root.
  public mutating func read(_ path: some StringProtocol) -> Answer {
    if hasChanged {
      hasChanged = false
      return .unitAttention
    }
    guard let volume = disc?.volume else { return .noDisc }
    let isRoot = path.allSatisfy { $0 == "/" }
    guard let entry = isRoot ? ISOEntry(directory: "", volume.entries) : volume[String(path)] else { return .noSuchFile }
    return switch entry.content {
    case .file(let bytes): .file(bytes)
    case .directory(let entries): .names(entries.map(\.name))
    }
  }
}

// MARK: - Coding

extension ISOEntry: Codable {
  private enum CodingKeys: CodingKey { case name, bytes, entries }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(name, forKey: .name)
    switch content {
    case .file(let bytes): try container.encode(Array(bytes), forKey: .bytes)
    case .directory(let entries): try container.encode(entries, forKey: .entries)
    }
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let name = try container.decode(String.self, forKey: .name)
    if let bytes = try container.decodeIfPresent([UInt8].self, forKey: .bytes) {
      self.init(file: name, bytes)
    } else {
      self.init(directory: name, try container.decode([ISOEntry].self, forKey: .entries))
    }
  }
}
