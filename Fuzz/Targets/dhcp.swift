import WeftWire

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzDHCP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  fuzz(start, count) { bytes in
    guard let first = DHCPMessage(bytes) else { return }
    let sent = first.bytes
    precondition(sent.count >= 300)
    guard var second = DHCPMessage(sent.span.bytes) else { preconditionFailure() }
    let resent = second.bytes
    guard let third = DHCPMessage(resent.span.bytes) else { preconditionFailure() }
    precondition(second == third)
    // A name that wasn't UTF-8 is repaired, and may then be too long and be cut: all else stays.
    second.hostname = first.hostname
    precondition(second == first)
  }
  return 0
}
