extension BlockDevice {
  /// A disk from a qcow2 file (versions 2 and 3) and those below it: its layers are the chain's, named by their files, and its bitmaps are
  /// those of the top one, and of the others as far as their names are free.
  ///
  /// Read are clusters of all sizes, also compressed by deflate and zeroed ones, and bitmaps of all granularities. Refcounts and
  /// internal snapshots aren't. Refused by name: encryption, external data files, extended L2 entries, zstd, and
  /// incompatible features that aren't known.
  /// - Parameters:
  ///   - file: its bytes.
  ///   - name: in errors, and where the names of backing files are counted from.
  ///   - memory: bytes that clusters may take; by default 16 MiB and 16 times the files, which only compressed or small clusters reach:
  ///     others take no more than their file.
  ///   - opening: the bytes of a file of the same folder, or nil: there is none. It is asked for paths without `..` that begin with no `/`.
  /// - Throws: `DiskImageError`.
  public init(
    qcow2 file: [UInt8], named name: String, memory: Int? = nil, opening: (String) -> [UInt8]? = { _ in nil }
  ) throws(DiskImageError) {
    let files = try QcowChain.open(file, name, opening)
    var used = Qcow2Reader.Memory(limit: memory ?? 16 * files.reduce(1 << 20) { $0 + $1.bytes })
    var layers: [DiskLayer] = []
    var bitmaps: [DirtyBitmap] = []
    // From the base up; in what lies below the part that a shorter file hides stays hidden.
    for opened in files.reversed() {
      for index in layers.indices { layers[index].truncate(to: opened.size) }
      var layer = DiskLayer(name: opened.name)
      switch opened.content {
      case .raw(let bytes): layer.clusters = Self.clusters(raw: bytes)
      case .qcow2(var reader):
        layer.clusters = try reader.clusters(over: layers, &used)
        // What went into this layer isn't in the bitmaps of those below.
        for index in bitmaps.indices { layer.clusters.forEach { cluster, _ in bitmaps[index].clusters.insert(cluster) } }
        let own = try reader.bitmaps()
        bitmaps = own + bitmaps.filter { below in !own.contains { $0.name == below.name } }
      }
      layers.append(layer)
    }
    do throws(DiskError) { try self.init(size: files[0].size, name: name) } catch {
      throw DiskImageError(file: name, .damaged(error.description, at: 24))
    }
    top = layers.removeLast()
    lower = layers
    self.bitmaps = bitmaps
  }

  /// The whole disk in one file, as the guest reads it, with its bitmaps.
  public var qcow2: [UInt8] {
    var bytes: [UInt8] = []
    writeQcow2 { bytes += $0 }
    return bytes
  }

  /// The same, piece by piece in order; each piece but tables is a cluster of the disk.
  public func writeQcow2(to sink: ([UInt8]) throws -> Void) rethrows {
    try Qcow2Writer(size: size, flattened, isOverlay: false, backing: nil, bitmaps: bitmaps).write(to: sink)
  }

  /// One layer as a file of its own; the top one has the bitmaps.
  /// - Parameters:
  ///   - layer: its place in `layers`.
  ///   - backing: the name of the file that has the layer below it, a qcow2 file if `layers` were written one by one. Of the base: nil.
  /// - Throws: `DiskError.noOverlay`: there is no such layer, or it isn't the base and has no backing file, or the other way round;
  ///   `DiskError.name`.
  public func qcow2(layer: Int, backing: Qcow2Backing? = nil) throws(DiskError) -> [UInt8] {
    guard layers.indices.contains(layer), (layer == 0) == (backing == nil) else { throw .noOverlay(layer) }
    if let name = backing?.name, !(1...1023).contains(name.utf8.count) { throw .name(name) }
    let isTop = layer == lower.count
    let writer = Qcow2Writer(
      size: size, layers[layer].clusters, isOverlay: layer > 0, backing: backing, bitmaps: isTop ? bitmaps : [])
    var bytes: [UInt8] = []
    writer.write { bytes += $0 }
    return bytes
  }
}

/// What a qcow2 file says of the file below it.
public struct Qcow2Backing: Sendable, Hashable {
  public enum Format: String, Sendable { case qcow2, raw }
  /// Its path from the folder of the file above it; at most 1,023 bytes.
  public var name: String
  public var format: Format

  public init(_ name: String, format: Format = .qcow2) {
    self.name = name
    self.format = format
  }
}

/// A qcow2 file and those below it.
enum QcowChain {
  struct File {
    enum Content {
      case raw([UInt8])
      case qcow2(Qcow2Reader)
    }
    var name: String
    /// Of the disk; of a raw file up to a whole sector.
    var size: Int
    /// Of the file.
    var bytes: Int
    var content: Content
  }

  /// QEMU opens more; a chain as long as this is a mistake.
  static let longest = 64

  /// From the top down.
  static func open(_ file: [UInt8], _ name: String, _ opening: (String) -> [UInt8]?) throws(DiskImageError) -> [File] {
    var files: [File] = []
    var next: (name: String, bytes: [UInt8])? = (name, file)
    while let (name, bytes) = next {
      let reader = try Qcow2Reader(Qcow2Bytes(name: name, bytes: bytes))
      files.append(File(name: name, size: reader.header.size, bytes: bytes.count, content: .qcow2(reader)))
      next = nil
      guard let written = reader.header.backing else { break }
      func refuse(_ what: String) -> DiskImageError { DiskImageError(file: name, .backing("“\(written)” \(what)")) }
      guard let path = inside(written, of: name) else { throw refuse("isn't in its folder") }
      guard !files.contains(where: { $0.name == path }) else { throw refuse("is above it already: a circle") }
      guard files.count < longest else { throw refuse("would be the \(longest + 1)th of its chain") }
      guard let format = reader.header.backingFormat else {
        throw refuse("has no format: `qemu-img rebase -u -F` sets it; a guest could pretend one")
      }
      guard format == "raw" || format == "qcow2" else { throw refuse("has the format \(format), not raw or qcow2") }
      guard let found = opening(path) else { throw refuse("isn't there") }
      if format == "raw" {
        files.append(File(name: path, size: (found.count + 511) / 512 * 512, bytes: found.count, content: .raw(found)))
      } else {
        next = (path, found)
      }
    }
    return files
  }

  /// The path of a file that another names: below the folder that the other is in, or nil. What QEMU takes for a protocol (`nbd:…`,
  /// `json:…`) is none.
  static func inside(_ written: String, of name: String) -> String? {
    let parts = written.split(separator: "/", omittingEmptySubsequences: false)
    guard !parts.isEmpty, parts.allSatisfy({ !$0.isEmpty && $0 != ".." && $0 != "." }), !parts[0].contains(":") else {
      return nil
    }
    guard let slash = name.lastIndex(of: "/") else { return written }
    return name[...slash] + written
  }
}
