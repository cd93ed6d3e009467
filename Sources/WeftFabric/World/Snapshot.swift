import WeftCore
import WeftGuest
import WeftHypervisor
import WeftImage
import WeftProbes

/// A VM at a moment: its memory, which is its guest and the rings of its interfaces, and its devices' registers.
struct Snapshot: Codable {
  let name: String
  var vm: VirtualMachine
  var takenAt: Instant
  var interfaces: [NetworkInterface]
  var guest: Guest
  /// See `Machine.plugged`.
  var plugged: [Int]
  /// See `Machine.work`.
  var work: Apart<GuestWork>?
  /// The one that the machine was at before; nil of the first.
  var parent: String?

}

extension Machine {
  /// Whether a decoded guest and its devices go together.
  static func fit(_ guest: Guest, _ interfaces: [NetworkInterface], plugged: [Int], _ work: Apart<GuestWork>?) -> Bool {
    guest.stack.configuration.interfaces.count == interfaces.count && guest.isConsistent(outside: ProbeTable.owns)
      && plugged.allSatisfy(interfaces.indices.contains)
      && work?.value.isConsistent(rings: interfaces.map(\.waitingToReceive)) ?? true
  }
}

/// All that a VM knows, as bytes: its guest, and the rings of its interfaces. How far its clock is behind the world's it doesn't know.
struct MachineMemory: Encodable {
  private var guest: Guest
  private var rings: [[FrameQueue]]

  init(_ guest: Guest, _ interfaces: [NetworkInterface], _ work: Apart<GuestWork>? = nil) {
    self.guest = guest
    self.guest.stack.lag = .zero
    rings = interfaces.map(\.rings)
    if let work { rings.append(work.value.postedRings) }
  }

  var bytes: [UInt8] { get throws { try ImageEncoder().encode(self) } }
}

/// A VM's snapshots by name: each goes back to the one that the machine came from when it was taken.
struct SnapshotTree: Codable {
  /// In the order in which they were taken.
  private(set) var all: [Snapshot] = []
  /// What the machine has gone on from.
  var current: String?

  /// Of a decoded one.
  var isConsistent: Bool {
    let names = Set(all.map(\.name))
    return names.count == all.count && all.allSatisfy { Machine.fit($0.guest, $0.interfaces, plugged: $0.plugged, $0.work) }
      && (all.map(\.parent) + [current]).allSatisfy { $0.map(names.contains) ?? true }
  }

  subscript(_ name: String) -> Snapshot? { all.first { $0.name == name } }

  /// Precondition: its name is free.
  mutating func add(_ snapshot: Snapshot) {
    all.append(snapshot)
    all[all.count - 1].parent = current
    current = snapshot.name
  }

  /// Those that came from it come from its parent then; false where it isn't there.
  mutating func remove(_ name: String) -> Bool {
    guard let place = all.firstIndex(where: { $0.name == name }) else { return false }
    let parent = all.remove(at: place).parent
    for index in all.indices where all[index].parent == name { all[index].parent = parent }
    if current == name { current = parent }
    return true
  }
}
