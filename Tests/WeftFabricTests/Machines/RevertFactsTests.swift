import Foundation
import Testing
import WeftCore
import WeftDisk
import WeftHypervisor
import WeftTopology
import WeftWire

@testable import WeftFabric

/// What a revert does to connections, and what a tree of snapshots keeps.
@Suite struct RevertFactsTests {
  private static func lab(_ web: String, _ peer: String, _ events: String, duration: Int = 20) -> String {
    """
    name: revert
    duration: \(duration) s
    hosts: {h: {networks: {lan: {mode: isolated, subnet: 10.1.0.0/24, delay: 1 ms}}, pools: {ssd: {}}}}
    vms:
      web: {network: lan, address: 10.1.0.1, disks: [{name: root, size: 64 MiB, pool: ssd}], programs: [\(web)]}
      peer: {network: lan, address: 10.1.0.2, programs: [\(peer)]}
    events: [\(events)]
    """
  }

  private static func web(_ simulation: borrowing Simulation) throws -> Machine {
    let machine = simulation.world.machine(named: "web")
    return try #require(machine)
  }

  /// The TCP segments that leave a machine or come to it: when, its sequence number, its flags and its payload's length.
  private static func segments(_ text: String) throws -> [(
    seconds: Double, source: IPv4Address, sequence: UInt32, flags: TCPFlags, length: Int
  )] {
    var simulation = try Simulation(topology(text), captures: CaptureOptions(directory: nil))
    let outcome = try simulation.outcome()
    return try packets(try #require(outcome.captures["web/eth0"])).compactMap { packet in
      guard let ethernet = EthernetView(packet.bytes.span.bytes), ethernet.type == .ipv4, let ip = IPv4View(ethernet.payload),
        ip.protocol == .tcp, let tcp = TCPView(ip.payload)
      else { return nil }
      return (packet.seconds, ip.source, tcp.sequence, tcp.flags, tcp.payload.byteCount)
    }
  }

  /// Nothing was said since: both sides are where they were.
  @Test func aConnectionThatSaidNothingSinceGoesOn() throws {
    let text =
      Self.lab("tcp-echo", "", "{at: 2 s, snapshot: {vm: web, name: s}}, {at: 3 s, revert: {vm: web, to: s}}")
      + "\nexpect: [{from: peer, idle: {to: \"web:7/tcp\", for: 3 s}, at: 1 s}]"
    #expect(try run(text).expectations.map(\.passed) == [true])
    let all = try Self.segments(text)
    let sent = all.filter { $0.length > 0 }.map { "\($0.source) \($0.sequence)" }
    #expect(all.filter { $0.flags.contains(.syn) }.count == 2 && !sent.isEmpty && Set(sent).count == sent.count, "\(sent)")
  }

  /// Of a stream that was under way: segments of each second after the revert.
  private static func seconds(_ web: String, _ peer: String, duration: Int) throws -> [Int] {
    let text = Self.lab(
      web, peer, "{at: 2 s, snapshot: {vm: web, name: s}}, {at: 4 s, revert: {vm: web, to: s}}", duration: duration
    )
    .replacing("delay: 1 ms", with: "delay: 1 ms, rate: 1 Mbit/s")
    let all = try Self.segments(text).filter { $0.seconds > 4 }
    return (4..<duration).map { second in all.filter { $0.seconds >= Double(second) && $0.seconds < Double(second + 1) }.count }
  }

  /// What the peer has sent since, and was told that it arrived, is gone: nobody can send it again. It tries until it gives up.
  @Test func whoseDataIsGoneTriesUntilItGivesUp() throws {
    let counts = try Self.seconds("{sink: 5001}", "{bulk: {to: \"web:5001\", size: 500 MB}}", duration: 200)
    #expect(counts[0] > 3 && counts.dropFirst(1).allSatisfy { $0 <= 2 })
    // R2: it has given up long before the end.
    #expect(counts.dropFirst(150).allSatisfy { $0 == 0 })
  }

