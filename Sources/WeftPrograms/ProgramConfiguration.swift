import WeftCore

/// A program before its machine boots.
public struct ProgramConfiguration: Sendable {
  let kind: any GuestProgram.Type
  let settings: any Codable & Sendable
  /// Counted from boot.
  public var start: Nanoseconds
  private let make: @Sendable (Placement) -> any GuestProgram

  public init<P: GuestProgram>(_ kind: P.Type, _ settings: P.Settings, start: Nanoseconds = .zero) {
    self.kind = kind
    self.settings = settings
    self.start = start
    make = { P(settings, $0) }
  }

  func program(_ place: Placement) -> any GuestProgram { make(place) }
}

extension ProgramConfiguration: Codable {
  private enum CodingKeys: CodingKey { case kind, settings, start }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(kind.name, forKey: .kind)
    try container.encode(settings, forKey: .settings)
    try container.encode(start, forKey: .start)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let start = try container.decode(Nanoseconds.self, forKey: .start)
    func decoded<P: GuestProgram>(_ kind: P.Type) throws -> ProgramConfiguration {
      ProgramConfiguration(kind, try container.decode(P.Settings.self, forKey: .settings), start: start)
    }
    self = try decoded(decoder.programKind(try container.decode(String.self, forKey: .kind)))
  }
}
