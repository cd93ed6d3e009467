import WeftCore
import WeftDisk
import WeftHypervisor

extension Machine {
  /// What it goes on from elsewhere. What waits to go out isn't part of it: it leaves here, or is lost as on a cable.
  func epochValue(_ name: String, now: Instant) -> Snapshot? {
    guard let vm else { return nil }
    var value = Snapshot(name: name, vm: vm, takenAt: now, interfaces: interfaces, guest: guest, plugged: plugged, work: work)
    let own = vm.guestTime(now)
    for index in value.guest.drives.all.indices { value.guest.drives[index].advance(to: own) }
    for index in value.interfaces.indices { value.interfaces[index].forgetTransmissions() }
    return value
  }

  mutating func markEpoch(next: UInt64, now: Instant) {
    for port in interfaces.indices where interfaces[port].transmitCapacity > 0 {
      interfaces[port].markEpoch(next: next, now: now)
    }
  }

  /// How many frames it let go, and how long they waited in all.
  mutating func releaseEpoch(now: Instant) -> (frames: UInt64, time: Nanoseconds) {
    var (frames, time): (UInt64, Nanoseconds) = (0, .zero)
    for port in interfaces.indices {
      let released = interfaces[port].releaseEpoch(now: now)
      frames += released.frames
      time = time + released.time
    }
    if frames > 0 { retryAt = now }
    return (frames, time)
  }

  /// Nobody takes its epochs any more.
  mutating func openGates(now: Instant) {
    for port in interfaces.indices {
      interfaces[port].openGate()
      if interfaces[port].waitingToTransmit > 0 { retryAt = now }
    }
  }
}

extension Drives {
  /// What differs from disks of the same names and sizes.
  func writes(since past: Drives) -> [DiskWrite] {
    zip(all, past.all).enumerated().flatMap { index, drives in
      drives.0.device.changes(since: drives.1.device).map { DiskWrite(disk: index, offset: $0.offset, bytes: $0.bytes) }
    }
  }
}
