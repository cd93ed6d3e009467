import Foundation
import Testing
import WeftCore
import WeftGuest
import WeftHypervisor
import WeftImage
import WeftSettings
import WeftTopology
import WeftWire

@testable import WeftFabric

/// What a VM's memory has: all that its guest could know, and a page is dirty exactly if a byte of it changed.
@Suite struct MemoryFactsTests {
  private static let lab = """
    duration: 60 s
    segments: {net: {subnet: 203.0.113.0/24}}
    hosts:
      h: {uplink: net 203.0.113.2, networks: {lan: {mode: nat, subnet: 10.1.0.0/24}}, pools: {ssd: {}}}
      srv: {uplink: net 203.0.113.9, programs: [http-server, udp-echo, tcp-echo, {sink: 5001}]}
    vms:
      web:
        network: lan
        disks: [{name: root, size: 1 GiB, pool: ssd, rate: 1 MB/s}]
        cd: {cidata: {user-data: {hostname: web}}}
        programs: [kv-store, {http-server: 8080}, tcp-echo, udp-echo, {ping: {to: srv, count: 5}}, {http-get: {to: "srv:80", count: 3}}, {bulk: {to: "srv:5001", size: 1 MB}}, {udp-rate: {to: "srv:7", count: 9}}, {dirty: {fill: 64 KiB, set: 8 KiB, rate: 10/s}}]
      idle: {network: lan, address: 10.1.0.20, programs: [http-server, tcp-echo]}
      peer: {network: lan, address: 10.1.0.21, programs: [{http-put: {to: "web:80", count: 20, interval: 10 ms, start: 2 s}}]}
    """

  private static func machine(_ simulation: borrowing Simulation, _ name: String) throws -> Machine {
    let machine = simulation.world.machine(named: name)
    return try #require(machine)
  }

  private static func memory(_ simulation: borrowing Simulation, _ name: String) throws -> GuestMemory {
    try machine(simulation, name).memory(at: simulation.world.now)
  }

  @Test func whoDoesNothingDirtiesNothing() throws {
    var simulation = try Simulation(topology(Self.lab), captures: nil)
    simulation.advance(to: .seconds(20))
    let mark = try Self.memory(simulation, "idle").mark
    simulation.advance(to: .seconds(30))
    #expect(try Self.memory(simulation, "idle").changes(since: mark).count == 0)
  }

  @Test func aConnectionAndAByteAreFewPages() throws {
    var simulation = try Simulation(topology(Self.lab), captures: nil)
    simulation.advance(to: .seconds(20))
    var machine = try Self.machine(simulation, "idle")
    let now = simulation.world.now
    var mark = try machine.memory(at: now).mark
    let made = machine.guest.stack.connect(to: IPv4Address(10, 1, 0, 21), 80, tag: 1 << 62, now: now)
    let socket = try #require(made)
    #expect(try machine.memory(at: now).changes(since: mark).count <= 3)
    // One byte of what waits in a socket.
    func write(_ byte: UInt8, _ machine: inout Machine) {
      _ = [UInt8](repeating: byte, count: 100).withUnsafeBytes { machine.guest.stack.write(socket, RawSpan(_unsafeBytes: $0)) }
    }
    var (one, two) = (machine, machine)
    write(1, &one)
    write(2, &two)
    mark = try one.memory(at: now).mark
    #expect(try two.memory(at: now).changes(since: mark).count == 1)
    #expect(try one.memory(at: now).changes(since: mark).count == 0)
  }

  /// Each state, encoded, decoded and encoded again.
  @Test func aGuestComesBackToTheByte() throws {
    var simulation = try Simulation(topology(Self.lab), captures: nil)
    var random = RandomStream(seed: 3, owner: "memory", purpose: "moments")
    var moment = Nanoseconds.zero
    for _ in 0..<300 {
      moment = moment + .microseconds(random.next(below: 20_000))
      simulation.advance(to: .start + moment)
      for name in ["web", "peer"] {
        let guest = try Self.machine(simulation, name).guest
        let encoder = ImageEncoder()
        let bytes = try encoder.encode(guest)
        let decoder = try ImageDecoder(
          shapeTable: encoder.shapeTable,
          userInfo: [.framePool: FramePoolReference(simulation.world.pool), .catalogue: Catalogue.standard])
        let again = ImageEncoder()
        #expect(try again.encode(decoder.decode(Guest.self, from: bytes)) == bytes, "\(name) at \(moment)")
      }
    }
  }

  /// Every stored property that can be reached from a guest is coded, and so in its memory, or stands here with why it isn't.
  @Test func everyStoredPropertyIsInMemoryOrHasAReason() throws {
    var simulation = try Simulation(topology(Self.lab), captures: nil)
    var walk = Walk()
    for moment in [1, 1050, 2050, 2101, 2300, 9000] as [UInt64] {
      simulation.advance(to: .milliseconds(moment))
      for name in ["web", "peer", "idle"] { walk.visit(try Self.machine(simulation, name).guest) }
    }
    let missing = Set(walk.missing.map { $0.replacing(/<.*>/, with: "") })
    #expect(walk.types.count > 50)
    #expect(missing.subtracting(Self.reasons.keys).sorted() == [])
    #expect(Set(Self.reasons.keys).subtracting(missing).sorted() == [], "what is coded by now needs no reason")
  }

