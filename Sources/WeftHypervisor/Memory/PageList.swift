/// Pages of one region, one behind the other.
public struct PageRun: Codable, Hashable, Sendable {
  public var region: UInt32
  public var first: UInt64
  public var count: UInt64

  public init(region: UInt32, _ range: Range<UInt64>) {
    (self.region, first, count) = (region, range.lowerBound, range.upperBound - range.lowerBound)
  }
}

/// Pages to be sent, in order: those with bytes, and those that are zero now.
public struct PageList: Codable, Sendable {
  private var runs: [PageRun] = []
  private var zeros: [PageRun] = []
  private var next = 0
  private var taken: UInt64 = 0

  public init() {}

  public mutating func append(_ run: PageRun) { if run.count > 0 { runs.append(run) } }
  public mutating func append(_ number: PageNumber) {
    if let last = runs.last, last.region == number.region, last.first + last.count == number.page {
      runs[runs.count - 1].count += 1
    } else {
      append(PageRun(region: number.region, number.page..<number.page + 1))
    }
  }
  public mutating func appendZeros(_ run: PageRun) { if run.count > 0 { zeros.append(run) } }
  public mutating func appendZero(_ number: PageNumber) {
    appendZeros(PageRun(region: number.region, number.page..<number.page + 1))
  }

  /// Those of regions beneath, and the rest. Precondition: none was taken.
  public func split(at region: UInt32) -> (beneath: PageList, rest: PageList) {
    var (beneath, rest) = (PageList(), PageList())
    for run in runs { if run.region < region { beneath.append(run) } else { rest.append(run) } }
    for run in zeros { beneath.appendZeros(run) }
    return (beneath, rest)
  }

  /// Pages with bytes, those taken included.
  public var count: UInt64 { runs.reduce(0) { $0 + $1.count } }
  public var zeroCount: UInt64 { zeros.reduce(0) { $0 + $1.count } }

  public mutating func takeNext() -> (number: PageNumber, isZero: Bool)? {
    let run = next < runs.count ? runs[next] : next - runs.count < zeros.count ? zeros[next - runs.count] : nil
    guard let run else { return nil }
    let isZero = next >= runs.count
    let number = PageNumber(region: run.region, run.first + taken)
    taken += 1
    if taken == run.count { (next, taken) = (next + 1, 0) }
    return (number, isZero)
  }

  /// What is left, without what was taken.
  public var left: UInt64 {
    let all = runs + zeros
    return all.dropFirst(next).reduce(0) { $0 + $1.count } - (next < all.count ? taken : 0)
  }

  /// Of a decoded one.
  public var isConsistent: Bool {
    let all = runs + zeros
    return next >= 0 && next <= all.count && (next < all.count ? taken < all[next].count : taken == 0)
      && all.allSatisfy { $0.first <= 1 << 39 && $0.count > 0 && $0.count <= 1 << 39 }
  }
}
