/// What is on a disc: a label, and a tree of named files and directories. ISO 9660 (ECMA-119) with Joliet and Rock Ridge is only how it lies
/// in the image.
public struct ISOVolume: Sendable, Codable, Hashable {
  /// Printable ASCII; at most 16 characters in an image of ours.
  public var label: String
  /// Of the root directory. Those read from an image are in the order of their names' bytes.
  public var entries: [ISOEntry]

  public init(label: String, entries: [ISOEntry] = []) {
    self.label = label
    self.entries = entries
  }

  /// What lies at a path of names with `/` between them; nil: nothing does.
  public subscript(path: String) -> ISOEntry? {
    var found: ISOEntry?
    var entries = entries
    for name in path.split(separator: "/") {
      guard let next = entries.first(where: { $0.name == name }) else { return nil }
      found = next
      entries = next.children
    }
    return found
  }

  /// The bytes of a file; nil: there is none, or a directory.
  public func file(at path: String) -> [UInt8]? {
    guard case .file(let bytes)? = self[path]?.content else { return nil }
    return Array(bytes)
  }

  /// All files with their paths, a directory's in its place.
  public var files: [(path: String, bytes: ArraySlice<UInt8>)] {
    func list(_ entries: [ISOEntry], _ prefix: String) -> [(path: String, bytes: ArraySlice<UInt8>)] {
      entries.flatMap { entry in
        switch entry.content {
        case .file(let bytes): [(prefix + entry.name, bytes)]
        case .directory(let inside): list(inside, prefix + entry.name + "/")
        }
      }
    }
    return list(entries, "")
  }
}

public struct ISOEntry: Sendable, Hashable {
  public enum Content: Sendable, Hashable {
    /// Of a volume that was read: a part of the image, which it keeps alive and doesn't copy.
    case file(ArraySlice<UInt8>)
    case directory([ISOEntry])
  }

  public var name: String
  public var content: Content

  public init(file name: String, _ bytes: [UInt8]) {
    self.name = name
    content = .file(bytes[...])
  }

  public init(directory name: String, _ entries: [ISOEntry]) {
    self.name = name
    content = .directory(entries)
  }

  init(_ name: String, _ content: Content) {
    self.name = name
    self.content = content
  }

  var children: [ISOEntry] {
    guard case .directory(let entries) = content else { return [] }
    return entries
  }
}

/// Why bytes are no disc that can be read, or a tree none that can be written.
public enum ISOError: Error, Hashable, CustomStringConvertible {
  /// What isn't right in an image, and the offset in bytes at which it stands; the image's length where that is what is wrong.
  case damaged(String, at: Int)
  /// A part of the format that is refused, by its name.
  case unsupported(String)
  /// What can't be written: a path, and why.
  case unwritable(String, String)

  public var description: String {
    switch self {
    case .damaged(let what, let offset): "\(what) (at byte \(offset))"
    case .unsupported(let what): "\(what) can't be read here"
    case .unwritable(let path, let why): "“\(path)” can't be on a disc: \(why)"
    }
  }
}
