import WeftSettings
import WeftWire

/// How both boxes of a sequence are set up, beside the timeouts and forwards that all have.
struct RouterSetup: Sendable, Hashable {
  enum Hairpin: String, Sendable {
    /// Only what comes from outside is forwarded.
    case off
    case internalSource = "internal-source"
    case externalSource = "external-source"
  }

  var hairpin = Hairpin.internalSource
  /// Ports that masquerading may take.
  var range: ClosedRange<UInt16>?
  /// From whom nothing is forwarded.
  var denied: IP?
  /// Both timers of UDP are one, where the kernel's two seconds aren't waited for.
  var hasOneUDPTimeout = false
  /// Whether the kernel looks at checksums (`nf_conntrack_checksum`). Ours always does.
  var checksChecksums = true

  /// `range=50000-50003`
  mutating func set(_ text: String) throws {
    let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
    guard parts.count == 2 else { throw SequenceError("no setting \(text)") }
    switch parts[0] {
    case "hairpin":
      guard let hairpin = Hairpin(rawValue: parts[1]) else { throw SequenceError("no setting \(text)") }
      self.hairpin = hairpin
    case "range":
      let ends = parts[1].split(separator: "-").compactMap { UInt16($0) }
      guard ends.count == 2, ends[0] <= ends[1] else { throw SequenceError("no setting \(text)") }
      range = ends[0]...ends[1]
    case "deny":
      guard let address = IP(parts[1]) else { throw SequenceError("no setting \(text)") }
      denied = address
    case "udp":
      guard parts[1] == "one" else { throw SequenceError("no setting \(text)") }
      hasOneUDPTimeout = true
    case "checksums":
      guard parts[1] == "off" else { throw SequenceError("no setting \(text)") }
      checksChecksums = false
    default: throw SequenceError("no setting \(text)")
    }
  }

  var timeouts: [(name: String, seconds: Int)] {
    Lab.timeouts.map { ($0.name, hasOneUDPTimeout && $0.name == "udp_timeout_stream" ? 40 : $0.seconds) }
  }
}
