import WeftCore
import WeftIP
import WeftWire

/// A simulated machine: interfaces, a TCP/IP stack, and programs over it.
public struct Guest: Element {
  public let configuration: GuestConfiguration
  public private(set) var isBooted = false
  /// Addresses of the names that programs and probes use; the fabric fills it.
  public var names: [String: IPv4Address] = [:]

  public init(_ configuration: GuestConfiguration) { self.configuration = configuration }

  public mutating func boot(now: Instant, _ out: inout Effects) { isBooted = true }
  public mutating func powerOff() { isBooted = false }
  public mutating func linkChanged(port: PortIndex, up: Bool, now: Instant, _ out: inout Effects) {}
  public func address(of port: Int) -> IPv4Address? { nil }

  public mutating func receive(_ frame: consuming Frame, on port: PortIndex, now: Instant, _ out: inout Effects) {}
  public mutating func wake(now: Instant, _ out: inout Effects) {}
  public var deadline: Instant { .never }

  public mutating func startProbe(_ probe: GuestProbe, now: Instant, _ out: inout Effects) {}
  public mutating func takeProbeResults() -> [GuestProbeResult] { [] }
  public var hasProbesRunning: Bool { false }
  public var programReports: [ProgramReport] { [] }
  public var isIdle: Bool { true }
  public var connections: [ConnectionReport] { [] }
}
