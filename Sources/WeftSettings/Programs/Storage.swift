import WeftCore

/// Records over HTTP, on a disk of the machine.
public struct KVStoreSettings: DiskProgramSettings, Hashable {
  public enum Journal: String, Sendable, Codable, CaseIterable {
    /// Each record is added to a log.
    case log
    /// A record is written over in place.
    case none
  }

  public var port: UInt16 = 80
  public var disk: String?
  public var writeBack: Nanoseconds?
  public var journal = Journal.log

  public init(port: UInt16 = 80) { self.port = port }

  public var listens: [(transport: TransportProtocol, port: UInt16)] { [(.tcp, port)] }

  public static let keys = KeyTable(
    "kv-store", "Keeps records on a disk, by GET, PUT and DELETE of /KEY; GET / counts them", from: KVStoreSettings(),
    [
      Field("port", \.port, .port, "Where it listens.", example: "8080"),
      Field("disk", \.disk, .text, "The disk of its machine that it writes to.", default: "the first", example: "root"),
      Field(
        "write-back", \.writeBack, .interval,
        "A PUT is acknowledged at once, and what came is written after so long; a power cut takes it.",
        default: "a PUT is acknowledged once it is on the disk", example: "500 ms"),
      Field(
        "journal", \.journal, .choice, "Whether records are added to a log, or written over in place: what is torn then is lost.",
        example: "none"),
    ])

  public static let row = Case.program(
    .table(keys, short: .port) { KVStoreSettings(port: $0) },
    "Keeps records on a disk, over HTTP. Short form: the port, or nothing for 80.", example: "{disk: root}")
}

/// PUTs records with numbers behind their path.
public struct HTTPPutSettings: ProgramSettings, Hashable {
  public var to: Endpoint
  public var path = "/order-"
  public var size = 100
  public var count = 1
  public var different: Int?
  public var interval = Nanoseconds.seconds(1)

  public init(_ to: Endpoint = .unset) { self.to = to }

  public static let keys = KeyTable(
    "http-put", "PUTs records", from: HTTPPutSettings(),
    [
      Field("to", \.to, .endpoint(.tcp), "A kv-store and its port.", required: true, example: "web:80"),
      Field("path", \.path, .path, "What their keys begin with; a number follows, from 1.", example: "/order-"),
      Field("size", \.size, .size(0...16_384), "Bytes of each: its number, again and again.", example: "2000"),
      Field("count", \.count, .integer(1...1_000_000_000), "How many.", example: "100"),
      Field(
        "keys", \.different, .integer(1...1_000_000_000), "After so many keys it writes the first again.", default: "all differ",
        example: "10"),
      Field("interval", \.interval, .interval, "From one to the next.", example: "10 ms"),
    ])

  public static let row = Case.program(
    .table(keys, short: .endpoint(.tcp)) { HTTPPutSettings($0) },
    "PUTs records to a kv-store. Short form: to where.", example: "{to: \"web:80\", count: 100, interval: 10 ms}")
}
