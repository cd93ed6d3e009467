import WeftCore
import WeftSettings
import WeftWire

/// What runs in a guest. `start` counts from the moment the guest boots.
public struct Program: Sendable {
  public var settings: any ProgramSettings
  public var start: Nanoseconds
  public var mark: Mark

  public init(_ settings: some ProgramSettings, start: Nanoseconds? = nil, mark: Mark = .inCode) {
    self.settings = settings
    self.start = start ?? type(of: settings).start
    self.mark = mark
  }

  /// The key it has in the file.
  public var word: String { settings.word }

  /// What the program listens on, if it is a server.
  public var listens: [(transport: TransportProtocol, port: UInt16)] { settings.listens }
}

extension Program: Codable {
  private enum CodingKeys: CodingKey { case word, settings, start, mark }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(word, forKey: .word)
    try container.encode(settings, forKey: .settings)
    try container.encode(start, forKey: .start)
    try container.encode(mark, forKey: .mark)
  }

  /// Of a kind in the decoder's catalogue (`CodingUserInfoKey.catalogue`), or of the standard one.
  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    let word = try container.decode(String.self, forKey: .word)
    settings = try container.decode(decoder.kind(word, of: decoder.catalogue.programs, "program"), forKey: .settings)
    start = try container.decode(Nanoseconds.self, forKey: .start)
    mark = try container.decode(Mark.self, forKey: .mark)
  }
}
