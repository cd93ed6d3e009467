/// The fields of a record that Rock Ridge (IEEE P1282) has there by the System Use Sharing Protocol (IEEE P1281).
struct RockRidgeFields {
  var name: String?
  /// A link or a device.
  var isSpecial = false
  /// A directory that lies here only because the tree is too deep for ECMA-119.
  var isMovedHere = false
  /// The block at which the directory lies that belongs here.
  var movedTo: Int?
}

extension ISOReader {
  /// The first field of the root's own record: how many bytes of a record's system use are somebody else's. nil: it isn't there.
  func sharingProtocol(_ use: Range<Int>) -> Int? {
    let at = use.lowerBound
    guard use.count >= 7, image[at..<at + 6].elementsEqual([0x53, 0x50, 7, 1, 0xbe, 0xef]) else { return nil }
    return Int(image[at + 6])
  }

  func rockRidge(_ use: Range<Int>, skipping skipped: Int) throws(ISOError) -> RockRidgeFields {
    var fields = RockRidgeFields()
    var name: [UInt8] = []
    var area: Range<Int>? = min(use.lowerBound + skipped, use.upperBound)..<use.upperBound
    // A circle of continuations ends here; one that is honest needs one or two.
    var areas = 0
    while let current = area {
      area = nil
      areas += 1
      guard areas <= 32 else { throw .damaged("system use fields without an end", at: current.lowerBound) }
      var at = current.lowerBound
      while current.upperBound - at >= 4 {
        let length = Int(image[at + 2])
        // Padding.
        if image[at] == 0 { break }
        guard length >= 4, length <= current.upperBound - at else {
          throw .damaged("a system use field of \(length) bytes", at: at)
        }
        func need(_ least: Int) throws(ISOError) {
          guard length >= least else { throw .damaged("a system use field of \(length) bytes", at: at) }
        }
        switch (image[at], image[at + 1]) {
        case (0x4e, 0x4d):  // NM
          try need(5)
          if image[at + 4] & 6 == 0 { name += image[at + 5..<at + length] }
        case (0x50, 0x58):  // PX
          try need(12)
          let kind = try both32(at + 4, "a file's mode") & 0o170000
          if kind != 0, kind != 0o100000, kind != 0o040000 { fields.isSpecial = true }
        case (0x53, 0x4c): fields.isSpecial = true  // SL
        case (0x52, 0x45): fields.isMovedHere = true  // RE
        case (0x43, 0x4c):  // CL
          try need(12)
          fields.movedTo = try both32(at + 4, "where a directory lies")
        case (0x5a, 0x46): throw .unsupported("a compressed file (zisofs)")  // ZF
        case (0x43, 0x45):  // CE
          try need(28)
          let (block, offset) = (try both32(at + 4, "a continuation's block"), try both32(at + 12, "a continuation's offset"))
          let count = try both32(at + 20, "a continuation's length")
          let start = block * Self.sectorSize + offset
          try self.need(start, count, "a continuation of system use fields")
          area = start..<start + count
        case (0x53, 0x54):  // ST
          at = current.upperBound - length
        default: break
        }
        at += length
      }
    }
    if !name.isEmpty { fields.name = String(decoding: name, as: UTF8.self) }
    return fields
  }
}
