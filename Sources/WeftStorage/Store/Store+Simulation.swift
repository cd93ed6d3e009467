import WeftCore
import WeftDisk
import WeftFabric

extension Store {
  /// What a run has backed up, and the snapshots that its VMs have now.
  public mutating func save(_ simulation: borrowing Simulation) throws(StoreError) {
    for pool in simulation.pools { try save(pool.vault, host: pool.host, pool: pool.name) }
    for (record, chunks) in simulation.snapshotRecords() { try save(record, chunks) }
  }

  /// A run begins with the backups that were made before it, in pools of the same names.
  public func load(into simulation: inout Simulation) throws(StoreError) {
    for pool in simulation.pools {
      simulation.load(try vault(host: pool.host, pool: pool.name), host: pool.host, pool: pool.name)
    }
  }
}
