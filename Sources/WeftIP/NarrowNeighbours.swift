import WeftWire

/// Neighbours on one link whose own cables take less than the link does. Who is on a link knows what the others' cables
/// take, as it knows the MTU of its own: a machine cuts its segments and datagrams to that, a router says so (RFC 1191, 4).
public struct NarrowNeighbours: Codable, Sendable, Hashable {
  struct Entry: Codable, Sendable, Hashable {
    var address: UInt32
    var mtu: UInt16
  }

  /// By address; nearly always empty.
  private var entries: [Entry] = []

  public init() {}

  /// Of one address with several the least counts.
  public init(_ neighbours: [(address: IPv4Address, mtu: UInt16)]) {
    for (address, mtu) in neighbours.sorted(by: { ($0.address.rawValue, $0.mtu) < ($1.address.rawValue, $1.mtu) })
    where entries.last?.address != address.rawValue {
      entries.append(Entry(address: address.rawValue, mtu: mtu))
    }
  }

  /// The least of all; nil where there are none.
  public var least: UInt16? { entries.map(\.mtu).min() }

  /// What may be sent to a neighbour over a link of `mtu`.
  @inline(__always)
  public func mtu(to neighbour: IPv4Address, _ mtu: Int) -> Int {
    entries.isEmpty ? mtu : min(mtu, find(neighbour.rawValue) ?? mtu)
  }

  private func find(_ address: UInt32) -> Int? {
    var (low, high) = (0, entries.count)
    while low < high {
      let middle = (low + high) / 2
      if entries[middle].address < address { low = middle + 1 } else { high = middle }
    }
    return low < entries.count && entries[low].address == address ? Int(entries[low].mtu) : nil
  }

  /// Of a decoded one.
  public var isConsistent: Bool {
    zip(entries, entries.dropFirst()).allSatisfy { $0.address < $1.address } && entries.allSatisfy { $0.mtu >= 68 }
  }
}
