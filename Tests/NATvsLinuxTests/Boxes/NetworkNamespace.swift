import CNetworkNamespace
import Foundation

#if canImport(Glibc)
  import Glibc
#endif

struct LabError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }

  static func system(_ call: String) -> LabError { LabError("\(call): \(String(cString: strerror(errno)))") }
}

/// A network namespace without a name: it is gone with this object and its sockets, or with the process.
final class NetworkNamespace {
  let descriptor: Int32

  init() throws {
    descriptor = namespace_create()
    if descriptor < 0 { throw LabError.system("a new network namespace") }
  }

  deinit { close(descriptor) }

  /// How other programs of this process's children find it.
  var path: String { "/proc/\(getpid())/fd/\(descriptor)" }

  /// Runs a program in it, with this on its standard input.
  func run(_ command: [String], input: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["nsenter", "--net=\(path)"] + command
    let standardInput = Pipe()
    let standardError = Pipe()
    process.standardInput = standardInput
    process.standardOutput = FileHandle.nullDevice
    process.standardError = standardError
    try process.run()
    standardInput.fileHandleForWriting.write(Data(input.utf8))
    try standardInput.fileHandleForWriting.close()
    let said = standardError.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    if process.terminationStatus != 0 {
      throw LabError("\(command.joined(separator: " ")): \(String(decoding: said, as: UTF8.self))")
    }
  }

  func set(_ settings: [(name: String, value: Int)]) throws {
    let script = settings.map { "echo \($0.value) > /proc/sys/net/\($0.name)\n" }.joined()
    try run(["sh", "-e"], input: script)
  }

  func socket(on interface: String) throws -> PacketSocket {
    let socket = namespace_packet_socket(descriptor, interface)
    if socket < 0 { throw LabError.system("a packet socket on \(interface)") }
    return PacketSocket(descriptor: socket)
  }

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

  func turnOffloadsOff(_ interface: String) throws {
    if namespace_offloads_off(descriptor, interface) < 0 { throw LabError.system("the offloads of \(interface)") }
  }
}

/// Ethernet frames of one interface.
final class PacketSocket {
  let descriptor: Int32

  init(descriptor: Int32) { self.descriptor = descriptor }
  deinit { close(descriptor) }

  func transmit(_ frame: [UInt8]) throws {
    if send(descriptor, frame, frame.count, 0) != frame.count { throw LabError.system("send") }
  }

  /// Nil where none is waiting.
  func receive() throws -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = recv(descriptor, &buffer, buffer.count, 0)
    if count < 0 {
      if errno == EAGAIN || errno == EINTR { return nil }
      throw LabError.system("recv")
    }
    return Array(buffer[..<count])
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
