import Foundation
import Testing
import Weft
import WeftTestSupport

/// What outlives a run, from the command line.
@Suite struct StoreCommandTests {
  let scratch = Scratch()
  private static let lab = """
    name: stored
    duration: 4 s
    hosts: {h: {networks: {lan: {mode: isolated, subnet: 10.1.0.0/24}}, pools: {ssd: {}, vault: {}}}}
    vms:
      web: {network: lan, address: 10.1.0.1, disks: [{name: root, size: 16 MiB, pool: ssd}], programs: [kv-store]}
      client: {network: lan, address: 10.1.0.2, programs: [{http-put: {to: "web:80", count: 20, interval: 10 ms}}]}
    events: [{at: 2 s, snapshot: {vm: web, name: before}}, {at: 2 s, backup: {vm: web, to: vault}}]
    expect: [{vm: web, backup-verifies: vault, at: 3 s}]
    """

  init() { scratch.write(Self.lab, "lab.yaml") }

  @Test func backupsAndSnapshotsAreListedVerifiedAndExported() throws {
    #expect(try Weft.run("run", "lab.yaml", "--no-captures", "--store", "s", in: scratch).status == 0)
    #expect(try Weft.run("run", "lab.yaml", "--no-captures", "--store", "s", in: scratch).status == 0)
    let list = try Weft.run("backup", "list", "s", in: scratch)
    #expect(list.lines.map { $0.prefix(11) } == ["vault/web#1", "vault/web#2"])
    #expect(try Weft.run("backup", "verify", "s", in: scratch).output == "vault/web#1: verified\nvault/web#2: verified\n")
    #expect(try Weft.run("backup", "verify", "s", "vault/web#2", in: scratch).output == "vault/web#2: verified\n")
    #expect(try Weft.run("snapshot", "verify", "s", in: scratch).output == "web/before: verified\n")
    #expect(try Weft.run("backup", "verify", "s", "vault/web#3", in: scratch).status == 2)
    #expect(try Weft.run("backup", "list", "nowhere", in: scratch).status == 2)
    #expect(try Weft.run("backup", "export", "s", "vault/web#2", "-o", "a.qcow2", in: scratch).status == 0)
    #expect(try Weft.run("snapshot", "export", "s", "web/before", "-o", "b.raw", in: scratch).status == 0)
    #expect(try Weft.run("disk", "check", "a.qcow2", in: scratch).output.contains("sound, 16777216 bytes, 1 clusters"))
    #expect(try Weft.run("disk", "map", "a.qcow2", in: scratch).output == "0x0  0x10000  data  0  a.qcow2\n")
    #expect(scratch.contents("b.raw")?.count == 16 << 20)
    if Tool.has("qemu-img") {
      #expect(try Tool.run("qemu-img", ["check", scratch.file("a.qcow2")]).status == 0)
      #expect(try Weft.run("disk", "export", "a.qcow2", "-o", "c.raw", in: scratch).status == 0)
      #expect(try Tool.run("qemu-img", ["compare", scratch.file("a.qcow2"), scratch.file("c.raw")]).status == 0)
    }
  }

  @Test func anotherStoreTakesThem() throws {
    #expect(try Weft.run("run", "lab.yaml", "--no-captures", "--store", "s", in: scratch).status == 0)
    #expect(try Weft.run("backup", "import", "t", "s", in: scratch).output == "1 imported\n")
    #expect(try Weft.run("snapshot", "import", "t", "s", "web/before", in: scratch).output == "1 imported\n")
    #expect(try Weft.run("snapshot", "import", "t", "s", "web/after", in: scratch).status == 2)
    #expect(try Weft.run("backup", "verify", "t", in: scratch).output == "vault/web#1: verified\n")
    #expect(try Weft.run("snapshot", "verify", "t", in: scratch).output == "web/before: verified\n")
  }

