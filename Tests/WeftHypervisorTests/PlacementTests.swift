import Testing
import WeftCore
import WeftSettings

@testable import WeftHypervisor

/// Which host gets a VM.
@Suite struct PlacementTests {
  private static func placement(_ policy: PlacementPolicy) -> Placement {
    var placement = Placement([100, 60, 80].map { .init(memory: $0) }, policy)
    placement.place(50, on: 0)
    placement.place(10, on: 2)
    placement.place(5, on: 2)
    return placement
  }

  @Test(arguments: [(PlacementPolicy.firstFit, 0), (.bestFit, 0), (.worstFit, 2), (.spread, 1)])
  func eachPolicyHasItsOwnChoice(policy: PlacementPolicy, host: Int) {
    var placement = Self.placement(policy)
    #expect(placement.place(20) == host)
  }

  @Test func whatFitsNowhereGoesNowhere() {
    var placement = Self.placement(.firstFit)
    #expect(placement.place(70) == nil)
    #expect(placement.place(20) { $0 == 1 } == 1)
    #expect(placement.place(50) { $0 == 1 } == nil)
  }

  /// Against the fewest that brute force finds.
  @Test func firstFitTakesAtMostElevenNinthsOfTheFewestHosts() {
    var random = RandomStream(seed: 1, owner: "placement", purpose: "test")
    for _ in 0..<50 {
      let needs = (0..<7).map { _ in 10 + random.next(below: 60) }
      let rooms = (0..<7).map { _ in Placement.Room(memory: 100) }
      let places = Placement.consolidated(needs.map { .init($0, used: $0) }, on: rooms, .firstFit) { _, _ in true }
      let used = Set(places.compactMap(\.self)).count
      #expect(places.allSatisfy { $0 != nil })
      for host in 0..<7 {
        #expect(zip(needs, places).filter { $0.1 == host }.reduce(0) { $0 + $1.0 } <= 100)
      }
      let fewest = Self.fewest(needs)
      #expect(used * 9 <= fewest * 11 + 9, "\(used) of \(fewest) for \(needs)")
    }
  }

  private static func fewest(_ needs: [UInt64]) -> Int {
    var best = needs.count
    func go(_ index: Int, _ bins: [UInt64]) {
      guard bins.count < best else { return }
      guard index < needs.count else { return best = bins.count }
      for bin in bins.indices where bins[bin] + needs[index] <= 100 {
        var bins = bins
        bins[bin] += needs[index]
        go(index + 1, bins)
      }
      go(index + 1, bins + [needs[index]])
    }
    go(0, [])
    return best
  }

  @Test("Where a host takes what its VMs don't use, only what they use has to fit")
  func roomThatReclaims() {
    let idle = Placement.Need(80, used: 10)
    var placement = Placement([.init(memory: 100), .init(memory: 100, reclaims: true)], .firstFit)
    #expect((0..<9).map { _ in placement.place(idle) } == [0, 1, 1, 1, 1, 1, 1, 1, 1])
    #expect(placement.place(Placement.Need(80, used: 30)) == nil)
    let places = Placement.consolidated(
      [idle, idle, idle], on: [.init(memory: 100), .init(memory: 100, reclaims: true)], .firstFit
    ) { _, host in host == 1 }
    #expect(places == [1, 1, 1])
  }

  /// Three of 512 MiB on 1 GiB: 512 MiB have to be given back, by the idlest first.
  @Test func balloonsTakeWhatIsNotUsedOfTheIdlestFirst() {
    let mib: UInt64 = 1 << 20
    func machine(_ name: String, _ used: UInt64) -> Balloons.Machine { .init(name: name, memory: 512 * mib, used: used * mib) }
    let taken = Balloons.taken(from: [machine("c", 100), machine("b", 200), machine("a", 100)], toFit: 1024 * mib)
    #expect(taken == [100 * mib, 0, 412 * mib])
    #expect(Balloons.taken(from: [machine("a", 500), machine("b", 500), machine("c", 500)], toFit: 1024 * mib) == nil)
    #expect(Balloons.taken(from: [machine("a", 500)], toFit: 1024 * mib) == [0])
  }
}
