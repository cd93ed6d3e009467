extension BlockDevice {
  /// What a guest reads otherwise than in another disk of the same size, in blocks of so many bytes, a power of two up to a cluster's:
  /// where, and what is there now. Neighbours are one as far as a cluster goes.
  public func changes(since other: BlockDevice, block: Int = 4096) -> [(offset: Int, bytes: [UInt8])] {
    var found: [(offset: Int, bytes: [UInt8])] = []
    let zeros = [UInt8](repeating: 0, count: Cluster.size)
    for range in changedClusters(since: other).ranges {
      for cluster in range {
        let (new, old) = (bytes(of: cluster) ?? zeros, other.bytes(of: cluster) ?? zeros)
        let (start, end) = (cluster << Cluster.shift, min(Cluster.size, size - cluster << Cluster.shift))
        var isOpen = false
        for place in stride(from: 0, to: end, by: block) {
          let part = place..<min(place + block, end)
          guard new[part] != old[part] else {
            isOpen = false
            continue
          }
          if isOpen { found[found.count - 1].bytes += new[part] } else { found.append((start + place, Array(new[part]))) }
          isOpen = true
        }
      }
    }
    return found
  }
}
