import WeftSettings

/// Where VMs go, by what they need and hosts have: a function of nothing else. Equals go to the first.
public struct Placement: Sendable {
  /// Bytes that a VM has, and those of them that it uses.
  public struct Need: Sendable, ExpressibleByIntegerLiteral {
    public var memory: UInt64
    public var used: UInt64

    public init(_ memory: UInt64, used: UInt64) { (self.memory, self.used) = (memory, min(used, memory)) }
    public init(integerLiteral memory: UInt64) { self.init(memory, used: memory) }
  }

  public struct Room: Sendable {
    /// Bytes for VMs; as many as they need where nothing is said.
    public var memory: UInt64
    /// It takes from its VMs what they don't use (`Balloons`), so that only what they use has to fit.
    public var reclaims = false
    public var used: UInt64 = 0
    public var machines = 0

    public init(memory: UInt64?, reclaims: Bool = false) { (self.memory, self.reclaims) = (memory ?? .max, reclaims) }

    func taken(by need: Need) -> UInt64 { reclaims ? need.used : need.memory }

    var free: UInt64 { memory - min(memory, used) }
  }

  public private(set) var hosts: [Room]
  public let policy: PlacementPolicy

  public init(_ hosts: [Room], _ policy: PlacementPolicy) { (self.hosts, self.policy) = (hosts, policy) }

  /// Takes the room on a host.
  public mutating func place(_ need: Need, on host: Int) {
    hosts[host].used += hosts[host].taken(by: need)
    hosts[host].machines += 1
  }

  /// The host for one more, whose room it takes; nil where none of those that are allowed has enough.
  public mutating func place(_ need: Need, where isAllowed: (Int) -> Bool = { _ in true }) -> Int? {
    let fitting = hosts.indices.filter { isAllowed($0) && hosts[$0].free >= hosts[$0].taken(by: need) }
    let chosen: Int? =
      switch policy {
      case .firstFit: fitting.first
      case .bestFit: fitting.min { (hosts[$0].free, $0) < (hosts[$1].free, $1) }
      case .worstFit: fitting.max { (hosts[$0].free, $1) < (hosts[$1].free, $0) }
      case .spread: fitting.min { (hosts[$0].machines, $0) < (hosts[$1].machines, $1) }
      }
    if let chosen { place(need, on: chosen) }
    return chosen
  }

  /// All of them onto as few hosts as the policy finds, the largest first: of first-fit at most 11/9 of the fewest, and 1 more
  /// (Johnson 1973). Nil for one that finds no room.
  public static func consolidated(
    _ needs: [Need], on rooms: [Room], _ policy: PlacementPolicy, where isAllowed: (_ vm: Int, _ host: Int) -> Bool
  ) -> [Int?] {
    var open: Set<Int> = []
    var placement = Placement(rooms, policy)
    var places: [Int?] = Array(repeating: nil, count: needs.count)
    for vm in needs.indices.sorted(by: { (needs[$1].memory, $0) < (needs[$0].memory, $1) }) {
      // A host that has some already, before one that has none.
      let place =
        placement.place(needs[vm]) { open.contains($0) && isAllowed(vm, $0) }
        ?? placement.place(needs[vm]) { isAllowed(vm, $0) }
      if let place { open.insert(place) }
      places[vm] = place
    }
    return places
  }
}
