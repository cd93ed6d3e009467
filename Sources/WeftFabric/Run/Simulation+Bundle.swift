import WeftCore
import WeftDisk
import WeftWire

extension Simulation {
  /// What a VM takes along to another place: the addresses of its interfaces, and its disks as they are now.
  public func portable(_ vm: String) throws(ActionError) -> (macs: [MACAddress], disks: [(name: String, contents: BlockDevice)]) {
    let (_, id) = try world.virtualMachine(vm)
    let machine = world.elements.machines[id]
    if let lost = machine.guest.drives.all.first(where: \.isLost) { throw .impossible("disk \(lost.name) of \(vm) is lost") }
    return (machine.interfaces.map(\.mac), machine.diskContents(world.now))
  }
}
