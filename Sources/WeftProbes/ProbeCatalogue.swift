/// The kinds of probes there are.
public struct ProbeCatalogue: Sendable {
  public private(set) var kinds: [any ProbeSettings.Type]

  public init(_ kinds: [any ProbeSettings.Type]) { self.kinds = kinds }

  /// Weft's own.
  public static let standard = ProbeCatalogue([
    ConnectProbe.Settings.self,
    PingProbe.Settings.self,
    HTTPProbe.Settings.self,
    ThroughputProbe.Settings.self,
    NATTypeProbe.Settings.self,
    PunchProbe.Settings.self,
    IdleProbe.Settings.self,
  ])

  /// These and one more, which stands for any of the same name.
  public func with(_ kind: any ProbeSettings.Type) -> Self { Self(kinds.filter { $0.name != kind.name } + [kind]) }

  public subscript(name: String) -> (any ProbeSettings.Type)? { kinds.first { $0.name == name } }
}

extension CodingUserInfoKey {
  /// A `ProbeCatalogue`: the kinds that a decoder knows, where they aren't the standard ones.
  public static let probes = CodingUserInfoKey(rawValue: "weft.probes").unsafelyUnwrapped
}

extension Decoder {
  /// The kind of this name; an error where there is none.
  func probeKind(_ name: String) throws -> any ProbeSettings.Type {
    let catalogue = userInfo[.probes] as? ProbeCatalogue ?? .standard
    guard let kind = catalogue[name] else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: codingPath, debugDescription: "there is no kind of probe \"\(name)\""))
    }
    return kind
  }
}
