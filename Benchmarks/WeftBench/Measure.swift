import CMallocCount

/// One figure of the benchmark.
struct Figure: Codable {
  var name: String
  /// The median of the runs.
  var value: Double
  var unit: String
  var minimum: Double
  var maximum: Double
  var runs: Int
  /// performance.md's goal for it, if there is one; a rate is to be above it, all else below.
  var goal: Double?
  var isRate: Bool

  /// Takes off what isn't the measured thing's own.
  mutating func subtract(_ other: Double) {
    value -= other
    minimum -= other
    maximum -= other
  }
}

enum Measure {
  /// Nanoseconds that `body` takes for each of `count` operations: the median of `runs`, after one that isn't counted.
  static func nanosecondsPer(
    _ name: String, count: Int, runs: Int = 7, goal: Double? = nil, _ body: () -> Void
  ) -> Figure {
    body()
    let clock = ContinuousClock()
    let times = (0..<runs).map { _ in nanoseconds(clock.measure(body)) / Double(count) }
    return figure(name, times, "ns", goal: goal, isRate: false)
  }

  /// Values that the body works out itself.
  static func values(
    _ name: String, unit: String, runs: Int = 5, goal: Double? = nil, isRate: Bool = false, _ body: () -> Double
  ) -> Figure {
    _ = body()
    return figure(name, (0..<runs).map { _ in body() }, unit, goal: goal, isRate: isRate)
  }

  static func figure(_ name: String, _ values: [Double], _ unit: String, goal: Double?, isRate: Bool) -> Figure {
    let sorted = values.sorted()
    return Figure(
      name: name, value: sorted[sorted.count / 2], unit: unit, minimum: sorted[0], maximum: sorted[sorted.count - 1],
      runs: sorted.count, goal: goal, isRate: isRate)
  }

  static func nanoseconds(_ duration: Duration) -> Double {
    let (seconds, attoseconds) = duration.components
    return Double(seconds) * 1e9 + Double(attoseconds) / 1e9
  }

  static var allocations: UInt64 { weft_malloc_count() }
  static var heapInUse: UInt64 { weft_malloc_in_use() }
}
