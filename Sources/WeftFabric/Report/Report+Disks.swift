import WeftCore
import WeftDisk
import WeftProbes
import WeftSettings

extension Report {
  /// A disk of a VM at the end.
  public struct Disk: Codable, Sendable {
    public var name: String
    /// Bytes.
    public var size: Int
    /// Of clusters that hold something, in bytes.
    public var used: Int
    public var isLost: Bool
    public var bytesRead: UInt64
    public var bytesWritten: UInt64
    public var flushes: UInt64
    /// The last time that its machine lost its power while it had something to lose.
    public var cut: Drive.Cut?
  }

  static func diskLines(_ machine: Machine) -> [String] {
    machine.disks.map { disk in
      var text = "\(machine.name)/\(disk.name): "
      if disk.isLost { return text + "lost with its medium" }
      text += "\(Figures.size(UInt64(disk.size))), used \(Figures.size(UInt64(disk.used)))"
      if let cut = disk.cut { text += "; cut at \(cut.at) with \(cut.unflushed) sectors un-flushed, \(cut.kept) kept" }
      return text
    }
  }
}

extension World {
  func disks(of machine: Machine) -> [Report.Disk] {
    machine.guest.drives.all.map { drive in
      var used = 0
      drive.device.forEachCluster { _, _ in used += BlockDevice.clusterSize }
      return Report.Disk(
        name: drive.name, size: drive.size, used: used, isLost: drive.isLost, bytesRead: drive.bytesRead,
        bytesWritten: drive.bytesWritten, flushes: drive.flushes, cut: drive.lastCut)
    }
  }
}
