import WeftCore
import WeftDisk
import WeftHypervisor
import WeftImage
import WeftSettings

// Snapshots that outlive a run, and another that goes on from them.
extension Simulation {
  /// The snapshots that VMs have now, each with the chunks that it is made of and those before it haven't; whose disk is lost isn't
  /// among them.
  public func snapshotRecords() -> [(record: SnapshotRecord, chunks: [ChunkID: [UInt8]])] {
    var all: [(record: SnapshotRecord, chunks: [ChunkID: [UInt8]])] = []
    for (node, id) in world.machineNodes {
      var packer = PagePacker()
      for snapshot in world.elements.machines[id].snapshots.all where !snapshot.isLost {
        var chunks: [ChunkID: [UInt8]] = [:]
        let disks = snapshot.guest.drives.all.map { DiskRecord($0.name, $0.promised, into: &chunks) }
        var record = SnapshotRecord(
          vm: world.name(node), name: snapshot.name, parent: snapshot.parent, at: snapshot.takenAt, disks: disks)
        if snapshot.hasMemory, let memory = try? snapshot.memory {
          record.memory = packer.pack(memory.pages.map { ($0.number.rawValue, $0.bytes) }, into: &chunks)
        }
        if let file = try? snapshot.file {
          record.machine = stride(from: 0, to: file.count, by: BlockDevice.clusterSize).map { start in
            let piece = Array(file[start..<min(file.count, start + BlockDevice.clusterSize)])
            let id = ChunkID(of: piece)
            chunks[id] = piece
            return id
          }
        }
        all.append((record, chunks))
      }
    }
    return all
  }

  /// Before anything happens: a VM has snapshots of another run. A run's own of the same name takes its place,
  /// and those that another weft wrote are passed over.
  /// - Parameters:
  ///   - files: the bytes of each one's `machine`, and its disks in their order.
  ///   - vm: whose they are.
  ///   - catalogue: what its programs may be.
  /// - Throws: `ImageError`: a file isn't what a snapshot gives, or doesn't go with its disks.
  public mutating func load(
    _ files: [(machine: [UInt8], disks: [BlockDevice])], of vm: String, catalogue: Catalogue = .standard
  ) throws(ImageError) {
    guard let node = world.names.machines[vm], let id = world.machine(node), world.elements.machines[id].work == nil else {
      return
    }
    var loaded: [Snapshot] = []
    for (file, disks) in files {
      var snapshot: Snapshot
      do throws(ImageError) { snapshot = try Snapshot(file: file, world.pool, catalogue) } catch {
        // Its disks are still good for all that the store's commands do with them.
        if case .sectionVersion = error { continue }
        throw error
      }
      guard snapshot.guest.drives.all.map(\.size) == disks.map(\.size) else { throw .damaged("its disks aren't its machine's") }
      for (index, contents) in disks.enumerated() {
        let pool = world.elements.machines[id].guest.drives[snapshot.guest.drives[index].name]?.pool
        snapshot.guest.drives[index].replace(with: contents, pool: pool)
      }
      loaded.append(snapshot)
    }
    world.elements.machines[id].snapshots.load(loaded)
  }
}

extension Snapshot {
  private static var magic: [UInt8] { Array("WEFTSNAP".utf8) }

  /// For another run: without what its disks have, which goes beside it, and what waited in its rings, which are packets of this
  /// one.
  /// Nil of a host with cpus: its work is that host's.
  fileprivate var file: [UInt8]? {
    get throws {
      guard work == nil else { return nil }
      var copy = self
      copy.guest.drives = Drives(copy.guest.drives.all.map { $0.emptied() })
      copy.guest.stack.forgetTraces()
      copy.isOfAnotherRun = false
      for index in copy.interfaces.indices { copy.interfaces[index].reset() }
      let encoder = ImageEncoder()
      let body = try encoder.encode(copy)
      let (shapes, machine) = (ImagePart.shapes, ImagePart.machine)
      return SectionFile.encode(
        [
          Section(kind: shapes.rawValue, version: shapes.version, bytes: encoder.shapeTable),
          Section(kind: machine.rawValue, version: machine.version, name: name, bytes: body),
        ], magic: Self.magic, version: 1)
    }
  }

  fileprivate init(file: [UInt8], _ pool: FramePool, _ catalogue: Catalogue) throws(ImageError) {
    let sections: [Section]
    do throws(SectionError) {
      sections = try SectionFile.decode(file, magic: Self.magic, version: 1, named: ImagePart.title)
    } catch { throw ImageError(error) }
    guard sections.map(\.kind) == [ImagePart.shapes.rawValue, ImagePart.machine.rawValue] else { throw .damaged("its sections") }
    guard sections[1].version == ImagePart.machine.version else {
      throw .sectionVersion(section: "the snapshot", found: sections[1].version, reads: ImagePart.machine.version)
    }
    do {
      let decoder = try ImageDecoder(
        shapeTable: sections[0].bytes, userInfo: [.framePool: FramePoolReference(pool), .catalogue: catalogue])
      self = try decoder.decode(Snapshot.self, from: sections[1].bytes)
    } catch { throw .damaged("its state doesn't decode: \(error)") }
    guard Machine.fit(guest, interfaces, plugged: plugged, work), work == nil else {
      throw .damaged("its state contradicts itself")
    }
    isOfAnotherRun = true
  }
}
