import CNetworkNamespace
import Foundation

#if canImport(Glibc)
  import Glibc
#endif

public struct LabError: Error, CustomStringConvertible {
  public var description: String
  public init(_ description: String) { self.description = description }

  public static func system(_ call: String) -> LabError { LabError("\(call): \(String(cString: strerror(errno)))") }
}

/// A network namespace without a name: it is gone with this object and its sockets, or with the process.
public final class NetworkNamespace {
  public let descriptor: Int32

  public init() throws {
    descriptor = namespace_create()
    if descriptor < 0 { throw LabError.system("a new network namespace") }
  }

  deinit { close(descriptor) }

  /// How other programs of this process's children find it.
  public var path: String { "/proc/\(getpid())/fd/\(descriptor)" }

  /// Runs a program in it, with this on its standard input; gives back what it says.
  @discardableResult
  public func run(_ command: [String], input: String = "") throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["nsenter", "--net=\(path)"] + command
    let standardInput = Pipe()
    let standardError = Pipe()
    process.standardInput = standardInput
    let standardOutput = Pipe()
    process.standardOutput = standardOutput
    process.standardError = standardError
    try process.run()
    standardInput.fileHandleForWriting.write(Data(input.utf8))
    try standardInput.fileHandleForWriting.close()
    // What these commands print fits a pipe.
    let said = standardError.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    if process.terminationStatus != 0 {
      throw LabError("\(command.joined(separator: " ")): \(String(decoding: said, as: UTF8.self))")
    }
    return String(decoding: standardOutput.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
  }

  public func set(_ settings: [(name: String, value: Int)]) throws {
    let script = settings.map { "echo \($0.value) > /proc/sys/net/\($0.name)\n" }.joined()
    try run(["sh", "-e"], input: script)
  }

  public func socket(on interface: String) throws -> PacketSocket {
    let socket = namespace_packet_socket(descriptor, interface)
    if socket < 0 { throw LabError.system("a packet socket on \(interface)") }
    return PacketSocket(descriptor: socket)
  }

  public func turnOffloadsOff(_ interface: String) throws {
    if namespace_offloads_off(descriptor, interface) < 0 { throw LabError.system("the offloads of \(interface)") }
  }
}

/// Ethernet frames of one interface.
public final class PacketSocket {
  public let descriptor: Int32

  public init(descriptor: Int32) { self.descriptor = descriptor }
  deinit { close(descriptor) }

  public func transmit(_ frame: [UInt8]) throws {
    if send(descriptor, frame, frame.count, 0) != frame.count { throw LabError.system("send") }
  }

  /// With its VLAN tag, if it has one; nil where none is waiting.
  public func receive() throws -> [UInt8]? {
    var buffer = [UInt8](repeating: 0, count: 4096)
    let count = packet_receive(descriptor, &buffer, UInt(buffer.count))
    if count < 0 {
      if errno == EAGAIN || errno == EINTR { return nil }
      throw LabError.system("receive")
    }
    return Array(buffer[..<count])
  }
}
