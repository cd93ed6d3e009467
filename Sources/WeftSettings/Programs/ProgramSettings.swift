import WeftCore

/// What a topology says of one program: its key, what stands under it, and what follows from that.
///
///     public struct Echo: ProgramSettings {
///       public var port: UInt16 = 7
///       public init() {}
///
///       public static let keys = KeyTable("tcp-echo", "Sends back what comes over TCP", from: Echo(), [
///         Field("port", \.port, .port, "Where it listens.", example: "7")
///       ])
///       public static let row = Case.program(
///         .table(keys, short: .port) { port in … }, "Sends back what comes over TCP. Short form: the port.", example: "7")
///     }
///
/// A program without required keys can be named by its word alone.
public protocol ProgramSettings: Codable, Sendable {
  /// The table's name is the program's word in the file.
  static var keys: KeyTable<Self> { get }
  /// How it stands in a file: in a short form or with keys.
  static var row: Case<any ProgramSettings> { get }
  /// Where it listens, if it is a server.
  var listens: [(transport: TransportProtocol, port: UInt16)] { get }
}

extension ProgramSettings {
  public var listens: [(transport: TransportProtocol, port: UInt16)] { [] }

  /// Its key in the file.
  public static var word: String { keys.keys.name }
  public var word: String { Self.word }
  /// Whether its word alone says all.
  package static var standsAlone: Bool { keys.keys.needsNothing }
  /// A server runs from the boot of its machine; others give it and the network a moment.
  public static var start: Nanoseconds { standsAlone ? .zero : .milliseconds(100) }
}

/// A program that uses a disk of its machine: `disk` is the key that names it, by default the first.
public protocol DiskProgramSettings: ProgramSettings {
  var disk: String? { get }
}

extension Case where Value == any ProgramSettings {
  /// The row of one kind of program.
  public static func program<Settings: ProgramSettings>(_ form: Form<Settings>, _ doc: String, example: String) -> Self {
    var row = Case(Settings.word, form, doc, example: example) { $0 as any ProgramSettings }
    row.redirect = { settings, to in
      guard var own = settings as? Settings else { return }
      Settings.keys.redirect(&own, to)
      settings = own
    }
    return row
  }
}
