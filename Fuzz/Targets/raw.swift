import WeftDisk

/// Whatever the octets: a raw disk has them, zeros behind them up to a whole sector, and comes back from its own files as itself.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let file = Array(UnsafeBufferPointer(start: start, count: count))
  do throws(DiskImageError) {
    let disk = try BlockDevice(raw: file)
    precondition(disk.raw.starts(with: file) && disk.raw.dropFirst(count).allSatisfy { $0 == 0 } && disk.size - count < 512)
    let again = try BlockDevice(image: disk.qcow2, named: "again")
    precondition(again.contentHash == disk.contentHash)
  } catch { precondition(count == 0 && !error.description.isEmpty) }
  return 0
}
