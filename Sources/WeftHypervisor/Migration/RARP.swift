import WeftCore
import WeftWire

/// How a hypervisor tells a link's switches where a machine is now: a request for its own address by RARP (RFC 903), which needs
/// none. QEMU sends it, padded to 60 octets.
public enum RARP {
  private static let length = 60

  public static func announcement(of mac: MACAddress, in pool: FramePool) -> Frame {
    var frame = pool.frame(count: length)
    var span = frame.mutableBytes
    for offset in 0..<length { span.put(0 as UInt8, at: offset) }
    EthernetHeader(destination: .broadcast, source: mac, type: EtherType(rawValue: 0x8035)).write(to: &span)
    var body = span.slice(14..<14 + ARPPacket.length)
    ARPPacket(operation: .reverseRequest, senderMAC: mac, senderIP: .any, targetMAC: mac, targetIP: .any).write(to: &body)
    return frame
  }
}
