/// `backup-verifies: vault`: each backup of the VM there is whole, and there is one.
public struct BackupProbeSettings: StateSettings, Hashable {
  public var name: String

  public init(_ name: String = "") { self.name = name }

  public static let word = "backup-verifies"
  public static let keys = KeyTable(
    word, "Whether its backups are whole", from: BackupProbeSettings(),
    [
      Field(
        "in", \.name, .text, "Which pool; with /VM#2 behind it, one of them.", required: true, example: "vault")
    ])
  public static let row = Case.probe(
    .table(keys, short: .text) { BackupProbeSettings($0) },
    "Each backup of the VM `vm` in a pool can be put together, and is what was saved; there is one at least.", example: "vault")

  public func title(_ target: String) -> String { "backups in \(name)" }
}

/// `stored: {what: snapshot before, at-most: 10 MiB}`
public struct StoredProbeSettings: StateSettings, Hashable {
  public var what: String
  public var atMost: UInt64?
  public var atLeast: UInt64?

  public init(_ what: String = "") { self.what = what }

  public static let word = "stored"
  public static let keys = KeyTable(
    word, "What something takes", from: StoredProbeSettings(),
    [
      Field(
        "what", \.what,
        Form(.text, text: { $0 }) { (text) throws(Complaint) in
          let words = text.split(separator: " ")
          guard words.count == 2, ["snapshot", "memory", "backup", "backups", "disk"].contains(words[0]) else {
            throw Complaint(
              "\"\(text)\" is nothing that is stored",
              hint: "write it like snapshot before, memory before, backup vault (the last one), backups vault (all), disk root")
          }
          return text
        },
        "`snapshot NAME`: clusters of disks that are kept for it alone; `memory NAME`: pages of it that the snapshot before it "
          + "hasn't; `backup POOL`: what the last one added, `backups POOL`: all; `disk NAME`: what is on it.", required: true,
        example: "snapshot before"),
      Field("at-most", \.atMost, .size(0...1 << 60), "Upper bound.", default: "none", example: "10 MiB"),
      Field("at-least", \.atLeast, .size(0...1 << 60), "Lower bound.", default: "none", example: "1 MiB"),
    ]
  ) { settings, mistakes in
    if settings.atMost == nil, settings.atLeast == nil { mistakes.report("stored needs at-most or at-least") }
    if let low = settings.atLeast, let high = settings.atMost, low > high {
      mistakes.report("\"at-most\" is below \"at-least\"", at: \.atMost)
    }
  }
  public static let row = Case.probe(
    .table(keys), "How many bytes something of the VM `vm` takes.", example: "{what: snapshot before, at-most: 10 MiB}")

  public func title(_ target: String) -> String { "stored of \(what)" }
}
