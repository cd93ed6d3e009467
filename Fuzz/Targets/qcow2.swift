import WeftDisk

/// Whatever the octets: a disk that can be used, written again and read to the same, or an error at a place in the file.
///
/// The input is a file; its backing file, if it names one, is itself under another name, as often as it likes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let file = Array(UnsafeBufferPointer(start: start, count: count))
  var opened = 0
  do throws(DiskImageError) {
    var disk = try BlockDevice(qcow2: file, named: "0", memory: 4 << 20) { _ in
      opened += 1
      return opened < 4 ? file : nil
    }
    precondition(disk.usedBytes <= 4 << 20 && disk.clusterCount > 0)
    use(&disk)
  } catch {
    precondition(!error.description.isEmpty)
    if case .damaged(_, let offset) = error.problem { precondition((0...count).contains(offset)) }
  }
  return 0
}

func use(_ disk: inout BlockDevice) {
  let last = disk.size - 512
  guard let end = try? disk.read(at: last, count: 512), let _ = try? disk.read(at: 0, count: min(disk.size, 100_000)) else {
    fatalError("a disk that can't be read")
  }
  precondition(disk.extents.reduce(0) { $0 + $1.count } == disk.size)
  // Tables of a large disk are large.
  guard disk.size < 1 << 32 else { return }
  let before = disk
  let written = disk.qcow2
  do throws(DiskImageError) {
    let again = try BlockDevice(qcow2: written, named: "again")
    precondition(again.changedClusters(since: disk).isEmpty && again.bitmaps == disk.bitmaps)
  } catch { fatalError("our own file: \(error)") }
  do throws(DiskError) {
    try disk.write(end.map { ~$0 }, at: last)
    disk.addOverlay(named: "over")
    try disk.write(end, at: last)
    while disk.layers.count > 1 { try disk.merge(layer: 1) }
  } catch { fatalError("\(error)") }
  precondition(disk.changedClusters(since: before).isEmpty)
}
