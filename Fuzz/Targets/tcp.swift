import WeftWire

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzTCP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  fuzz(start, count) { bytes in
    // The option parser by itself, at every length a header can give it and beyond.
    if let options = TCPOptions(bytes) {
      let again = written(options.length) { options.write(to: &$0, at: 0) }
      precondition(TCPOptions(again.span.bytes) == options)
    }
    guard let view = TCPView(bytes) else { return }
    touch(view.sourcePort)
    touch(view.destinationPort)
    touch(view.sequence)
    touch(view.acknowledgment)
    touch(view.headerLength)
    touch(view.flags.rawValue)
    touch(view.window)
    touch(view.checksum)
    touch(view.options)
    touch(view.payload)
    let source = IPv4Address(10, 0, 0, 1)
    let destination = IPv4Address(10, 0, 0, 2)
    touch(view.hasValidChecksum(source: source, destination: destination))
    guard let header = TCPHeader(view) else { return }
    let again = written(header.length) { header.write(to: &$0, source: source, destination: destination) }
    guard let second = TCPView(again.span.bytes) else { preconditionFailure() }
    precondition(second.hasValidChecksum(source: source, destination: destination))
    precondition(TCPHeader(second) == header)
  }
  return 0
}
