import Testing
import WeftCore
import WeftSettings
import WeftSwitch
import WeftWire

@Suite struct VirtualSwitchTests {
  let pool = FramePool()
  static let a = MACAddress.local(1)
  static let b = MACAddress.local(2)
  static let c = MACAddress.local(3)

  func frame(_ source: MACAddress, _ destination: MACAddress) -> Frame {
    var frame = pool.frame([UInt8](repeating: 0, count: 60))
    var span = frame.mutableBytes
    EthernetHeader(destination: destination, source: source, type: .ipv4).write(to: &span)
    return frame
  }

  /// Feeds one frame in and gives back where it went, or why it was dropped.
  func feed(_ bridge: inout VirtualSwitch, _ frame: consuming Frame, on port: Int, at seconds: UInt64 = 0) -> (
    [Int], DropReason?
  ) {
    var out = Effects(pool: pool)
    bridge.receive(frame, on: PortIndex(port), now: .start + .seconds(seconds), &out)
    var ports: [Int] = []
    var reason: DropReason?
    for index in 0..<out.count {
      let entry = out[index]
      switch entry.verdict {
      case .transmit: ports.append(entry.port.index)
      case .flood: ports += (0..<bridge.portCount).filter { $0 != entry.port.index }
      case .drop: reason = entry.reason
      }
      _ = Frame(stored: entry.frame)
    }
    out.removeAll()
    return (ports, reason)
  }

  @Test func unknownDestinationsAreFloodedAndKnownOnesForwarded() {
    var bridge = VirtualSwitch(ports: 3)
    #expect(feed(&bridge, frame(Self.a, Self.b), on: 0).0 == [1, 2])
    #expect(feed(&bridge, frame(Self.b, Self.a), on: 1).0 == [0])
    #expect(feed(&bridge, frame(Self.a, Self.b), on: 0).0 == [1])
    #expect(bridge.counters.forwarded == 2 && bridge.counters.flooded == 1)
    #expect(pool.outstanding == 0)
  }

  @Test func broadcastAndMulticastGoToEveryOtherPort() {
    var bridge = VirtualSwitch(ports: 4)
    #expect(feed(&bridge, frame(Self.a, .broadcast), on: 3).0 == [0, 1, 2])
    #expect(feed(&bridge, frame(Self.a, MACAddress("01:00:5e:00:00:fb")!), on: 1).0 == [0, 2, 3])
  }

  @Test(arguments: 0...15) func linkLocalReservedAddressesAreNeverForwarded(last: Int) {
    var bridge = VirtualSwitch(ports: 3)
    let reserved = MACAddress(rawValue: 0x0180_c200_0000 | UInt64(last))
    let (ports, reason) = feed(&bridge, frame(Self.a, reserved), on: 0)
    #expect(ports.isEmpty && reason == .reservedMulticast)
    #expect(feed(&bridge, frame(Self.a, MACAddress(rawValue: 0x0180_c200_0010)), on: 0).0 == [1, 2])
  }

  @Test func entriesAgeAfterThreeHundredSeconds() {
    var bridge = VirtualSwitch(ports: 3)
    _ = feed(&bridge, frame(Self.b, Self.a), on: 1, at: 0)
    #expect(feed(&bridge, frame(Self.a, Self.b), on: 0, at: 300).0 == [1])
    #expect(feed(&bridge, frame(Self.a, Self.b), on: 0, at: 301).0 == [1, 2])
  }

  @Test func aMoveIsFollowedAndCounted() {
    var bridge = VirtualSwitch(ports: 3)
    _ = feed(&bridge, frame(Self.a, .broadcast), on: 0)
    _ = feed(&bridge, frame(Self.a, .broadcast), on: 2)
    #expect(bridge.counters.moves == 1)
    #expect(feed(&bridge, frame(Self.b, Self.a), on: 1).0 == [2])
  }

  @Test func aFullDatabaseLearnsNoMoreButForwardsWhatItKnows() {
    var bridge = VirtualSwitch(ports: 3, fdb: FDBSettings(limit: 2))
    _ = feed(&bridge, frame(Self.a, .broadcast), on: 0)
    _ = feed(&bridge, frame(Self.b, .broadcast), on: 1)
    _ = feed(&bridge, frame(Self.c, .broadcast), on: 2)
    #expect(bridge.counters.notLearnt == 1 && bridge.database.count == 2)
    #expect(feed(&bridge, frame(Self.b, Self.c), on: 1).0 == [0, 2])
    #expect(feed(&bridge, frame(Self.c, Self.a), on: 2).0 == [0])
    // Room again once the others have aged.
    _ = feed(&bridge, frame(Self.c, .broadcast), on: 2, at: 400)
    #expect(feed(&bridge, frame(Self.b, Self.c), on: 1, at: 400).0 == [2])
  }

  @Test func badSourcesHairpinsAndLonelySwitchesDropWithAReason() {
    var bridge = VirtualSwitch(ports: 2)
    #expect(feed(&bridge, frame(.broadcast, Self.a), on: 0).1 == .sourceIsGroup)
    #expect(feed(&bridge, pool.frame([1, 2, 3]), on: 0).1 == .malformedEthernet)
    _ = feed(&bridge, frame(Self.a, .broadcast), on: 0)
    #expect(feed(&bridge, frame(Self.b, Self.a), on: 0).1 == .hairpinPort)
    var alone = VirtualSwitch(ports: 1)
    #expect(feed(&alone, frame(Self.a, .broadcast), on: 0).1 == .noOtherPort)
  }

  @Test func randomBytesAreForwardedOrDroppedNeverKept() {
    var random = RandomStream(seed: 7, owner: "switch", purpose: "fuzz")
    var bridge = VirtualSwitch(ports: 3, fdb: FDBSettings(limit: 100))
    for _ in 0..<20_000 {
      let bytes = (0..<Int(random.next(below: 40))).map { _ in UInt8(truncatingIfNeeded: random.next()) }
      let (ports, reason) = feed(&bridge, pool.frame(bytes), on: Int(random.next(below: 3)))
      #expect(ports.isEmpty == (reason != nil))
    }
    #expect(bridge.database.count <= 100 && pool.outstanding == 0)
  }
}
