import WeftCore
import WeftSettings

/// A backup that an event asks for.
public struct BackupOrder: Sendable, Codable, Hashable {
  public enum Kind: String, Sendable, Codable, CaseIterable { case full, incremental }

  public var vm = ""
  public var pool = ""
  /// Whose pool it is; nil: of the VM's host, or the only one of that name.
  public var host: String?
  public var kind = Kind.full
  public var quiesce = true
  /// How many of this VM's stay in the pool; nil: all.
  public var keep: Int?

  public init(vm: String = "", to pool: String = "") { (self.vm, self.pool) = (vm, pool) }

  static let keys: KeyTable<BackupOrder> = KeyTable(
    "backup", "Copies a VM's disks to a pool", from: BackupOrder(),
    [
      Field("vm", \.vm, .vm, "Which VM.", required: true, example: "web"),
      Field("to", \.pool, .text, "Which pool.", required: true, example: "vault"),
      Field(
        "host", \.host, .host, "Whose pool.", default: "of the VM's host, or the only one of that name", example: "server2"),
      Field(
        "kind", \.kind, .choice, "All that is on its disks, or what has changed since the backup before, if there is one.",
        example: "incremental"),
      Field(
        "quiesce", \.quiesce, .boolean,
        "Whether programs write what they have only in memory first. Without it the disks are as if the plug had been pulled.",
        example: "false"),
      Field("keep", \.keep, .integer(1...1_000_000), "How many of this VM's stay there.", default: "all", example: "3"),
    ])
}

/// Under `fail-media`.
struct MediaFailure: Sendable {
  var pool = ""
  var host: String?

  static let keys: KeyTable<MediaFailure> = KeyTable(
    "fail-media", "A pool's medium fails. Short form: the pool alone", from: MediaFailure(),
    [
      Field("pool", \.pool, .text, "Which pool.", required: true, example: "ssd"),
      Field("host", \.host, .host, "Of which host.", default: "the only one with such a pool", example: "server"),
    ])
}

/// A restore that an event asks for.
public struct RestoreOrder: Sendable, Codable, Hashable {
  public var vm = ""
  public var pool = ""
  public var poolHost: String?
  /// Whose backup; nil: the VM's own.
  public var source: String?
  /// Nil: the last.
  public var number: Int?
  /// Where it goes on; nil: where it was.
  public var host: String?
  private var from = BackupName()

  public init(vm: String = "", from pool: String = "") { (self.vm, self.pool, source) = (vm, pool, vm.isEmpty ? nil : vm) }

  static let keys: KeyTable<RestoreOrder> = KeyTable(
    "restore-backup", "A VM that is off gets its disks back from a backup", from: RestoreOrder(),
    [
      Field(
        "from", \.from, .backup, "The pool, whose backup, and which one, if not the last.", required: true, example: "vault/web#2"
      ),
      Field("vm", \.vm, Form<String>.vm.unsaid, "Which VM gets it.", default: "the one whose backup it is", example: "web"),
      Field(
        "host", \.host, .host, "Where it is from then on: in a host's bridge to the same segment.", default: "where it was",
        example: "server2"),
    ]
  ) { order, mistakes in
    (order.pool, order.source, order.number) = (order.from.pool, order.from.vm, order.from.number)
    if order.vm.isEmpty { order.vm = order.from.vm ?? "" }
    if order.vm.isEmpty, !order.pool.isEmpty { mistakes.report("whose backup?", at: \.from, hint: "\(order.pool)/web") }
  }
}

/// `vault/web#2`
struct BackupName: Sendable, Codable, Hashable {
  var pool = ""
  var vm: String?
  var number: Int?
}

extension Form where Value == BackupName {
  fileprivate static var backup: Form {
    Form(words: "POOL/VM or POOL/VM#NUMBER") { (text) throws(Complaint) in
      let parts = text.split(separator: "/", omittingEmptySubsequences: false)
      guard parts.count <= 2, let pool = parts.first else {
        throw Complaint("\"\(text)\" is no backup", hint: "write it like vault/web, or vault/web#2")
      }
      var name = BackupName(pool: try Parse.name(String(pool)))
      if parts.count == 2 {
        let pieces = parts[1].split(separator: "#", omittingEmptySubsequences: false)
        name.vm = try Parse.name(String(pieces[0]))
        if pieces.count > 1 {
          guard pieces.count == 2, let number = Int(pieces[1]), number > 0 else {
            throw Complaint("\"\(text)\" is no backup", hint: "write it like vault/web#2")
          }
          name.number = number
        }
      }
      return name
    }
  }
}

extension Case where Value == Event.Action {
  static var backups: [Case] {
    [
      Case(
        "backup", .table(BackupOrder.keys), "Copies a VM's disks to a pool, where they can be restored from.",
        example: "{vm: web, to: vault, kind: incremental}"
      ) { .backup($0) },
      Case(
        "fail-media", .table(MediaFailure.keys, short: .text) { MediaFailure(pool: $0) },
        "A pool's medium fails, with all that lies in it: disks, snapshots, backups.", example: "ssd"
      ) { .failMedia(pool: $0.pool, host: $0.host) },
      Case(
        "restore-backup", .table(RestoreOrder.keys), "A VM that is off gets its disks back from a backup.",
        example: "{from: vault/web}"
      ) { .restoreBackup($0) },
    ]
  }
}
