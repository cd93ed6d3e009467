import WeftDisk

/// Whatever the octets: files with names inside their folder, which written again are read to the same, or an error.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let archive = Array(UnsafeBufferPointer(start: start, count: count))
  do throws(Ustar.Problem) {
    let files = try Ustar.read(archive)
    precondition(files.reduce(0) { $0 + $1.bytes.count } <= count)
    if let summed = try? BundleArchive.read(archive) { precondition(summed.count + 1 == files.count) }
    let again = try Ustar.read(try Ustar.write(files))
    precondition(
      again.count == files.count && files.allSatisfy { file in again.contains { $0.name == file.name && $0.bytes == file.bytes } }
    )
  } catch { precondition(!error.description.isEmpty) }
  return 0
}
