import WeftCore
import WeftPrograms
import WeftStack
import WeftWire

/// Sends bytes over TCP to a sink; open when the last is acknowledged.
public struct ThroughputProbe: Probe {
  public struct Settings: ProbeSettings {
    public typealias Machine = ThroughputProbe
    public static let name = "throughput"
    public var target: Target
    public var port: UInt16
    /// In bytes.
    public var size: UInt64
    public var transport: IPProtocol { .tcp }

    public init(to target: Target, port: UInt16, size: UInt64) {
      (self.target, self.port, self.size) = (target, port, size)
    }
  }

  private var transfer: BulkTransfer
  private let port: UInt16
  public var result: ProbeResult

  public init?(_ settings: Settings, _ start: ProbeStart, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    result = start.result
    port = settings.port
    guard let socket = result.connect(start, port, now: now, &stack) else { return nil }
    transfer = BulkTransfer(socket, size: settings.size)
  }

  public mutating func socket(
    _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    let step = transfer.socket(events, now: now, &stack)
    result.progress(
      transfer.acknowledged, isConnected: transfer.connectedAt != nil, transfer.acknowledged > 0, now: now)
    if let connected = transfer.connectedAt, let opened = stack.openedAt(id), result.rtt == nil {
      result.rtt = connected - opened
    }
    switch step {
    case .going: return
    case .done:
      result.throughput = transfer.throughput(now: now)
      result.outcome = .open
    case .failed(let error): result.outcome = .init(error)
    }
  }

  public mutating func strayed(from source: TransportAddress, toPort: UInt16) {
    result.strayed(from: source, toPort: toPort, peer: port)
  }

  public mutating func close(now: Instant, _ stack: inout Stack) {
    result.throughput = result.throughput ?? transfer.throughput(now: now)
    end(transfer.socket, now: now, &stack)
  }

  public var isConsistent: Bool { transfer.isConsistent }
}
