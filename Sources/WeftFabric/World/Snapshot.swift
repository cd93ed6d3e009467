import WeftCore
import WeftGuest
import WeftHypervisor
import WeftImage
import WeftProbes

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

  /// Of a decoded one.
  var isConsistent: Bool {
    guest.stack.configuration.interfaces.count == interfaces.count && guest.isConsistent(outside: ProbeTable.owns)
      && plugged.allSatisfy(interfaces.indices.contains)
  }
}

/// All that a VM knows, as bytes: its guest, and the rings of its interfaces. How far its clock is behind the world's it doesn't know.
struct MachineMemory: Encodable {
  private var guest: Guest
  private var rings: [[FrameQueue]]

  init(_ guest: Guest, _ interfaces: [NetworkInterface]) {
    self.guest = guest
    self.guest.stack.lag = .zero
    rings = interfaces.map(\.rings)
  }

  var bytes: [UInt8] { get throws { try ImageEncoder().encode(self) } }
}

/// A VM's snapshots by name: each goes back to the one that the machine came from when it was taken.
struct SnapshotTree: Codable {
  private var names: [String] = []
  private var snapshots: [Snapshot] = []
  /// What the machine has gone on from.
  var current: String?

  /// Of a decoded one.
  var isConsistent: Bool {
    names.count == snapshots.count && Set(names).count == names.count && snapshots.allSatisfy(\.isConsistent)
      && (snapshots.map(\.parent) + [current]).allSatisfy { $0.map(names.contains) ?? true }
  }

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
