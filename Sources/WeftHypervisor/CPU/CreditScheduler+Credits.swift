// What is given out at the end of a period.
extension CreditScheduler {
  /// By weight among those that can use it; what one can't use is the others', and what can't be divided is for the next time.
  /// False where nobody wanted any.
  mutating func distribute() -> Bool {
    for index in groups.indices {
      if let allowance = groups[index].allowance { groups[index].left = min(groups[index].left, 0) + allowance }
    }
    var pool = Self.period * Int64(processors.count) + remainder
    var room = [Int64](repeating: 0, count: vcpus.count)
    var open: [ID] = []
    for id in vcpus.indices {
      room[id] = usable(id)
      if room[id] > 0 { open.append(id) }
    }
    let isWanted = !open.isEmpty
    while !open.isEmpty {
      let weights = open.reduce(0) { $0 + share(of: $1) }
      // Those whose part is more than they can use get what they can, and the rest is divided again.
      let full = open.filter { Self.part(pool, share(of: $0), weights) >= room[$0] }
      if full.isEmpty {
        var given: Int64 = 0
        for id in open {
          let part = Self.part(pool, share(of: id), weights)
          give(part, to: id)
          given += part
        }
        remainder = pool - given
        return true
      }
      for id in full {
        give(room[id], to: id)
        pool -= room[id]
      }
      open.removeAll { full.contains($0) }
    }
    // Nobody wants more: it is no one's.
    remainder = 0
    return isWanted
  }

  /// Of a machine's weight; 720,720 can be divided by all counts up to 16, and nearly by those above.
  private func share(of id: ID) -> Int64 { vcpus[id].weight * 720_720 / vcpus[id].sharedBy }

  private static func part(_ pool: Int64, _ weight: Int64, _ all: Int64) -> Int64 {
    let (high, low) = pool.multipliedFullWidth(by: weight)
    return all.dividingFullWidth((high, low)).quotient
  }

  private mutating func give(_ credit: Int64, to id: ID) {
    vcpus[id].credit += credit
    vcpus[id].given += credit
  }

  /// What can be used in a period: no more than the time that there is, and the cap. Who rests doesn't save up more than a
  /// period's; who waits isn't owed more than all others could owe.
  private func usable(_ id: ID) -> Int64 {
    let vcpu = vcpus[id]
    let limit: Int64
    switch vcpu.state {
    case .paused: return 0
    case .blocked: limit = Self.period
    case .ready, .running: limit = max(Self.period, Int64(clamping: settings.slice.rawValue)) * Int64(vcpus.count + 1)
    }
    let most = groups[vcpu.group].allowance.map { min(Self.period, $0 / vcpu.sharedBy) } ?? Self.period
    return max(0, min(most, limit - vcpu.credit))
  }
}
