import WeftCore
import WeftDisk
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
  /// Or its disks alone.
  var hasMemory = true
  /// Its disks' medium has failed.
  var isLost = false
  /// It came from a store.
  var isOfAnotherRun = false

  /// Leaves its disks, as they are seen from outside at that moment, of a machine that is off.
  mutating func forgetMemory(now: Instant) {
    hasMemory = false
    guest.drives = guest.drives.settled(now: vm.guestTime(now))
    guest.powerOff()
    for index in interfaces.indices { interfaces[index].reset() }
    plugged = []
    if vm.state != .stopped { try? vm.perform(.stop, now: now) }
  }
}

extension Machine {
  /// Whether a decoded guest and its devices go together.
  static func fit(_ guest: Guest, _ interfaces: [NetworkInterface], plugged: [Int], _ work: Apart<GuestWork>?) -> Bool {
    guest.stack.configuration.interfaces.count == interfaces.count && guest.isConsistent(outside: ProbeTable.owns)
      && plugged.allSatisfy(interfaces.indices.contains)
      && work?.value.isConsistent(rings: interfaces.map(\.waitingToReceive)) ?? true
  }
}

extension GuestMemory {
  /// All that a VM knows: its guest, and the rings of its interfaces. How far its clock is behind the world's it doesn't know.
  /// - Parameter now: by its own clock.
  init(of guest: Guest, _ interfaces: [NetworkInterface], _ work: Apart<GuestWork>?, at now: Instant) throws {
    self.init()
    var guest = guest
    // What is on disks and discs is no memory.
    guest.stack.storage?.value.drive = nil
    guest.drives = Drives()
    for (index, interface) in interfaces.enumerated() {
      add(try ImageEncoder().encode(interface.rings), region: UInt32(index))
    }
    if let work { add(try ImageEncoder().encode(work.value.postedRings), region: (1 << 10) - 1) }
    // Interfaces come and go; a region's number stays.
    try guest.forEachPart { part, value in add(try Self.encode(value), region: 1 << 10 + part) }
    for (program, set) in guest.workingSets(at: now) { add(set, program: program) }
  }

  private static func encode(_ value: any Encodable) throws -> [UInt8] {
    func encoded<T: Encodable>(_ value: T) throws -> [UInt8] { try ImageEncoder().encode(value) }
    return try encoded(value)
  }
}

extension Machine {
  /// Its memory as it is.
  func memory(at now: Instant) throws -> GuestMemory {
    try GuestMemory(of: guest, interfaces, work, at: vm?.guestTime(now) ?? now)
  }
}

extension Snapshot {
  var memory: GuestMemory { get throws { try GuestMemory(of: guest, interfaces, work, at: vm.guestTime(takenAt)) } }
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

  /// Those of another run, beneath the machine's own; one whose parent isn't here has none.
  mutating func load(_ others: [Snapshot]) {
    all = others.filter { other in !all.contains { $0.name == other.name } } + all
    let names = Set(all.map(\.name))
    for index in all.indices where all[index].isOfAnotherRun && !(all[index].parent.map(names.contains) ?? true) {
      all[index].parent = nil
    }
  }

  /// The medium of the disks that they are on has failed.
  mutating func loseDisks(in pool: PoolName) {
    for index in all.indices where all[index].guest.drives.all.contains(where: { $0.pool == pool }) { all[index].isLost = true }
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
