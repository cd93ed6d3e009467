import WeftCore
import WeftDisk

extension Simulation {
  /// The hosts' pools, with what is backed up in each.
  public var pools: [(host: String, name: String, vault: Vault)] {
    world.storage.pools.map { ($0.host, $0.name, $0.vault) }
  }

  /// Before anything happens: a pool has backups of another run.
  public mutating func load(_ vault: Vault, host: String, pool: String) {
    guard let place = world.storage.pools.firstIndex(where: { $0.host == host && $0.name == pool }) else { return }
    world.storage.pools[place].vault = vault
  }
}
