import WeftWire

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzEthernet(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  fuzz(start, count) { bytes in
    guard let view = EthernetView(bytes) else { return precondition(count < 18) }
    touch(view.destination.rawValue)
    touch(view.source.rawValue)
    touch(view.type.rawValue)
    touch(view.vlan?.tci ?? 0)
    touch(view.payload)
    guard let header = EthernetHeader(view) else { return precondition(view.type.rawValue < 0x600) }
    let again = written(header.length) { header.write(to: &$0) }
    precondition(again == bytes.extracting(first: header.length).array)
  }
  return 0
}
