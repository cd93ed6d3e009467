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
      return Report.Disk(
        name: drive.name, size: drive.size, used: drive.device.heldBytes, isLost: drive.isLost, bytesRead: drive.bytesRead,
        bytesWritten: drive.bytesWritten, flushes: drive.flushes, cut: drive.lastCut)
    }
  }
}

extension BackupResult {
  /// `backup web#2: 2 clusters of 147, frozen 3.1 ms, verified`
  public var text: String {
    var text = "backup \(name): "
    if let failure { return text + "failed: \(failure)" }
    text +=
      "\(copied) cluster\(copied == 1 ? "" : "s") of \(clusters), \(isQuiesced ? "frozen \(frozen)" : "not quiesced"), verified"
    if let end { text += "; \(end)" }
    return text
  }
}
