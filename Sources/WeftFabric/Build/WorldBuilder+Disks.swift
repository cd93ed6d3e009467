import WeftDisk
import WeftSettings
import WeftTopology

extension WorldBuilder {
  /// Empty disks, as the file declares them.
  func drives(of vm: VM) -> Drives {
    guard !vm.disks.isEmpty else { return Drives() }
    return Drives(
      vm.disks.map { disk in
        guard let device = try? BlockDevice(size: disk.size, name: disk.name, cache: CacheMode(disk)) else {
          preconditionFailure("a disk of \(disk.size) bytes")
        }
        return Drive(
          name: disk.name, device, rate: disk.rate.map { max(1, $0 / 8) }, owner: vm.name, seed: seed)
      })
  }
}

extension CacheMode {
  init(_ disk: DiskSettings) {
    switch (disk.cache, disk.flush) {
    case (.writeThrough, _): self = .writeThrough
    case (.writeBack, .honoured): self = .writeBack
    case (.writeBack, .ignored): self = .flushIgnored
    }
  }
}
