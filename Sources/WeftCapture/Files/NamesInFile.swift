import WeftCore
import WeftWire

/// The names of a run by address.
struct CaptureNames: Sendable {
  let entries: [CaptureMetadata.HostName]
  /// Into `entries`: where an address's names begin. They lie together.
  private var firsts: [UInt32: Int32]

  init(_ names: [CaptureMetadata.HostName]) {
    // Stable: names of one address stay in their order.
    let order = names.indices.sorted { (names[$0].address, $0) < (names[$1].address, $1) }
    entries = order.map { names[$0] }
    firsts = [:]
    firsts.reserveCapacity(entries.count)
    for index in entries.indices.reversed() { firsts[entries[index].address.rawValue] = Int32(index) }
  }

  var isEmpty: Bool { entries.isEmpty }
  func has(_ address: UInt32) -> Bool { firsts[address] != nil }

  func names(of address: UInt32) -> ArraySlice<CaptureMetadata.HostName> {
    guard let first = firsts[address].map(Int.init) else { return [] }
    var end = first
    while end < entries.count, entries[end].address.rawValue == address { end += 1 }
    return entries[first..<end]
  }
}

/// Which addresses a file has named already: a file names those that occur in it, before the first frame that has them,
/// for readers go through it once.
struct NamesInFile: Sendable {
  /// In the order in which they came.
  private(set) var named: [UInt32] = []
  private var known: Set<UInt32> = []
  /// Seen lately, named or without a name: most frames are of the same few.
  private var recent = SIMD4<UInt32>(repeating: 0)
  private var next = 0

  init() {}

  init(_ named: [UInt32]) {
    self.named = named
    known = Set(named)
  }

  @inline(__always)
  func isRecent(_ address: UInt32) -> Bool { any(recent .== SIMD4(repeating: address)) }

  /// Whether the address is to be named now.
  mutating func isNew(_ address: UInt32, _ names: CaptureNames) -> Bool {
    recent[next & 3] = address
    next &+= 1
    guard names.has(address), known.insert(address).inserted else { return false }
    named.append(address)
    return true
  }
}

/// The IPv4 addresses that a reader of a frame sees: of the packet, of the one that an ICMP error quotes, of ARP.
struct FrameAddresses {
  private(set) var first: UInt32 = 0
  private(set) var second: UInt32 = 0
  /// Of a quoted packet; 0 without one.
  private(set) var third: UInt32 = 0
  private(set) var fourth: UInt32 = 0

  @inline(__always)
  init(_ bytes: UnsafeRawBufferPointer) {
    guard bytes.count >= 34 else { return }
    func half(_ at: Int) -> UInt16 { UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt16.self)) }
    func word(_ at: Int) -> UInt32 { UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt32.self)) }
    // Behind an 802.1Q tag, if there is one.
    let tag = half(12) == EtherType.vlan.rawValue ? 4 : 0
    guard bytes.count >= 34 + tag else { return }
    switch half(12 + tag) {
    case EtherType.ipv4.rawValue:
      first = word(26 + tag)
      second = word(30 + tag)
      guard bytes[23 + tag] == IPProtocol.icmp.rawValue else { return }
      let quoted = 14 + tag + Int(bytes[14 + tag] & 15) * 4 + 8
      // An error about a packet (RFC 792): its header is quoted.
      guard bytes.count >= quoted + 20, [3, 4, 5, 11, 12].contains(bytes[quoted - 8]) else { return }
      third = word(quoted + 12)
      fourth = word(quoted + 16)
    case EtherType.arp.rawValue where bytes.count >= 42 + tag:
      first = word(28 + tag)
      second = word(38 + tag)
    default: break
    }
  }
}
