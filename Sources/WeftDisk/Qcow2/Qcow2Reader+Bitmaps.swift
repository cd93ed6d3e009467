extension Qcow2Reader {
  /// The bitmaps that were closed as they should be; one that was in use as QEMU died says nothing, and isn't here.
  mutating func bitmaps() throws(DiskImageError) -> [DirtyBitmap] {
    guard let place = header.bitmaps else { return [] }
    let bits = header.clusterBits
    let directory = try file.place(
      place.directory, count: place.length, cluster: 1 << bits, "its bitmap directory", from: place.field)
    try claim(directory, count: place.length, "its bitmap directory", from: directory)
    var bitmaps: [DirtyBitmap] = []
    var at = directory
    for _ in 0..<place.count {
      guard at <= directory + place.length - 24 else {
        throw file.damaged("its bitmap directory ends in an entry", at: directory + place.length)
      }
      let entries = Int(try file.u32(at + 8, ""))
      let flags = try file.u32(at + 12, "")
      let kind = try file.u8(at + 16, "")
      let granularity = Int(try file.u8(at + 17, ""))
      let (nameLength, extra) = (Int(try file.u16(at + 18, "")), Int(try file.u32(at + 20, "")))
      let length = (24 + extra + nameLength + 7) / 8 * 8
      guard length <= directory + place.length - at else {
        throw file.damaged("a bitmap's entry ends behind the directory", at: at)
      }
      guard let name = file.text(at + 24 + extra, nameLength), !name.isEmpty, !bitmaps.contains(where: { $0.name == name }) else {
        throw file.damaged("a bitmap without a name of its own", at: at)
      }
      guard kind == 1, extra == 0 || flags & 4 != 0, flags & ~7 == 0 else {
        throw file.unsupported("bitmap \(name), of an unknown kind,")
      }
      guard (9...31).contains(granularity) else { throw file.damaged("bitmap \(name) has an unknown granularity", at: at + 17) }
      let bytes = ((header.size + 1 << granularity - 1) >> granularity + 7) / 8
      guard entries == (bytes + 1 << bits - 1) >> bits else {
        throw file.damaged("bitmap \(name) is of a disk of another size", at: at + 8)
      }
      let table = try file.place(
        try file.u64(at, ""), count: entries * 8, cluster: 1 << bits, "bitmap \(name)'s table", from: at)
      try claim(table, count: entries * 8, "bitmap \(name)'s table", from: at)
      let clusters = try self.clusters(of: name, table, entries, granularity, bytes)
      if flags & 1 == 0 { bitmaps.append(DirtyBitmap(name: name, isRecording: flags & 2 != 0, clusters: clusters)) }
      at += length
    }
    return bitmaps
  }

  /// Of whatever granularity, as our clusters.
  private mutating func clusters(
    of name: String, _ table: Int, _ entries: Int, _ granularity: Int, _ bytes: Int
  ) throws(DiskImageError) -> ClusterSet {
    var set = ClusterSet()
    let bits = header.clusterBits
    func add(_ start: Int, _ end: Int) {
      let end = min(end, header.size)
      if start < end { set.insert(start >> Cluster.shift..<(end - 1) >> Cluster.shift + 1) }
    }
    for (number, entry) in file.words(table, entries).enumerated() {
      let from = table + number * 8
      // How many bytes of the disk a byte of the bitmap is of.
      let perByte = 8 << granularity
      let first = number << bits * perByte
      guard entry & 0xff00_0000_0000_01fe == 0, entry & 1 == 0 || entry == 1 else {
        throw file.damaged("reserved bits in bitmap \(name)'s table", at: from)
      }
      if entry == 1 { add(first, first + perByte << bits) }
      guard entry > 1 else { continue }
      let length = min(1 << bits, bytes - number << bits)
      let place = try file.place(entry, count: length, cluster: 1 << bits, "a cluster of bitmap \(name)", from: from)
      try claim(place, count: length, "a cluster of bitmap \(name)", from: from)
      for index in 0..<length where file.bytes[place + index] != 0 {
        for bit in 0..<8 where file.bytes[place + index] >> UInt8(bit) & 1 == 1 {
          let start = first + index * perByte + bit << granularity
          add(start, start + 1 << granularity)
        }
      }
    }
    return set
  }
}
