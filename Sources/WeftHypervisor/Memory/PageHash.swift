/// 64 bits over a page. No protection against who wants two pages alike: pages come from our own guests.
public enum PageHash {
  public static func of(_ bytes: [UInt8]) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325 ^ UInt64(bytes.count)
    bytes.withUnsafeBytes { raw in
      var offset = 0
      while offset + 8 <= raw.count {
        let word = UInt64(littleEndian: raw.loadUnaligned(fromByteOffset: offset, as: UInt64.self))
        hash = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
        hash ^= hash >> 29
        offset += 8
      }
      while offset < raw.count {
        hash = (hash ^ UInt64(raw[offset])) &* 0x1_0000_0000_01b3
        offset += 1
      }
    }
    return hash
  }
}

/// A sum over pages in any order.
public struct PageDigest: Codable, Hashable, Sendable {
  public private(set) var sum: UInt64 = 0
  public private(set) var pages: UInt64 = 0

  public init() {}

  public mutating func add(_ number: PageNumber, _ hash: UInt64) {
    sum &+= Self.mixed(number, hash)
    pages += 1
  }

  public mutating func remove(_ number: PageNumber, _ hash: UInt64) {
    sum &-= Self.mixed(number, hash)
    pages -= 1
  }

  private static func mixed(_ number: PageNumber, _ hash: UInt64) -> UInt64 {
    var mixed = number.rawValue &* 0xbf58_476d_1ce4_e5b9 ^ hash
    mixed = (mixed ^ mixed >> 32) &* 0x94d0_49bb_1331_11eb
    return mixed ^ mixed >> 29
  }
}
