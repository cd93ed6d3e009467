import WeftCore

/// The disks of a machine, in the order of its file.
public struct Drives: Sendable, Codable {
  public private(set) var all: [Drive]

  public init(_ all: [Drive] = []) { self.all = all }

  public var isEmpty: Bool { all.isEmpty }

  public func index(of name: String) -> Int? { all.firstIndex { $0.name == name } }

  public subscript(_ index: Int) -> Drive {
    get { all[index] }
    _modify { yield &all[index] }
  }

  public subscript(_ name: String) -> Drive? { index(of: name).map { all[$0] } }

  public mutating func powerCut(now: Instant, at: Instant) {
    for index in all.indices { all[index].powerCut(now: now, at: at) }
  }

  public mutating func settle() { for index in all.indices { all[index].settle() } }

  /// Each as the hypervisor sees it from outside, and nothing under way.
  public func settled(now: Instant) -> Drives {
    Drives(
      all.map { drive in
        var copy = drive
        copy.replace(with: drive.contents(now: now), pool: drive.pool)
        if drive.isLost { copy.lose() }
        return copy
      })
  }

  /// As a snapshot has them. Precondition: of the same names and sizes.
  public mutating func revert(to past: Drives) {
    for (index, drive) in past.all.enumerated() where all.indices.contains(index) { all[index].revert(to: drive) }
  }

  /// Of decoded ones.
  public var isConsistent: Bool { Set(all.map(\.name)).count == all.count && all.allSatisfy(\.isConsistent) }

  /// Whether a snapshot of these can be gone back to.
  public func fit(_ other: Drives) -> Bool {
    all.map(\.name) == other.all.map(\.name) && all.map(\.size) == other.all.map(\.size)
  }
}
