import WeftWire

@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzARP(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  fuzz(start, count) { bytes in
    guard let packet = ARPPacket(bytes) else { return }
    let again = written(ARPPacket.length) { packet.write(to: &$0) }
    precondition(again == bytes.extracting(first: ARPPacket.length).array)
    let reply = packet.reply(from: .local(1))
    precondition(reply.targetMAC == packet.senderMAC && reply.targetIP == packet.senderIP)
  }
  return 0
}
