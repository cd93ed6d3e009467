import WeftCore
import WeftDisk
import WeftFabric
import WeftStorage

/// Whatever the octets are as a manifest, a chunk or a snapshot's machine: an error, or something that can be listed and put together.
///
/// The first octet says which file of the store they are.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let input = Array(UnsafeBufferPointer(start: start, count: count))
  guard let kind = input.first else { return 0 }
  let bytes = Array(input.dropFirst())
  // A fuzzer can't guess a SHA-256: it is put right, one time in two.
  let manifest = kind & 1 == 0 ? bytes : Array("weft-store 1 \(ChunkID(of: bytes))\n".utf8) + bytes
  let id = ChunkID(of: bytes)
  let path = [
    "/s/backups/h/p/web-1.json", "/s/snapshots/web/a.json",
    "/s/objects/\(id.description.prefix(2))/\(id.description.dropFirst(2))",
  ]
  let place = Int(kind >> 1) % path.count
  let store = Store(reading: "/s", OneFile(path: path[place], bytes: place == 2 ? bytes : manifest))
  do throws(StoreError) {
    if place == 2 {
      let chunk = try store.chunk(id)
      precondition(chunk == bytes)
    }
    for item in try store.backups() {
      guard case .success(let backup) = item.result else { continue }
      for disk in backup.point.disks where disk.size < 1 << 24 { _ = try? store.contents(of: disk) }
    }
    for item in try store.snapshots() {
      guard case .success(let snapshot) = item.result else { continue }
      precondition(snapshot.isConsistent && snapshot.chunks.count >= 0 && snapshot.memory?.pageCount ?? 0 >= 0)
      for disk in snapshot.disks where disk.size < 1 << 24 { _ = try? store.contents(of: disk) }
    }
  } catch { precondition(!error.description.isEmpty) }
  return 0
}

/// One file, in folders above it.
struct OneFile: StoreFiles {
  let path: String
  let bytes: [UInt8]

  func makeFolder(_ path: String) {}
  func create(_ path: String) -> Bool { false }
  func append(_ bytes: ArraySlice<UInt8>, to path: String) {}
  func sync(_ path: String) {}
  func syncFolder(_ path: String) {}
  func rename(_ path: String, to other: String) {}
  func remove(_ path: String) {}
  func list(_ folder: String) -> [String] {
    guard path.hasPrefix(folder + "/") else { return [] }
    return [String(path.dropFirst(folder.count + 1).prefix { $0 != "/" })]
  }
  func read(_ path: String) -> [UInt8]? { path == self.path ? bytes : nil }
}
