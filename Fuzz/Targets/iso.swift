import WeftISO

/// Whatever the octets: a tree whose files lie in the image, by each kind of name, or an error at a place in it. What we can write
/// again reads as the same, and a seed for cloud-init as itself.
///
/// The descriptors begin at byte 32,768, before which nobody looks: the input is what stands from there on, after so many octets more
/// of the image's end as its first says, in sectors.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  let input = UnsafeBufferPointer(start: start, count: count)
  let behind = Int(input.first ?? 0) * 2048
  let image = [UInt8](repeating: 0, count: 32_768) + input.dropFirst() + [UInt8](repeating: 0, count: behind)
  for names in [nil, .rockRidge, .joliet, .plain] as [ISOVolume.Names?] {
    do throws(ISOError) {
      let volume = try ISOVolume(iso: image, names: names)
      precondition(volume.files.count < image.count / 33)
      precondition(volume.files.allSatisfy { $0.bytes.count <= image.count })
      // What others may, and we don't: names of our own that Joliet hasn't, and a tree too large for here.
      if volume.files.reduce(0, { $0 + $1.bytes.count }) < 1 << 20, let written = try? volume.iso() {
        let again = try ISOVolume(iso: written)
        precondition(again == volume, "our own image")
      }
      if let seed = try? CloudInitSeed(volume) {
        precondition(seed.metaData.utf8.count <= image.count && seed.instanceID.utf8.count <= image.count)
        precondition((seed.hostname?.utf8.count ?? 0) <= image.count)
      }
    } catch {
      precondition(!error.description.isEmpty)
      if case .damaged(_, let offset) = error { precondition((0...image.count).contains(offset)) }
    }
  }
  return 0
}
