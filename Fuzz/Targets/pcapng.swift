import WeftCapture

/// Whatever the octets: blocks or an error, and the block at hand read again after an error fails the same way.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var reader = PcapngReader(Array(UnsafeBufferPointer(start: start, count: count)))
  do throws(PcapngError) {
    while let block = try reader.next() {
      if case .packet(let packet) = block {
        for comment in packet.comments { roundTrip(comment) }
        precondition(packet.bytes.count <= count && packet.frameNumber == reader.packetCount)
      }
    }
    precondition(reader.offset == count)
  } catch {
    precondition(error.offset <= count && reader.offset <= error.offset)
    let again = reader.offset
    do throws(PcapngError) {
      _ = try reader.next()
      preconditionFailure("an error went away")
    } catch let second {
      precondition(second == error && reader.offset == again)
    }
  }
  return 0
}

/// A comment that reads as ours is written in one way, which reads as the same.
func roundTrip(_ comment: String) {
  guard let known = FabricComment(comment) else { return }
  precondition(FabricComment(known.description) == known)
}
