import CNetworkNamespace
import Foundation
import KernelLab

#if canImport(Glibc)
  import Glibc
#endif

extension NetworkNamespace {
  /// For packets that come from it.
  func rawSocket() throws -> RawSocket {
    let socket = namespace_raw_socket(descriptor)
    if socket < 0 { throw LabError.system("a raw socket") }
    return RawSocket(descriptor: socket)
  }

  /// A bound one, to be closed; nil where the port is taken.
  func udpSocket(_ port: UInt16) throws -> Int32? {
    let socket = namespace_udp_socket(descriptor, port)
    if socket >= 0 { return socket }
    if errno == EADDRINUSE { return nil }
    throw LabError.system("UDP port \(port)")
  }
}

/// IPv4 packets of the box's own stack.
final class RawSocket {
  let descriptor: Int32

  init(descriptor: Int32) { self.descriptor = descriptor }
  deinit { close(descriptor) }

  func transmit(_ packet: [UInt8], to address: IP) throws {
    #if os(Linux)
      var end = sockaddr_in()
      end.sin_family = sa_family_t(AF_INET)
      end.sin_addr.s_addr = address.rawValue.bigEndian
      let sent = withUnsafePointer(to: &end) {
        $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
          sendto(descriptor, packet, packet.count, 0, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
        }
      }
      // Refused by a rule: nothing comes of it, which is an answer too.
      if sent != packet.count, errno != EPERM { throw LabError.system("sendto") }
    #endif
  }
}