  private static let reasons: [String: String] = {
    let asEntries = "coded as what is in it, one after the other"
    let disk = "on a disk, which is no memory"
    let short = "a short way for what comes again, made anew where it isn't there"
    return [
      "ByteRing.extent": asEntries, "ByteRing.head": asEntries, "ByteRing.storage": asEntries,
      "FlatMap.mask": asEntries, "FlatMap.slots": asEntries, "FlatMap.storage": asEntries, "FlatMap.used": asEntries,
      "FrameQueue.count": asEntries, "ISOEntry.content": asEntries, "ProgramList.count": asEntries,
      "ProgramList.store": asEntries,
      "ProgramList.useDrives": "follows from its programs", "ProgramConfiguration.make": "follows from its kind's name",
      "NeighbourTable.knownBits": "follows from its entries", "Guest.stackDeadline": "worked out anew as it settles",
      "Guest.stackChanges": "worked out anew as it settles", "IPLayer.changes": "tells whether a short way is too old",
      "IPLayer.path": short, "IPLayer.template": short, "IPLayer.whole": "room to put fragments together in",
      "BlockDevice.lower": disk, "BlockDevice.mode": disk, "BlockDevice.top": disk, "BlockDevice.unflushed": disk,
      "DiskLayer.clusters": disk,
    ]
  }()
}

/// Goes through values by reflection, and finds stored properties that their type doesn't code.
private struct Walk {
  var types: [String: Set<String>] = [:]
  /// Of each type, those that were never seen coded while they had a value.
  var missing: Set<String> { Set(open.filter { !coded.contains($0) }) }
  private var open: Set<String> = []
  private var coded: Set<String> = []

  mutating func visit(_ value: Any, depth: Int = 0) {
    guard depth < 40 else { return }
    let mirror = Mirror(reflecting: value)
    let type = String(describing: Swift.type(of: value)).replacing(/\(unknown context at \$[0-9a-f]+\)\./, with: "")
    switch mirror.displayStyle {
    case .struct, .class:
      let labels = mirror.children.compactMap { child in child.label.flatMap { isNil(child.value) ? nil : $0 } }
      let fresh = labels.filter { !open.contains("\(type).\($0)") || !coded.contains("\(type).\($0)") }
      if !fresh.isEmpty, let value = value as? any Encodable, let keys = Keys.of(value) {
        types[type, default: []].formUnion(labels)
        // What is coded as one value, or a list, has no keys: it is whole or it isn't, which encoding it again tells.
        guard !keys.isEmpty else { break }
        for label in labels { open.insert("\(type).\(label)") }
        for label in labels where keys.contains(label) { coded.insert("\(type).\(label)") }
      }
    default: break
    }
    for child in mirror.children.prefix(64) { visit(child.value, depth: depth + 1) }
  }

  private func isNil(_ value: Any) -> Bool {
    let mirror = Mirror(reflecting: value)
    return mirror.displayStyle == .optional && mirror.children.isEmpty
  }
}

/// The keys that a value codes itself by; empty where it is no keyed one.
private final class Keys: Encoder {
  var names: Set<String> = []
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  static func of(_ value: any Encodable) -> Set<String>? {
    let keys = Keys()
    guard (try? value.encode(to: keys)) != nil else { return nil }
    return keys.names
  }

  func container<Key: CodingKey>(keyedBy: Key.Type) -> KeyedEncodingContainer<Key> {
    KeyedEncodingContainer(Keyed<Key>(keys: self))
  }
  func unkeyedContainer() -> any UnkeyedEncodingContainer { Flat() }
  func singleValueContainer() -> any SingleValueEncodingContainer { Flat() }

  struct Keyed<Key: CodingKey>: KeyedEncodingContainerProtocol {
    let keys: Keys
    var codingPath: [any CodingKey] { [] }
    mutating func encodeNil(forKey key: Key) { keys.names.insert(key.stringValue) }
    mutating func encode(_ value: some Encodable, forKey key: Key) { keys.names.insert(key.stringValue) }
    mutating func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type, forKey key: Key) -> KeyedEncodingContainer<Nested> {
      keys.names.insert(key.stringValue)
      return KeyedEncodingContainer(Keys.Keyed<Nested>(keys: Keys()))
    }
    mutating func nestedUnkeyedContainer(forKey key: Key) -> any UnkeyedEncodingContainer {
      keys.names.insert(key.stringValue)
      return Flat()
    }
    mutating func superEncoder() -> any Encoder { Keys() }
    mutating func superEncoder(forKey key: Key) -> any Encoder { Keys() }
  }

  struct Flat: UnkeyedEncodingContainer, SingleValueEncodingContainer {
    var codingPath: [any CodingKey] { [] }
    var count: Int { 0 }
    mutating func encodeNil() {}
    mutating func encode(_ value: some Encodable) {}
    mutating func nestedContainer<Nested: CodingKey>(keyedBy: Nested.Type) -> KeyedEncodingContainer<Nested> {
      KeyedEncodingContainer(Keys.Keyed<Nested>(keys: Keys()))
    }
    mutating func nestedUnkeyedContainer() -> any UnkeyedEncodingContainer { Flat() }
    mutating func superEncoder() -> any Encoder { Keys() }
  }
}