  /// What it sends again is old to its peer, whose answers acknowledge what it never sent: no storm comes of it.
  @Test func twoWhoCannotAgreeDoNotTalkForEver() throws {
    let counts = try Self.seconds("{bulk: {to: \"peer:5001\", size: 500 MB}}", "{sink: 5001}", duration: 120)
    #expect(counts.dropFirst(1).allSatisfy { $0 <= 4 })
  }

  /// Its NAT has forgotten the connection meanwhile: what goes on in its midst is none that it would begin.
  @Test func aConnectionThatItsNATHasForgottenIsNotTakenUp() throws {
    let text = """
      duration: 60 s
      segments: {wan: {subnet: 203.0.113.0/24, delay: 1 ms, rate: 1 Mbit/s}}
      hosts:
        h: {uplink: wan 203.0.113.2, networks: {lan: {mode: nat, subnet: 10.1.0.0/24, nat: {timeouts: {tcp-established: 5 s}}}}}
        peer: {uplink: wan 203.0.113.9, programs: [{sink: 5001}]}
      vms:
        web: {network: lan, address: 10.1.0.5, programs: [{bulk: {to: "peer:5001", size: 500 MB}}]}
      events: [{at: 2 s, snapshot: {vm: web, name: s}}, {at: 4 s, stop: web}, {at: 20 s, revert: {vm: web, to: s}}]
      """
    var simulation = try Simulation(topology(text), captures: nil)
    simulation.advance(to: .seconds(19))
    func received(_ programs: [Report.Program]) -> UInt64 { programs.reduce(0) { $0 + $1.report.bytesIn } }
    let before = received(simulation.world.programs)
    let report = try simulation.complete()
    #expect(before > 400_000 && received(report.programs) == before)
    #expect(report.drops.contains { $0.node == "lan" && $0.reason == "tcp-invalid" && $0.count > 0 })
  }

  /// Of all bytes of a disk; another in each process, and quicker than SHA-256.
  private static func hash(_ disk: BlockDevice) -> Int {
    var hasher = Hasher()
    disk.forEachCluster { offset, bytes in
      hasher.combine(offset)
      hasher.combine(bytes)
    }
    return hasher.finalize()
  }

  /// Fifty takes, reverts and deletes in chance's order: each snapshot stays what it was, to the byte.
  @Test func aTreeKeepsEachSnapshotAsItWas() throws {
    var simulation = try Simulation(
      topology(Self.lab("kv-store", "{http-put: {to: \"web:80\", count: 2000, interval: 20 ms, size: 300}}", "", duration: 40)),
      captures: nil)
    var random = RandomStream(seed: 8, owner: "tree", purpose: "test")
    var kept: [String: (MemoryMark, Int)] = [:]
    simulation.advance(to: .seconds(1))
    for round in 0..<50 {
      simulation.advance(to: .seconds(1) + .milliseconds(60 * UInt64(round + 1)))
      let names = kept.keys.sorted()
      let choice = names.isEmpty ? 0 : random.next(below: 4)
      let name = names.isEmpty ? "" : names[Int(random.next(below: UInt64(names.count)))]
      switch choice {
      case 0, 1:
        let new = "s\(round)"
        try simulation.takeSnapshot(new, of: "web")
        let machine = try Self.web(simulation)
        kept[new] = (
          try machine.memory(at: simulation.world.now).mark, Self.hash(machine.diskContents(simulation.world.now)[0].contents)
        )
      case 2: try simulation.revert("web", to: name, reseed: false)
      default:
        try simulation.deleteSnapshot(name, of: "web")
        kept[name] = nil
      }
      let machine = try Self.web(simulation)
      #expect(Set(machine.snapshots.all.map(\.name)) == Set(kept.keys))
      guard round == 24 || round == 49 else { continue }
      for snapshot in machine.snapshots.all {
        #expect(try snapshot.memory.mark == kept[snapshot.name]?.0, "\(snapshot.name) in round \(round)")
        let drive = snapshot.guest.drives[0]
        #expect(Self.hash(drive.contents(now: snapshot.vm.guestTime(snapshot.takenAt))) == kept[snapshot.name]?.1)
      }
    }
    #expect(kept.count > 3)
    // What they take together in files: each page and cluster once.
    let records = simulation.snapshotRecords()
    var all: [ChunkID: Int] = [:]
    for (_, chunks) in records { for (id, bytes) in chunks { all[id] = bytes.count } }
    let machines = Set(records.flatMap { $0.record.machine ?? [] })
    var pages: Set<[UInt8]> = []
    let machine = try Self.web(simulation)
    for snapshot in machine.snapshots.all { for page in try snapshot.memory.pages { pages.insert(page.bytes) } }
    let clusters = Set(records.flatMap { $0.record.disks.flatMap(\.chunks) })
    let distinct = pages.count * 4096 + clusters.reduce(0) { $0 + (all[$1] ?? 0) }
    let stored = all.filter { !machines.contains($0.key) }.values.reduce(0, +)
    #expect(Double(stored) <= Double(distinct) * 1.02, "\(stored) of \(distinct)")
  }

