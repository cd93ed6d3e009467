import WeftCore
import WeftStack
import WeftWire

/// What a machine finds out about the NAT before it, in RFC 4787's words.
public struct NATFindings: Codable, Sendable, Hashable {
  public enum Dependence: String, Codable, Sendable {
    case endpointIndependent = "endpoint-independent"
    case addressDependent = "address-dependent"
    case addressAndPortDependent = "address-and-port-dependent"
  }

  public var local: TransportAddress
  /// How the server sees it.
  public var external: TransportAddress
  /// Of which part of the destination the external address and port depend (section 4.1). Nil: the server has no
  /// second address to tell, or it didn't answer.
  public var mapping: Dependence?
  /// Which part of the source decides what is let in (section 5).
  public var filtering: Dependence?
  /// Whether two of its own sockets reach each other by their external addresses (section 6). Nil: not tried.
  public var hairpin: Bool?

  init(local: TransportAddress, external: TransportAddress) {
    self.local = local
    self.external = external
  }

  public var isTranslated: Bool { local != external }
  /// Port preservation (section 4.2.1).
  public var keepsPort: Bool { local.port == external.port }

  /// `mapping endpoint-independent, filtering address-dependent, hairpin yes, external 203.0.113.2:40000 (port kept)`
  public var text: String { text(doubting: []) }

  /// What rests on a silence that packets lost by accident explain as well isn't said.
  public func text(doubting doubtful: Set<SilentTest.Axis>) -> String {
    let unsure = "unknown (packets were lost)"
    let hairpin = hairpin == false && doubtful.contains(.hairpin) ? unsure : hairpin.map { $0 ? "yes" : "no" } ?? "unknown"
    let isFilteringSure = filtering == .endpointIndependent || !doubtful.contains(.filtering)
    let filtering = isFilteringSure ? filtering?.rawValue ?? "unknown" : unsure
    let mapping = mapping?.rawValue ?? (doubtful.contains(.mapping) ? unsure : "unknown")
    let kind = isTranslated ? keepsPort ? "port kept" : "port changed" : "not translated"
    return
      "mapping \(mapping), filtering \(filtering), hairpin \(hairpin), "
      + "external \(external) (\(kind))"
  }
}

/// A test of a NAT that nothing came of. A lost packet would look the same (RFC 8489, 6.2.1): whoever knows of losses and of
/// drops can tell.
public struct SilentTest: Codable, Sendable, Hashable {
  public enum Axis: String, Codable, Sendable { case identity, filtering, mapping, hairpin }

  public var axis: Axis
  public var from: Instant
  public var to: Instant
  /// So many drops by decision in that time, and each question that wasn't answered has met one, whatever was lost.
  public var proof: Int
}
