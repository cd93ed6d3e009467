/// Memory that guests give back to their host: pages that they don't use.
public enum Balloons {
  public struct Machine: Sendable {
    public var name: String
    /// Bytes.
    public var memory: UInt64
    public var used: UInt64

    public init(name: String, memory: UInt64, used: UInt64) {
      (self.name, self.memory, self.used) = (name, memory, min(used, memory))
    }

    var free: UInt64 { memory - used }
  }

  /// How much each gives, so that all fit: of the one that uses the least of its memory first, of equals by name, and no more than
  /// it doesn't use. Nil where that isn't enough.
  public static func taken(from machines: [Machine], toFit host: UInt64) -> [UInt64]? {
    let all = machines.reduce(UInt64(0)) { $0 + $1.memory }
    var missing = all - min(all, host)
    var taken = [UInt64](repeating: 0, count: machines.count)
    let order = machines.indices.sorted { a, b in
      let (one, other) = (machines[a], machines[b])
      let (left, right) = (one.used.multipliedFullWidth(by: other.memory), other.used.multipliedFullWidth(by: one.memory))
      return left == right ? one.name < other.name : (left.high, left.low) < (right.high, right.low)
    }
    for index in order where missing > 0 {
      taken[index] = min(missing, machines[index].free)
      missing -= taken[index]
    }
    return missing == 0 ? taken : nil
  }
}
