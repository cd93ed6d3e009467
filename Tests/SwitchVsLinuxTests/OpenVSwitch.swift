import Foundation
import KernelLab
import WeftSettings
import WeftSwitch

/// Open vSwitch in user space, in a namespace, and who is at the other ends of its cables. It ends with this object.
final class OpenVSwitch {
  let box: NetworkNamespace
  let sockets: [PacketSocket]
  private let folder: String

  init(ports: Int, _ options: String = "") throws {
    box = try NetworkNamespace()
    folder = NSTemporaryDirectory() + "weft-ovs-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    try box.run(["sh", "-e"], input: "for a in all default; do echo 1 > /proc/sys/net/ipv6/conf/$a/disable_ipv6; done")
    let cables = (0..<ports).map { "link add p\($0) type veth peer name q\($0)\nlink set p\($0) up\nlink set q\($0) up\n" }
    try box.run(["ip", "-batch", "-"], input: "link set lo up\n" + cables.joined())
    for port in 0..<ports { for end in ["p", "q"] { try box.turnOffloadsOff("\(end)\(port)") } }
    let own = box
    sockets = try (0..<ports).map { try own.socket(on: "q\($0)") }
    try shell(
      """
      export OVS_RUNDIR=\(folder) OVS_LOGDIR=\(folder) OVS_DBDIR=\(folder)
      ovsdb-tool create \(folder)/conf.db /usr/share/openvswitch/vswitch.ovsschema
      # A daemon must not keep what this process has open for other programs: who reads from those would wait for ever.
      alone() { bash -c 'for f in /proc/$$/fd/*; do n=${f##*/}; if [ $n -gt 2 ]; then eval "exec $n>&-"; fi; done; exec "$@"' - "$@"; }
      alone ovsdb-server \(folder)/conf.db --remote=punix:\(folder)/db.sock --pidfile=\(folder)/db.pid --detach --no-chdir \
        --log-file=\(folder)/db.log >/dev/null 2>&1 </dev/null
      ovs-vsctl --db=unix:\(folder)/db.sock --no-wait init
      alone ovs-vswitchd unix:\(folder)/db.sock --pidfile=\(folder)/vs.pid --detach --no-chdir --log-file=\(folder)/vs.log \
        --unixctl=\(folder)/vs.ctl >/dev/null 2>&1 </dev/null
      """)
    let added = (0..<ports).map { "-- add-port br0 p\($0)" }.joined(separator: " ")
    try shell("\(database) add-br br0 -- set bridge br0 datapath_type=netdev \(options) \(added)")
  }

  deinit {
    // By their process numbers, and nobody else's.
    try? shell("for f in vs db; do kill $(cat \(folder)/$f.pid) 2>/dev/null || true; done; sleep 0.2; rm -rf \(folder)")
  }

  private var database: String { "ovs-vsctl --db=unix:\(folder)/db.sock --timeout=10" }

  private func shell(_ script: String) throws { try box.run(["sh", "-e"], input: script) }

  func ask(_ words: String) throws -> String { try box.run(["sh", "-c", "ovs-appctl -t \(folder)/vs.ctl \(words)"]) }

  /// Each port's VLANs anew, and nothing learnt.
  func setVLANs(_ ports: [VLANPortSettings]) throws {
    var commands: [String] = []
    for (port, settings) in ports.enumerated() {
      commands.append("clear port p\(port) tag trunks vlan_mode")
      let identifiers = settings.members.ranges.flatMap { $0 }.map(String.init).joined(separator: ",")
      if settings.trunk == nil {
        commands.append("set port p\(port) vlan_mode=access tag=\(settings.untagged ?? 1)")
      } else if let native = settings.native {
        commands.append("set port p\(port) vlan_mode=native-untagged tag=\(native) trunks=\(identifiers)")
      } else {
        commands.append("set port p\(port) vlan_mode=trunk trunks=\(identifiers)")
      }
    }
    try shell("\(database) \(commands.joined(separator: " -- "))")
    _ = try ask("fdb/flush br0")
  }

  /// What comes out of which port for a frame that goes into one.
  func pass(_ frame: [UInt8], into port: Int, expected: Int) throws -> [Int: [UInt8]] {
    // Decisions are kept for a while after what they rested on has changed.
    _ = try ask("revalidator/purge")
    try sockets[port].transmit(frame)
    var heard: [Int: [UInt8]] = [:]
    func listen() throws {
      for (index, socket) in sockets.enumerated() { while let bytes = try socket.receive() { heard[index] = bytes } }
    }
    for _ in 0..<1000 where heard.count < expected {
      try listen()
      if heard.count < expected { usleep(500) }
    }
    usleep(expected == 0 ? 15_000 : 3_000)
    try listen()
    return heard
  }

  static let obstacle: String? = {
    do {
      _ = try OpenVSwitch(ports: 1)
      return nil
    } catch {
      return "no Open vSwitch to compare with: \(error)"
    }
  }()
}
