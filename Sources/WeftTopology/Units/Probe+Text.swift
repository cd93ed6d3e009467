import WeftCore
import WeftSettings
import WeftWire

/// Why a text says nothing that could be sent.
public struct ProbeTextError: Error, CustomStringConvertible, Sendable {
  public var description: String
}

extension Expectation {
  /// What `weft explain` sends: `visitor` or `visitor/icmp` is a ping, `visitor:80`, `visitor:80/tcp` or `visitor:53/udp` a
  /// packet for a port, `http://visitor:80/path` a GET. A machine, or an address.
  public static func probe(text: String) throws(ProbeTextError) -> any ProbeSettings {
    do throws(Complaint) {
      return try parse(text)
    } catch {
      throw ProbeTextError(description: error.message + (error.hint.map { "; \($0)" } ?? ""))
    }
  }

  private static func parse(_ text: String) throws(Complaint) -> any ProbeSettings {
    if text.contains("://") {
      guard text.hasPrefix("http://") else {
        throw Complaint(
          "\"\(text.prefix(60))\" is not an http:// address", hint: "there is no TLS here; a port is written like laptop:443")
      }
      return HTTPProbeSettings(try Parse.http(text))
    }
    let halves = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard halves[0].contains(":") else {
      guard halves.count == 1 || halves[1] == "icmp" else {
        throw Complaint(
          "\"\(text.prefix(60))\" has no port", hint: "write it like \(halves[0]):80/tcp, or \(halves[0]) for a ping")
      }
      return PingProbeSettings(try Parse.destination(halves[0]))
    }
    return ConnectProbeSettings(try Parse.endpoint(text))
  }
}
