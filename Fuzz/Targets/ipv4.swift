import WeftWire

func touchAll(_ view: borrowing IPv4View) {
  touch(view.headerLength)
  touch(view.typeOfService)
  touch(view.totalLength)
  touch(view.identification)
  touch(view.dontFragment)
  touch(view.moreFragments)
  touch(view.fragmentOffset)
  touch(view.isFragment)
  touch(view.timeToLive)
  touch(view.protocol.rawValue)
  touch(view.checksum)
  touch(view.source.rawValue)
  touch(view.destination.rawValue)
  touch(view.hasValidChecksum)
  touch(view.options)
  touch(view.payload)
  touch(view.pseudoHeader)
  touch(IPv4Option.areWellFormed(view.options))
  touch(IPv4Option.hasSourceRoute(view.options))
}

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzIPv4(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  fuzz(start, count) { bytes in
    if let quoted = IPv4View(quoted: bytes) { touchAll(quoted) }
    guard let view = IPv4View(bytes) else { return }
    touchAll(view)
    // The fuzzer can't guess checksums: give the header the right one, and the value must survive a round trip.
    var fixed = view.bytes.array
    let headerLength = view.headerLength
    fixed[10] = 0
    fixed[11] = 0
    let sum = InternetChecksum.checksum(fixed.span.bytes.extracting(first: headerLength))
    fixed[10] = UInt8(sum >> 8)
    fixed[11] = UInt8(sum & 255)
    guard let right = IPv4View(fixed.span.bytes) else { preconditionFailure() }
    precondition(right.hasValidChecksum)
    guard let header = IPv4Header(right) else { return }
    let payload = right.payload.byteCount
    let again = written(header.length + payload) { header.write(to: &$0, payloadLength: payload) }
    guard let second = IPv4View(again.span.bytes) else { preconditionFailure() }
    precondition(IPv4Header(second) == header)
  }
  return 0
}
