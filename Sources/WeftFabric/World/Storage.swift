import WeftCore
import WeftDisk
import WeftTopology

/// The hosts' pools, and the backups under way to them.
struct Storage: Codable {
  /// A pool of a host, with what was backed up to it.
  struct Pool: Codable {
    var name: String
    var host: String
    /// Bytes a second.
    var rate: UInt64?
    var isLost = false
    var vault = Vault()

    var id: PoolName { PoolName(host: host, name: name) }
  }

  var pools: [Pool] = []
  var jobs: [BackupJob] = []
  /// What became of each backup, for the report.
  var backups: [BackupResult] = []
  /// Restores and failed media, in words.
  var news: [String] = []

  init() {}

  init(_ topology: Topology) {
    pools = topology.hosts.flatMap { host in
      host.pools.map { Pool(name: $0.name, host: host.name, rate: $0.rate.map { max(1, $0 / 8) }) }
    }
  }

  var deadline: Instant { jobs.map(\.deadline).min() ?? .never }

  func nextNumber(of vm: String) -> Int {
    let known = backups.lazy.filter { $0.vm == vm }.map(\.number).max() ?? 0
    return max(known, pools.lazy.flatMap(\.vault.points).filter { $0.vm == vm }.map(\.number).max() ?? 0) + 1
  }

  /// Of a decoded one.
  var isConsistent: Bool {
    pools.allSatisfy { $0.rate != 0 } && jobs.allSatisfy { pools.indices.contains($0.pool) }
  }
}

/// A backup under way.
struct BackupJob: Codable {
  enum Phase: Codable {
    /// Programs take nothing on, and what they have is on its way to the disk.
    case flushing(until: Instant)
    case copying(until: Instant)
  }

  /// A disk as it was at the moment of the backup.
  struct Piece: Codable {
    var name: String
    var contents: BlockDevice
    /// What was dirty in its bitmap, which is given back if the copy fails.
    var taken: ClusterSet
    /// Where the disk lay then.
    var pool: PoolName?
  }

  static let patience = Nanoseconds.seconds(60)

  var vm: String
  var number: Int
  /// Its place among the pools.
  var pool: Int
  var kind: RestorePoint.Kind
  var isQuiesced: Bool
  var keep: Int?
  var began: Instant
  /// Its guest's past: after a revert there is nothing to thaw.
  var generation: UInt32
  var phase: Phase
  var at = Instant.start
  var frozen = Nanoseconds.zero
  var pieces: [Piece] = []

  var name: String { "\(vm)#\(number)" }

  var deadline: Instant {
    switch phase {
    case .flushing(let until), .copying(let until): until
    }
  }
}

/// What became of a backup.
public struct BackupResult: Codable, Sendable, Hashable {
  public var vm: String
  public var number: Int
  public var pool: String
  public var kind: String
  public var isQuiesced: Bool
  /// The moment that it has.
  public var at: Instant
  /// Clusters that were copied, of how many that hold something.
  public var copied = 0
  public var clusters = 0
  /// How long programs took nothing on.
  public var frozen = Nanoseconds.zero
  public var finishedAt: Instant?
  /// Why there is none.
  public var failure: String?
  /// Gone since, with its pool or as later ones took its place.
  public var end: String?

  public var name: String { "\(vm)#\(number)" }
}
