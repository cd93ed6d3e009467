/// A seeded stream of random numbers: xoshiro256** (Blackman & Vigna 2018), its state filled by SplitMix64.
///
/// Every element and link has streams of its own, derived from the run's seed and its own identity, so that what one
/// draws never depends on what another drew before, on threads, or on the order of events elsewhere.
public struct RandomStream: RandomNumberGenerator, Sendable, Codable, Hashable {
  private var s0: UInt64
  private var s1: UInt64
  private var s2: UInt64
  private var s3: UInt64

  /// The stream named `purpose` of the owner named `owner` ("web/eth0", "loss").
  public init(seed: UInt64, owner: String, purpose: String) {
    // FNV-1a over the names: `Hasher` is seeded anew in each process.
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in owner.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    hash = (hash ^ 0xff) &* 0x0000_0100_0000_01b3
    for byte in purpose.utf8 { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    var state = seed ^ hash
    s0 = Self.splitMix(&state)
    s1 = Self.splitMix(&state)
    s2 = Self.splitMix(&state)
    s3 = Self.splitMix(&state)
  }

  /// What a machine draws from once it has heard that it was taken back or copied, for the nth time.
  public init(seed: UInt64, owner: String, generation: UInt32) {
    self.init(seed: seed, owner: owner, purpose: "guest, generation \(generation)")
  }

  private static func splitMix(_ state: inout UInt64) -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z >> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z >> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z >> 31)
  }

  public mutating func next() -> UInt64 {
    let product = s1 &* 5
    let result = ((product << 7) | (product >> 57)) &* 9
    let t = s1 << 17
    s2 ^= s0
    s3 ^= s1
    s1 ^= s2
    s0 ^= s3
    s2 ^= t
    s3 = (s3 << 45) | (s3 >> 19)
    return result
  }

  /// Uniform in 0..<bound by Lemire's multiplication; the bias is below bound / 2^64. Precondition: bound > 0.
  public mutating func next(below bound: UInt64) -> UInt64 {
    precondition(bound > 0)
    return next().multipliedFullWidth(by: bound).high
  }
}
