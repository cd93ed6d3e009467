import WeftWire

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzICMP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  fuzz(start, count) { bytes in
    guard let view = ICMPv4View(bytes) else { return precondition(count < 8) }
    touch(view.type.rawValue)
    touch(view.type.isError)
    touch(view.code)
    touch(view.checksum)
    touch(view.identifier)
    touch(view.sequence)
    touch(view.nextHopMTU)
    touch(view.hasValidChecksum)
    touch(view.payload)
    if let quoted = IPv4View(quoted: view.payload) {
      touch(quoted.options)
      touch(quoted.payload)
      if let inner = UDPView(quoted.payload) { touch(inner.payload) }
    }
    var fixed = bytes.array
    let header = ICMPv4Header(type: view.type, code: view.code, rest: bytes.u32(4))
    var span = fixed.mutableSpan
    var raw = span.mutableBytes
    header.write(to: &raw)
    guard let again = ICMPv4View(raw.bytes), let value = ICMPv4Header(again) else { preconditionFailure() }
    precondition(value == header)
  }
  return 0
}
