import WeftCore

/// All that happened to all frames of a run, in one number: a change of the code that should change nothing is checked
/// against it, and one that should is seen to.
///
/// Each passage of a port is hashed with its moment, the port's name, the frame's bytes and what became of it, and the
/// hashes are added up: the order of what happens at one moment in different places doesn't show, nor do packet numbers.
/// Floods go frame by frame meanwhile, so that each of their passages is seen.
public struct Fingerprint: Hashable, Sendable, CustomStringConvertible {
  /// What a port saw of a frame.
  enum Passage {
    case arrived
    case left
    /// Where it had come in, or on its way out.
    case dropped(DropReason)
  }

  public private(set) var passages: UInt64 = 0
  public private(set) var sum: UInt64 = 0
  /// 0 of one that nobody has passed yet.
  private var portHashes: [UInt64] = []

  init() {}

  private static let offset: UInt64 = 0xcbf2_9ce4_8422_2325
  /// FNV-1a, 64 bits (RFC 9923).
  private static func mix(_ hash: UInt64, _ byte: UInt8) -> UInt64 { (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
  /// The finalizer of SplitMix64: so that sums of hashes don't cancel each other out.
  private static func spread(_ value: UInt64) -> UInt64 {
    var value = value
    value = (value ^ value &>> 30) &* 0xbf58_476d_1ce4_e5b9
    value = (value ^ value &>> 27) &* 0x94d0_49bb_1331_11eb
    return value ^ value &>> 31
  }

  mutating func add(_ passage: Passage, of bytes: RawSpan, at port: PortID, _ name: String, now: Instant) {
    while port.index >= portHashes.count { portHashes.append(0) }
    if portHashes[port.index] == 0 { portHashes[port.index] = name.utf8.reduce(Self.offset, Self.mix) }
    var hash = portHashes[port.index] &+ Self.spread(now.rawValue)
    var index = 0
    let count = bytes.byteCount
    while index &+ 8 <= count {
      hash = (hash ^ bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt64.self).littleEndian) &* 0x100_0000_01b3
      hash ^= hash &>> 29
      index &+= 8
    }
    while index < count {
      hash = Self.mix(hash, bytes.unsafeLoadUnaligned(fromUncheckedByteOffset: index, as: UInt8.self))
      index &+= 1
    }
    let verdict: UInt64 =
      switch passage {
      case .arrived: 1
      case .left: 2
      case .dropped(let reason): 3 + UInt64(reason.rawValue)
      }
    sum &+= Self.spread(hash ^ verdict &<< 48)
    passages &+= 1
  }

  /// `10342 passages 00f1c0de5eedf00d`
  public var description: String {
    let digits = String(sum, radix: 16)
    return "\(passages) passages \(String(repeating: "0", count: 16 - digits.count))\(digits)"
  }
}

extension Simulation {
  /// From the beginning of the run or of recording on; nil unless `recordFingerprint` was called.
  public var fingerprint: Fingerprint? { world.recorder.fingerprint }

  /// From now on every passage of a port is added up.
  public mutating func recordFingerprint() {
    world.floodsTogether = false
    world.dissolveLanes()
    world.recorder.fingerprint = Fingerprint()
  }
}
