import WeftCore
import WeftSettings
import WeftWire

/// Why a text says nothing that could be sent.
public struct ProbeTextError: Error, CustomStringConvertible, Sendable {
  public var description: String
}

extension Expectation.Probe {
  /// What `weft explain` sends: `visitor` or `visitor/icmp` is a ping, `visitor:80`, `visitor:80/tcp` or `visitor:53/udp` a
  /// packet for a port, `http://visitor:80/path` a GET. A machine, or an address.
  public init(text: String) throws(ProbeTextError) {
    do throws(Complaint) {
      self = try Self.parse(text)
    } catch {
      throw ProbeTextError(description: error.message + (error.hint.map { "; \($0)" } ?? ""))
    }
  }

  private static func parse(_ text: String) throws(Complaint) -> Self {
    if text.contains("://") {
      guard text.hasPrefix("http://") else {
        throw Complaint(
          "\"\(text.prefix(60))\" is not an http:// address", hint: "there is no TLS here; a port is written like laptop:443")
      }
      let found = try Parse.http(text)
      return .http(to: found.to, port: found.port, path: found.path, status: nil, bodyContains: nil)
    }
    let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard halves[0].contains(":") else {
      guard halves.count == 1 || halves[1] == "icmp" else {
        throw Complaint(
          "\"\(text.prefix(60))\" has no port", hint: "write it like \(halves[0]):80/tcp, or \(halves[0]) for a ping")
      }
      return .ping(to: try Parse.destination(halves[0]), size: 56, ttl: 64)
    }
    let found = try Parse.endpoint(text)
    return .connect(to: found.to, port: found.port, protocol: found.transport)
  }
}
