import WeftDisk
import WeftSettings
import WeftTopology

extension Drives {
  /// Disks as the file declares them: empty, or over the image that they begin with.
  init(of vm: VM, _ images: DiskImages, seed: UInt64) {
    self.init(
      vm.disks.map { disk in
        guard var device = try? BlockDevice(size: disk.size, name: disk.name, cache: CacheMode(disk)) else {
          preconditionFailure("a disk of \(disk.size) bytes")
        }
        if let image = disk.image.flatMap({ images[$0] }),
          var larger = try? image.enlarged(to: disk.size, cache: CacheMode(disk))
        {
          larger.addOverlay(named: disk.name)
          device = larger
        }
        return Drive(
          name: disk.name, device, pool: disk.pool.map { PoolName(host: vm.host, name: $0) },
          rate: disk.rate.map { max(1, $0 / 8) }, owner: vm.name, seed: seed)
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
