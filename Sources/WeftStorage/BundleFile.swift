import WeftCore
import WeftDisk
import WeftFabric
import WeftTopology
import WeftWire

/// A VM in one file, for another lab: `vm.yaml` and its disks, in a ustar archive. The same VM gives the same bytes.
public enum BundleFile {
  public struct Problem: Error, CustomStringConvertible {
    public var description: String
    init(_ error: some CustomStringConvertible) { description = error.description }
  }

  /// - Parameters:
  ///   - vm: which one.
  ///   - simulation: as it is now.
  ///   - text: of the file that the simulation was made of.
  ///   - file: what that is called in errors.
  public static func encode(_ vm: String, of simulation: borrowing Simulation, text: String, file: String) throws(Problem)
    -> [UInt8]
  {
    let portable: (macs: [MACAddress], disks: [(name: String, contents: BlockDevice)])
    do throws(ActionError) { portable = try simulation.portable(vm) } catch { throw Problem(error) }
    let yaml: String
    do throws(VMText.Problem) {
      yaml = try VMText.text(of: vm, in: text, file: file, macs: portable.macs, disks: portable.disks.map(\.name))
    } catch { throw Problem(error) }
    let disks = portable.disks.map { name, contents in
      var disk = contents
      disk.flatten()
      for bitmap in disk.bitmaps { try? disk.removeBitmap(named: bitmap.name) }
      return (name: "disks/\(name).qcow2", bytes: disk.qcow2)
    }
    do throws(Ustar.Problem) { return try BundleArchive.write([(VMText.name, Array(yaml.utf8))] + disks) } catch {
      throw Problem(error)
    }
  }

  /// What is in one: names and bytes; each disk is read.
  public static func check(_ bytes: [UInt8], file: String) throws(Problem) -> [(name: String, bytes: Int)] {
    let files: [(name: String, bytes: [UInt8])]
    do throws(Ustar.Problem) { files = try BundleArchive.read(bytes) } catch { throw Problem("\(file) is no bundle: \(error)") }
    guard files.contains(where: { $0.name == VMText.name }) else {
      throw Problem("\(file) is no bundle: it has no \(VMText.name)")
    }
    for (name, bytes) in files where name.hasPrefix("disks/") {
      do throws(DiskImageError) { _ = try BlockDevice(image: bytes, named: "\(file)/\(name)") } catch { throw Problem(error) }
    }
    return files.map { ($0.name, $0.bytes.count) }
  }
}
