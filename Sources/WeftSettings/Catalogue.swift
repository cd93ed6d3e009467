/// Kinds of one sort by the words that name them: programs, probes.
public struct Kinds<Kind: Sendable>: Sendable {
  public private(set) var all: [Kind]
  private let word: @Sendable (Kind) -> String

  public init(_ all: [Kind], word: @escaping @Sendable (Kind) -> String) { (self.all, self.word) = (all, word) }

  public subscript(name: String) -> Kind? { all.first { word($0) == name } }

  /// These and one more, which stands for any of the same word.
  public func with(_ kind: Kind) -> Self { Self(all.filter { word($0) != word(kind) } + [kind], word: word) }
}

/// The kinds of things that a topology file may name: those that come with weft, and a user's own beside them. What reads a
/// file has one, and so does what decodes a checkpoint.
public struct Catalogue: Sendable {
  public private(set) var programs: Kinds<any ProgramSettings.Type>
  public private(set) var probes: Kinds<any ProbeSettings.Type>

  public init(programs: [any ProgramSettings.Type] = [], probes: [any ProbeSettings.Type] = []) {
    self.programs = Kinds(programs) { $0.word }
    self.probes = Kinds(probes) { $0.word }
  }

  public func with(_ kind: any ProgramSettings.Type) -> Catalogue {
    var copy = self
    copy.programs = programs.with(kind)
    return copy
  }

  public func with(_ kind: any ProbeSettings.Type) -> Catalogue {
    var copy = self
    copy.probes = probes.with(kind)
    return copy
  }

  /// Weft's own.
  public static let standard = Catalogue(
    programs: [
      HTTPServerSettings.self, HTTPGetSettings.self, PingSettings.self, TCPEchoSettings.self, UDPEchoSettings.self,
      SinkSettings.self, BulkSettings.self, UDPRateSettings.self, STUNServerSettings.self, NATProbeSettings.self,
      RendezvousSettings.self, SYNFloodSettings.self, AttackSettings.self, DirtySettings.self,
      KVStoreSettings.self, HTTPPutSettings.self,
      SpinSettings.self,
    ],
    probes: [
      ConnectProbeSettings.self, PingProbeSettings.self, HTTPProbeSettings.self, ThroughputProbeSettings.self,
      NATTypeProbeSettings.self, PunchProbeSettings.self, IdleProbeSettings.self, LeaseProbeSettings.self,
      StateProbeSettings.self, MemoryProbeSettings.self, EventProbeSettings.self,
      DowntimeProbeSettings.self, AliveOnProbeSettings.self, ConnectionSurvivesProbeSettings.self,
      HostsInUseProbeSettings.self, EnergyProbeSettings.self,
      DiskProbeSettings.self, BackupProbeSettings.self, StoredProbeSettings.self,
      ExitsProbeSettings.self, StealProbeSettings.self, RanProbeSettings.self,
    ])
}

extension CodingUserInfoKey {
  /// Of the `Catalogue` whose kinds a decoder is to know, where they aren't the standard ones.
  public static let catalogue = CodingUserInfoKey(rawValue: "weft.catalogue").unsafelyUnwrapped
}

extension Decoder {
  package var catalogue: Catalogue { userInfo[.catalogue] as? Catalogue ?? .standard }

  /// The kind of this word; an error where there is none.
  package func kind<Kind>(_ word: String, of kinds: Kinds<Kind>, _ sort: String) throws -> Kind {
    guard let kind = kinds[word] else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: codingPath, debugDescription: "there is no \(sort) \"\(word)\""))
    }
    return kind
  }
}
