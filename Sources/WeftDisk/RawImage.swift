extension BlockDevice {
  /// A disk with the bytes of a file, zeros behind them up to a whole sector. What is zero takes no memory.
  /// - Throws: `DiskImageError`: it is empty, or too large.
  public init(raw file: [UInt8], named name: String = "raw") throws(DiskImageError) {
    let size = (file.count + Self.sectorSize - 1) / Self.sectorSize * Self.sectorSize
    do throws(DiskError) { try self.init(size: size, name: name) } catch {
      throw DiskImageError(file: name, .damaged(error.description, at: file.count))
    }
    top.clusters = Self.clusters(raw: file)
  }

  static func clusters(raw file: [UInt8]) -> SparseTable<Cluster> {
    var table = SparseTable<Cluster>()
    file.withUnsafeBytes { file in
      for start in stride(from: 0, to: file.count, by: Cluster.size) {
        let part = UnsafeRawBufferPointer(rebasing: file[start..<min(file.count, start + Cluster.size)])
        if !Bytes.areZero(part) { Chain.put(part, at: start, into: &table, over: []) }
      }
    }
    return table
  }

  /// The disk as one run of bytes, as the guest reads it; `forEachCluster` has the same without the zeros, for a sparse file.
  public var raw: [UInt8] {
    var file = [UInt8](repeating: 0, count: size)
    file.withUnsafeMutableBytes { file in
      forEachCluster { offset, bytes in
        bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(rebasing: file[offset...]).copyMemory(from: $0) }
      }
    }
    return file
  }
}
