/// The kinds of programs there are.
public struct ProgramCatalogue: Sendable {
  public private(set) var kinds: [any GuestProgram.Type]

  public init(_ kinds: [any GuestProgram.Type]) { self.kinds = kinds }

  /// Weft's own.
  public static let standard = ProgramCatalogue([
    HTTPServer.self,
    HTTPGet.self,
    Ping.self,
    TCPEcho.self,
    UDPEcho.self,
    Sink.self,
    Bulk.self,
    UDPRate.self,
    STUNServer.self,
    NATProbe.self,
    Rendezvous.self,
    SYNFlood.self,
  ])

  /// These and one more, which stands for any of the same name.
  public func with(_ kind: any GuestProgram.Type) -> Self { Self(kinds.filter { $0.name != kind.name } + [kind]) }

  public subscript(name: String) -> (any GuestProgram.Type)? { kinds.first { $0.name == name } }
}

extension CodingUserInfoKey {
  /// A `ProgramCatalogue`: the kinds that a decoder knows, where they aren't the standard ones.
  public static let programs = CodingUserInfoKey(rawValue: "weft.programs").unsafelyUnwrapped
}

extension Decoder {
  /// The kind of this name; an error where there is none.
  func programKind(_ name: String) throws -> any GuestProgram.Type {
    let catalogue = userInfo[.programs] as? ProgramCatalogue ?? .standard
    guard let kind = catalogue[name] else {
      throw DecodingError.dataCorrupted(
        .init(codingPath: codingPath, debugDescription: "there is no kind of program \"\(name)\""))
    }
    return kind
  }
}
