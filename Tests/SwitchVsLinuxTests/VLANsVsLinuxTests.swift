import Testing
import WeftCore
import WeftSettings
import WeftSwitch
import WeftWire

/// `bridge vlan` as the judge: the same frames into a Linux bridge with VLAN filtering and into ours, the same frames out.
@Suite(.serialized) struct VLANsVsLinuxTests {
  static let ports = 5
  static let identifiers: [UInt16] = [1, 2, 3, 10, 4094]

  static func settings(_ stream: inout RandomStream) -> VLANPortSettings {
    func any() -> UInt16 { identifiers[Int(stream.next(below: UInt64(identifiers.count)))] }
    if stream.next(below: 2) == 0 { return VLANPortSettings(access: any()) }
    var trunk = VLANSet.none
    for _ in 0...stream.next(below: 3) { trunk = trunk.union(VLANSet(any())) }
    return VLANPortSettings(trunk: trunk, native: stream.next(below: 2) == 0 ? any() : nil)
  }

  static func frame(_ number: Int, _ stream: inout RandomStream) -> [UInt8] {
    func station() -> [UInt8] { [0x02, 0, 0, 0, 0, UInt8(1 + stream.next(below: 4))] }
    let destination: [UInt8] =
      switch stream.next(below: 6) {
      case 0: [UInt8](repeating: 0xff, count: 6)
      case 1: [0x01, 0, 0x5e, 0, 0, 0xfb]
      default: station()
      }
    var bytes = destination + station()
    if stream.next(below: 3) != 0 {
      let vlan = stream.next(below: 4) == 0 ? 0 : identifiers[Int(stream.next(below: UInt64(identifiers.count)))]
      let tci = UInt16(stream.next(below: 8)) << 13 | vlan
      bytes += [0x81, 0x00, UInt8(tci >> 8), UInt8(tci & 0xff)]
    }
    // Local experimental, as IEEE 802 has it.
    bytes += [0x88, 0xb5, UInt8(number >> 8), UInt8(number & 0xff)]
    return bytes + [UInt8](repeating: 0x55, count: 60 - min(60, bytes.count))
  }

  @Test(
    "What passes between ports of VLANs, and with which tag, is what a Linux bridge lets pass",
    .enabled(if: KernelBridge.vlanObstacle == nil, "\(KernelBridge.vlanObstacle ?? "")"))
  func vlans() throws {
    let kernel = try KernelBridge(ports: Self.ports, "vlan_filtering 1 ageing_time 60000")
    var stream = RandomStream(seed: 1, owner: "vlans", purpose: "test")
    let pool = FramePool()
    var number = 0
    for _ in 0..<25 {
      let settings = (0..<Self.ports).map { _ in Self.settings(&stream) }
      try kernel.setVLANs(settings)
      var ours = VirtualSwitch(ports: Self.ports)
      for (port, own) in settings.enumerated() { ours.setVLANs(own, on: PortIndex(port)) }
      for _ in 0..<30 {
        number += 1
        let (port, bytes) = (Int(stream.next(below: UInt64(Self.ports))), Self.frame(number, &stream))
        let expected = Self.pass(bytes, into: port, of: &ours, pool)
        let heard = try kernel.pass(bytes, into: port, expected: expected.count)
        guard heard == expected else {
          Issue.record("frame \(number) \(bytes.prefix(20)) into \(port) of \(settings): Linux \(heard), ours \(expected)")
          return
        }
      }
    }
  }

  /// One thing is otherwise there: an access port takes no tagged frames, not even of its own VLAN, which Linux and we do.
  @Test(
    "Open vSwitch lets the same frames pass", .enabled(if: OpenVSwitch.obstacle == nil, "\(OpenVSwitch.obstacle ?? "")"))
  func openVSwitch() throws {
    let judge = try OpenVSwitch(ports: Self.ports)
    var stream = RandomStream(seed: 2, owner: "vlans", purpose: "test")
    let pool = FramePool()
    var number = 0
    for _ in 0..<12 {
      let settings = (0..<Self.ports).map { _ in Self.settings(&stream) }
      try judge.setVLANs(settings)
      var ours = VirtualSwitch(ports: Self.ports)
      for (port, own) in settings.enumerated() { ours.setVLANs(own, on: PortIndex(port)) }
      for _ in 0..<25 {
        number += 1
        let (port, bytes) = (Int(stream.next(below: UInt64(Self.ports))), Self.frame(number, &stream))
        let isTagged = bytes[12] == 0x81 && (bytes[14] & 0xf, bytes[15]) != (0, 0)
        if settings[port].trunk == nil, isTagged { continue }
        let expected = Self.pass(bytes, into: port, of: &ours, pool)
        let heard = try judge.pass(bytes, into: port, expected: expected.count)
        guard heard == expected else {
          Issue.record("frame \(number) \(bytes.prefix(20)) into \(port) of \(settings): OVS \(heard), ours \(expected)")
          return
        }
      }
    }
  }

  static func pass(_ bytes: [UInt8], into port: Int, of bridge: inout VirtualSwitch, _ pool: FramePool) -> [Int: [UInt8]] {
    var out = Effects(pool: pool)
    bridge.receive(pool.frame(bytes), on: PortIndex(port), now: .start + .seconds(1), &out)
    var passed: [Int: [UInt8]] = [:]
    for index in 0..<out.count {
      let entry = out[index]
      if entry.verdict == .transmit { passed[entry.port.index] = entry.frame.withBytes { $0.array } }
      _ = Frame(stored: entry.frame)
    }
    out.observations = []
    out.removeAll()
    return passed
  }
}
