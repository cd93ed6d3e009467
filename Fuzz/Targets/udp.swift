import WeftWire

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzUDP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  fuzz(start, count) { bytes in
    guard let view = UDPView(bytes) else { return }
    touch(view.length)
    touch(view.checksum)
    touch(view.payload)
    let source = IPv4Address(10, 0, 0, 1)
    let destination = IPv4Address(10, 0, 0, 2)
    touch(view.hasValidChecksum(source: source, destination: destination))
    let header = UDPHeader(view)
    var copy = view.bytes.array
    var span = copy.mutableSpan
    var raw = span.mutableBytes
    header.write(to: &raw, source: source, destination: destination)
    guard let again = UDPView(raw.bytes) else { preconditionFailure() }
    precondition(again.checksum != 0 && again.hasValidChecksum(source: source, destination: destination))
    precondition(UDPHeader(again) == header && again.length == view.length)
  }
  return 0
}
