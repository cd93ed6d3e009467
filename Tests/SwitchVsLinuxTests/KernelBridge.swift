import Foundation
import KernelLab
import WeftSettings
import WeftSwitch

/// A Linux bridge in a namespace, and who is at the other ends of its cables in another. Neither has a way out.
final class KernelBridge {
  let box: NetworkNamespace
  let ends: NetworkNamespace
  let sockets: [PacketSocket]

  init(ports: Int, _ options: String) throws {
    box = try NetworkNamespace()
    ends = try NetworkNamespace()
    let quiet = "for a in all default; do echo 1 > /proc/sys/net/ipv6/conf/$a/disable_ipv6; done"
    for namespace in [box, ends] { try namespace.run(["sh", "-e"], input: quiet) }
    var script = "link add br0 type bridge mcast_snooping 0 \(options)\n"
    for port in 0..<ports {
      script += "link add p\(port) type veth peer name q\(port) netns \(ends.path)\n"
      script += "link set p\(port) master br0\nlink set p\(port) up\n"
    }
    try box.run(["ip", "-batch", "-"], input: script + "link set br0 up\n")
    try ends.run(["ip", "-batch", "-"], input: (0..<ports).map { "link set q\($0) up\n" }.joined())
    for port in 0..<ports {
      try box.turnOffloadsOff("p\(port)")
      try ends.turnOffloadsOff("q\(port)")
    }
    let space = ends
    sockets = try (0..<ports).map { try space.socket(on: "q\($0)") }
  }

  /// Each port's VLANs anew, and nothing learnt.
  func setVLANs(_ ports: [VLANPortSettings]) throws {
    var script = ""
    for (port, settings) in ports.enumerated() {
      script += "vlan del dev p\(port) vid 1-4094\n"
      for range in settings.members.ranges {
        for vlan in range {
          script += "vlan add dev p\(port) vid \(vlan)\(settings.untagged == vlan ? " pvid untagged" : "")\n"
        }
      }
    }
    try box.run(["bridge", "-batch", "-"], input: script)
    try box.run(["ip", "link", "set", "br0", "type", "bridge", "fdb_flush"])
  }

  /// What comes out of which port for a frame that goes into one. `expected`: how many are waited for; more are looked for a little
  /// longer.
  func pass(_ frame: [UInt8], into port: Int, expected: Int) throws -> [Int: [UInt8]] {
    try sockets[port].transmit(frame)
    var heard: [Int: [UInt8]] = [:]
    func listen() throws {
      for (index, socket) in sockets.enumerated() { while let bytes = try socket.receive() { heard[index] = bytes } }
    }
    for _ in 0..<400 where heard.count < expected {
      try listen()
      if heard.count < expected { usleep(100) }
    }
    usleep(200)
    try listen()
    return heard
  }

  /// Nil: it can be made here.
  static let obstacle: String? = {
    do {
      _ = try KernelBridge(ports: 2, "stp_state 1")
      return nil
    } catch {
      return "no Linux bridge to compare with: \(error)"
    }
  }()

  /// Nil: with VLANs too, which a kernel without 802.1Q has not.
  static let vlanObstacle: String? = {
    if let obstacle { return obstacle }
    do {
      _ = try KernelBridge(ports: 2, "vlan_filtering 1")
      return nil
    } catch {
      return "this kernel's bridge has no VLANs: \(error)"
    }
  }()
}