  /// A later run goes on from what a store keeps.
  @Test func aRunRevertsToASnapshotOfTheStore() throws {
    #expect(try Weft.run("run", "lab.yaml", "--no-captures", "--store", "s", in: scratch).status == 0)
    let later = Self.lab.replacing("duration: 4 s", with: "duration: 9 s").replacing("count: 20", with: "count: 20, start: 3.9 s")
      .replacing(
        "{at: 2 s, snapshot: {vm: web, name: before}}, {at: 2 s, backup: {vm: web, to: vault}}",
        with: "{at: 3 s, revert: {vm: web, to: before}}"
      )
      .replacing(
        "{vm: web, backup-verifies: vault, at: 3 s}",
        with: "{from: client, http: \"http://web/order-20\", status: 200, at: 3.1 s, within: 0 s}")
    scratch.write(later, "later.yaml")
    #expect(try Weft.run("run", "later.yaml", "--no-captures", in: scratch).status != 0)
    let run = try Weft.run("run", "later.yaml", "--no-captures", "--store", "s", in: scratch)
    #expect(run.status == 0, "\(run.output)")
  }

  /// A real process, killed at some moment while it writes: all that is listed is whole, and the next goes on. `WEFT_KILLS`: how often.
  @Test func aKilledWriterLeavesAWholeStore() throws {
    let count = ProcessInfo.processInfo.environment["WEFT_KILLS"].flatMap { Int($0) } ?? 12
    let store = scratch.file("s")
    var (killed, random) = (0, SystemRandomNumberGenerator())
    for _ in 0..<count {
      try? FileManager.default.removeItem(atPath: store + "/lock")
      let writer = try Weft.start(["run", "lab.yaml", "--no-captures", "--store", "s"], in: scratch)
      let deadline = Date(timeIntervalSinceNow: 20)
      while !FileManager.default.fileExists(atPath: store + "/lock"), Date() < deadline { usleep(200) }
      usleep(UInt32.random(in: 0..<20_000, using: &random))
      writer.send(SIGKILL)
      if try writer.wait().signal != nil { killed += 1 }
      for what in ["backup", "snapshot"] where FileManager.default.fileExists(atPath: store + "/objects") {
        let verified = try Weft.run(what, "verify", "s", in: scratch)
        #expect(verified.status == 0, "\(verified.errors)")
      }
    }
    print("\(killed) of \(count) writers were killed at work")
    #expect(try Weft.run("run", "lab.yaml", "--no-captures", "--store", "s", in: scratch).status == 0)
    #expect(try Weft.run("backup", "verify", "s", in: scratch).output.hasSuffix(": verified\n"))
  }

  /// One bit of one chunk.
  @Test func aDamagedChunkIsNamed() throws {
    #expect(try Weft.run("run", "lab.yaml", "--no-captures", "--store", "s", in: scratch).status == 0)
    let chunk = try #require(scratch.entries.first { $0.hasPrefix("s/objects/") && $0.count > 60 })
    var bytes = try #require(scratch.contents(chunk))
    bytes[0] ^= 1
    scratch.write(bytes, chunk)
    let all = [try Weft.run("backup", "verify", "s", in: scratch), try Weft.run("snapshot", "verify", "s", in: scratch)]
    #expect(all.contains { $0.status == 2 && $0.errors.contains(chunk) })
  }

  @Test func aVMIsPackedAndRunsElsewhere() throws {
    #expect(try Weft.run("bundle", "export", "lab.yaml", "--vm", "web", "--at", "2s", "-o", "web.vm", in: scratch).status == 0)
    #expect(try Weft.run("bundle", "list", "web.vm", in: scratch).output.hasPrefix("disks/root.qcow2  "))
    if Tool.has("bsdtar") {
      #expect(try Tool.run("bsdtar", ["-tf", scratch.file("web.vm")]).output == "disks/root.qcow2\nsha256sums\nvm.yaml\n")
    }
    scratch.write(
      """
      name: away
      hosts: {other: {networks: {net: {mode: isolated, subnet: 10.9.0.0/24}}}}
      vms:
        shop: {from: web.vm, networks: {lan: net}, address: 10.9.0.1}
        peer: {network: net, address: 10.9.0.2}
      expect: [{from: peer, http: "http://shop/order-20", status: 200}]
      """, "away.yaml")
    #expect(try Weft.run("run", "away.yaml", "--no-captures", in: scratch).status == 0)
    #expect(try Weft.run("bundle", "export", "lab.yaml", "--vm", "wep", "-o", "x.vm", in: scratch).status == 2)
    #expect(try Weft.run("bundle", "list", "lab.yaml", in: scratch).status == 2)
  }
}
