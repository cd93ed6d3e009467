import WeftCore
import WeftPrograms
import WeftSettings
import WeftStack
import WeftWire

/// Sends bytes over TCP to a sink; open when the last is acknowledged.
public struct ThroughputProbe: Probe {
  public typealias Settings = ThroughputProbeSettings

  private var transfer: BulkTransfer
  private let port: UInt16
  public var result: ProbeResult

  public init?(_ settings: Settings, _ start: ProbeStart, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    result = start.result
    port = settings.to.port
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

extension ThroughputProbeSettings: RunnableProbe {
  public typealias Machine = ThroughputProbe

  public func progress(_ result: ProbeResult) -> String {
    "\(Figures.size(result.bytes)) of \(Figures.size(size)) arrived"
  }

  public func measured(_ result: ProbeResult, isOpen: Bool) -> String {
    guard let rate = result.throughput else { return isOpen ? ", \(Figures.size(size)) in no time" : "" }
    return result.bytes > 0 ? ", \(Figures.rate(rate))" : ""
  }

  public func mismatch(_ result: ProbeResult, doubting doubtful: Set<SilentTest.Axis>) -> Mismatch? {
    let (low, high) = (atLeast.map { "at least \(Figures.rate($0))" }, atMost.map { "at most \(Figures.rate($0))" })
    guard let text = low ?? high else { return nil }
    // What takes no time has no rate.
    guard let rate = result.throughput else { return .undecided("\(text), of a transfer that takes time") }
    if let atLeast, rate < atLeast { return low.map { .differs($0) } }
    if let atMost, rate > atMost { return high.map { .differs($0) } }
    return nil
  }
}
