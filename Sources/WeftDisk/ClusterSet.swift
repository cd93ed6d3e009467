/// Numbers of clusters of 64 KiB: what is dirty, what differs. A copy shares what it has in common.
public struct ClusterSet: Sendable, Equatable {
  /// Of 64 clusters each; none is 0.
  private var words = SparseTable<UInt64>()
  public private(set) var count = 0

  public init() {}

  public init(_ ranges: some Sequence<Range<Int>>) { for range in ranges { insert(range) } }

  public var isEmpty: Bool { count == 0 }

  public func contains(_ cluster: Int) -> Bool {
    cluster >= 0 && (words[cluster >> 6] ?? 0) >> UInt64(cluster & 63) & 1 == 1
  }

  /// Precondition: no number below 0.
  public mutating func insert(_ range: Range<Int>) {
    precondition(range.lowerBound >= 0)
    var at = range.lowerBound
    while at < range.upperBound {
      let end = min(range.upperBound, (at >> 6 + 1) << 6)
      let mask = (end - at == 64 ? UInt64.max : (1 << UInt64(end - at)) - 1) << UInt64(at & 63)
      insert(mask, word: at >> 6)
      at = end
    }
  }

  public mutating func insert(_ cluster: Int) { insert(cluster..<cluster + 1) }

  private mutating func insert(_ mask: UInt64, word: Int) {
    var added = 0
    words.update(word) { value in
      added = (mask & ~(value ?? 0)).nonzeroBitCount
      if mask != 0 { value = (value ?? 0) | mask }
    }
    count += added
  }

  public mutating func formUnion(_ other: Self) { other.words.forEach { insert($1, word: $0) } }

  /// In ascending order, none touching the next.
  public var ranges: [Range<Int>] {
    var ranges: [Range<Int>] = []
    words.forEach { word, bits in
      var rest = bits
      while rest != 0 {
        let first = rest.trailingZeroBitCount
        let length = (~(rest >> UInt64(first))).trailingZeroBitCount
        let range = word << 6 + first..<word << 6 + first + length
        if let last = ranges.last, last.upperBound == range.lowerBound {
          ranges[ranges.count - 1] = last.lowerBound..<range.upperBound
        } else {
          ranges.append(range)
        }
        rest = first + length == 64 ? 0 : rest & ~UInt64(0) << UInt64(first + length)
      }
    }
    return ranges
  }
}

extension ClusterSet: Codable {
  /// Pairs: the first of a range, and how many.
  public func encode(to encoder: any Encoder) throws {
    var container = encoder.singleValueContainer()
    try container.encode(ranges.flatMap { [UInt64($0.lowerBound), UInt64($0.count)] })
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.singleValueContainer()
    guard let set = Self(pairs: try container.decode([UInt64].self), below: BlockDevice.maximumSize >> Cluster.shift) else {
      throw DecodingError.dataCorruptedError(in: container, debugDescription: "ranges of clusters out of order")
    }
    self = set
  }

  /// nil where a range is empty, begins before the end of the one before it, or reaches behind the last number.
  init?(pairs: [UInt64], below limit: Int) {
    guard pairs.count % 2 == 0 else { return nil }
    var end: UInt64 = 0
    for at in stride(from: 0, to: pairs.count, by: 2) {
      guard pairs[at] >= end, pairs[at] < UInt64(limit), pairs[at + 1] > 0, pairs[at + 1] <= UInt64(limit) - pairs[at] else {
        return nil
      }
      end = pairs[at] + pairs[at + 1]
      insert(Int(pairs[at])..<Int(end))
    }
  }
}
