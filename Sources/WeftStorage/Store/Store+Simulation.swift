import WeftCore
import WeftDisk
import WeftFabric
import WeftSettings

extension Store {
  /// What a run has backed up, and the snapshots that its VMs have now.
  public mutating func save(_ simulation: borrowing Simulation) throws(StoreError) {
    for pool in simulation.pools { try save(pool.vault, host: pool.host, pool: pool.name) }
    for (record, chunks) in simulation.snapshotRecords() { try save(record, chunks) }
  }

  /// A run begins with the backups that were made before it, in pools of the same names, and with its VMs' snapshots.
  /// `catalogue`: what programs of a snapshot may be.
  public func load(into simulation: inout Simulation, catalogue: Catalogue = .standard) throws(StoreError) {
    for pool in simulation.pools {
      simulation.load(try vault(host: pool.host, pool: pool.name), host: pool.host, pool: pool.name)
    }
    var files: [String: [(machine: [UInt8], disks: [BlockDevice])]] = [:]
    for item in try snapshots() {
      guard case .success(let snapshot) = item.result, let machine = snapshot.machine else { continue }
      var (bytes, disks): ([UInt8], [BlockDevice]) = ([], [])
      for id in machine { bytes += try chunk(id) }
      for disk in snapshot.disks { disks.append(try contents(of: disk)) }
      files[snapshot.vm, default: []].append((bytes, disks))
    }
    for (vm, files) in files.sorted(by: { $0.key < $1.key }) {
      do throws(ImageError) { try simulation.load(files, of: vm, catalogue: catalogue) } catch {
        throw .damaged(path: "\(root)/snapshots/\(vm)", "\(error)")
      }
    }
  }
}