  /// An image at any moment of a backup, a migration, a snapshot and a revert goes on to the same. `WEFT_MOMENTS`: at how many.
  @Test func anImageAmidAnythingGoesOnToTheSame() throws {
    let text = """
      name: amid
      duration: 8 s
      segments: {net: {subnet: 10.0.0.0/24, delay: 100 us, rate: 100 Mbit/s}}
      hosts:
        one: {uplink: net 10.0.0.1, networks: {lan1: bridge}, pools: {ssd: {}, vault: {rate: 400 kB/s}}}
        two: {uplink: net 10.0.0.2, networks: {lan2: bridge}}
        till: {uplink: net 10.0.0.9, programs: [{http-put: {to: "web:80", count: 100, interval: 20 ms}}]}
      vms:
        web: {network: lan1, address: 10.0.0.10, memory: 4 MiB, disks: [{name: root, size: 1 GiB, pool: ssd, rate: 100 kB/s}], programs: [{kv-store: {write-back: 200 ms}}, {dirty: {fill: 1 MiB, set: 64 KiB, rate: 100/s}}]}
      events:
        - {at: 1 s, backup: {vm: web, to: vault}}
        - {at: 1.5 s, snapshot: {vm: web, name: s}}
        - {at: 2 s, migrate: {vm: web, to: two, activation: 50 ms, max-bandwidth: 4 MiB/s}}
        - {at: 4 s, backup: {vm: web, to: vault, kind: incremental}}
        - {at: 4.2 s, snapshot: {vm: web, name: t}}
        - {at: 4.6 s, revert: {vm: web, to: s}}
        - {at: 4.7 s, delete-snapshot: {vm: web, name: s}}
      """
    var whole = try Simulation(topology(text), captures: CaptureOptions(directory: nil))
    let wanted = try whole.outcome()
    var random = RandomStream(seed: 4, owner: "amid", purpose: "moments")
    let count = ProcessInfo.processInfo.environment["WEFT_MOMENTS"].flatMap { Int($0) } ?? 6
    var moments = (0..<count).map { _ in 900 + random.next(below: 4000) }
    moments += [1002, 2400, 4005]
    var simulation = try Simulation(topology(text), captures: CaptureOptions(directory: nil))
    for moment in moments.sorted() {
      simulation.run(until: .milliseconds(moment))
      var other = try Simulation(
        resuming: SimulationImage(decoding: try simulation.image().encoded(), pool: FramePool()), pool: FramePool(), captures: nil
      )
      let outcome = try other.outcome()
      #expect(outcome.isSame(wanted), "at \(moment) ms: \(outcome.difference(wanted))")
    }
  }
}
