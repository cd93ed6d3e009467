import WeftCore
import WeftGuest
import WeftHypervisor
import WeftImage

/// A VM at a moment: its memory, which is its guest and the rings of its interfaces, and its devices' registers.
struct Snapshot: Codable {
  var vm: VirtualMachine
  var takenAt: Instant
  var interfaces: [NetworkInterface]
  var guest: Guest
  /// See `Machine.plugged`.
  var plugged: [Int]
  /// The one that the machine was at before; nil of the first.
  var parent: String?
}

extension Guest {
  /// All that it knows, as bytes. How far its clock is behind the world's it doesn't know.
  func memory() throws -> [UInt8] {
    var guest = self
    guest.stack.lag = .zero
    return try ImageEncoder().encode(guest)
  }
}

/// A VM's snapshots by name: each goes back to the one that the machine came from when it was taken.
struct SnapshotTree: Codable {
  private var names: [String] = []
  private var snapshots: [Snapshot] = []
  /// What the machine has gone on from.
  var current: String?

  /// In the order in which they were taken.
  var all: [(name: String, snapshot: Snapshot)] { Array(zip(names, snapshots)).map { ($0.0, $0.1) } }

  subscript(_ name: String) -> Snapshot? { names.firstIndex(of: name).map { snapshots[$0] } }

  /// Precondition: the name is free.
  mutating func add(_ name: String, _ snapshot: Snapshot) {
    var snapshot = snapshot
    snapshot.parent = current
    names.append(name)
    snapshots.append(snapshot)
    current = name
  }

  /// Those that came from it come from its parent then; false where it isn't there.
  mutating func remove(_ name: String) -> Bool {
    guard let place = names.firstIndex(of: name) else { return false }
    let parent = snapshots[place].parent
    names.remove(at: place)
    snapshots.remove(at: place)
    for index in snapshots.indices where snapshots[index].parent == name { snapshots[index].parent = parent }
    if current == name { current = parent }
    return true
  }
}
