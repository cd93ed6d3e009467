import WeftCore
import WeftProbes
import WeftPrograms
import WeftSettings
import WeftTopology

/// What the records of a try say: which drops were decided and which happened.
struct TryFacts {
  let records: [TraceRecord]
  /// Drops that would happen again.
  let decided: [TraceRecord]
  let accidents: [TraceRecord]
  /// A drop that its sender is told of.
  let refusal: TraceRecord?
  let isDelivered: Bool

  init(_ records: [TraceRecord], asked: DropReason?, in world: borrowing World, _ topology: Topology) {
    self.records = records
    var plugged: Set<LinkID>?
    var (decided, accidents): ([TraceRecord], [TraceRecord]) = ([], [])
    for record in records {
      guard let reason = record.drop else { continue }
      if reason == asked {
        decided.append(record)
        continue
      }
      switch reason.meaning {
      case .decided: decided.append(record)
      case .answered: break
      case .accident:
        if reason == .linkDown {
          // A cable that nobody plugs in again is no accident but how things are.
          let later = plugged ?? world.cablesToBePlugged(topology)
          plugged = later
          if let link = world.graph.ports[record.port].link, !world.links[link].isUp, !later.contains(link) {
            decided.append(record)
            continue
          }
        }
        accidents.append(record)
      }
    }
    self.decided = decided
    self.accidents = accidents
    refusal = records.first { $0.drop?.meaning == .answered }
    isDelivered = records.contains { $0.isDelivery }
  }

  /// The drop that decided the very first packet.
  func firstDecision(_ result: ProbeResult) -> TraceRecord? {
    guard let first = decided.first, !result.hasAnswer, !result.isConnected,
      records.first(where: { $0.event == .sent })?.packetID == first.packetID
    else { return nil }
    return accidents.contains { $0.at <= first.at } ? nil : first
  }

  /// Of a try that opened in the end: the decision that its first packet met. The moment was not open, whatever became so
  /// before the packet went again.
  func decisionBeforeOpening(_ exchange: Exchange) -> TraceRecord? {
    guard let first = decided.first, accidents.allSatisfy({ $0.at > first.at }) else { return nil }
    switch exchange {
    case .single: return first
    // What a page or a transfer met later doesn't say that its connection was refused.
    case .connection: return records.first { $0.event == .sent }?.packetID == first.packetID ? first : nil
    case .dialogue, .none: return nil
    }
  }

  func hadAccident(from: Instant, to: Instant) -> Bool { accidents.contains { $0.at >= from && $0.at <= to } }

  /// Accidents explain the silence as well as the NAT does.
  func isDoubtful(_ test: SilentTest) -> Bool {
    hadAccident(from: test.from, to: test.to)
      && decided.count { $0.at >= test.from && $0.at <= test.to } < test.proof
  }

  /// From the departure of the first packet that was not lost to the answer. With an accident on the way it can't be told
  /// which of several packets was answered (Karn & Partridge 1987): nil.
  func roundTrip(_ result: ProbeResult, of exchange: Exchange) -> Nanoseconds? {
    guard result.outcome == .open, accidents.isEmpty else { return nil }
    guard exchange == .single, let sent = records.first(where: { $0.event == .sent }) else { return result.rtt }
    return result.finishedAt - sent.at
  }
}
