import Foundation
import Testing
import WeftCore
import WeftDisk
import WeftStorage
import WeftTestSupport
import WeftTopology

@testable import WeftFabric

/// A VM in a file, that runs elsewhere as it is.
@Suite struct BundleTests {
  private static let home = """
    name: home
    duration: 4 s
    hosts:
      boxhost: {networks: {front: {mode: isolated, subnet: 10.1.0.0/24}}, pools: {ssdpool: {}}}
    vms:
      web: {network: front, address: 10.1.0.1, disks: [{name: root, size: 16 MiB, pool: ssdpool}], programs: [kv-store, {tcp-echo: 7}]}
      client: {network: front, address: 10.1.0.2, programs: [{http-put: {to: "web:80", count: 20, interval: 10 ms}}]}
    """

  private static func away(_ vm: String, host: String = "") -> String {
    """
    name: away
    duration: 4 s
    hosts:
      other: {networks: {lan: {mode: isolated, subnet: 10.2.0.0/24}}, pools: {disks: {}}\(host)}
    vms:
      web: {\(vm)}
      peer: {network: lan, address: 10.2.0.9}
    expect:
      - {from: peer, http: "http://web/order-20", status: 200, at: 1 s}
      - {from: peer, to: "web:7/tcp", at: 1 s}
    """
  }

  private static func bundle() throws -> [UInt8] {
    var simulation = try Simulation(topology(home), captures: nil)
    simulation.advance(to: .seconds(3))
    return try BundleFile.encode("web", of: simulation, text: home, file: "home.yaml")
  }

  private static func load(_ text: String, _ bundle: [UInt8]) -> TopologyLoad {
    Topology.load(text: text, file: "away.yaml", readFile: { if $0 == "web.vm" { bundle } else { throw CancellationError() } })
  }

  @Test func itRunsElsewhereWithItsDiskAndItsMACAddress() throws {
    let bundle = try Self.bundle()
    #expect(try Self.bundle() == bundle, "the same VM gives the same bytes")
    let text = Self.away("from: web.vm, networks: {front: lan}, address: 10.2.0.1")
    let load = Self.load(text, bundle)
    var simulation = try Simulation(
      try #require(load.topology, "\(load.diagnostics.map { $0.render(color: false) })"), captures: nil)
    let mac = simulation.world.machine(named: "web")?.interfaces[0].mac
    let report = try simulation.complete()
    #expect(report.expectations.filter { !$0.passed }.map(\.observed) == [])
    let original = try Simulation(topology(Self.home), captures: nil)
    let kept = original.world.machine(named: "web")?.interfaces[0].mac
    #expect(mac == kept)
    let names = ["boxhost", "ssdpool", "10.1.0", "pool"].map { Data($0.utf8) }
    for name in names { #expect(Data(bundle).range(of: name) == nil, "\(String(decoding: name, as: UTF8.self))") }
  }

  /// Whatever runs it there.
  @Test(arguments: ["type1", "{type1: {driver-domain: dom0}}", "type2"]) func theSameBundleBootsOnEitherKindOfHost(kind: String)
    throws
  {
    let host = ", cpus: 1, hypervisor: \(kind)"
    var text = Self.away("from: web.vm, networks: {front: lan}, address: 10.2.0.1", host: host)
    if kind.contains("dom0") { text = text.replacing("peer: {", with: "dom0: {network: lan, address: 10.2.0.8}\n  peer: {") }
    let load = Self.load(text, try Self.bundle())
    var simulation = try Simulation(
      try #require(load.topology, "\(load.diagnostics.map { $0.render(color: false) })"), captures: nil)
    let report = try simulation.complete()
    #expect(report.expectations.filter { !$0.passed }.map(\.observed) == [])
    let original = try Simulation(topology(Self.home), captures: nil)
    let kept = original.world.machine(named: "web")?.interfaces[0].mac.description
    let interface = report.machines.first { $0.name == "web" }?.interfaces.first
    #expect(interface?.mac == kept && interface?.address == "10.2.0.1")
  }

  @Test(arguments: [
    ("from: wep.vm", "there is no file wep.vm"), ("from: web.vm", "web.vm needs a network for \"front\""),
    ("from: web.vm, networks: {frnt: lan, front: lan}, address: 10.2.0.1", "web.vm has no network \"frnt\""),
    ("from: web.vm, networks: {front: lam}, address: 10.2.0.1", "unknown network \"lam\""),
    ("from: web.vm, networks: {front: lan}", "VM \"web\" needs a static address: there is no DHCP server on an isolated network"),
    (
      "network: lan, address: 10.2.0.1, networks: {front: lan}",
      "\"networks\" says what a bundle's networks are here, and there is no bundle"
    ),
  ])
  func mistakesAreSaid(vm: String, message: String) throws {
    let load = Self.load(Self.away(vm), try Self.bundle())
    #expect(load.topology == nil && load.diagnostics.first?.message == message && load.diagnostics.first?.line == 6)
  }

  /// Changed bytes, where there is something: an error, or what it says all the same.
  @Test func aDamagedBundleIsAnErrorAndNoTrap() throws {
    let bundle = try Self.bundle()
    var random = RandomStream(seed: 9, owner: "bundle", purpose: "damage")
    let text = Self.away("from: web.vm, networks: {front: lan}, address: 10.2.0.1")
    for round in 0..<100 {
      var damaged = bundle
      // In the headers mostly, which is found before the sums are looked at.
      let place = Int(random.next(below: round % 10 != 0 ? 512 : UInt64(bundle.count)))
      damaged[place] ^= 1 << UInt8(random.next(below: 8))
      if round % 10 == 5 { damaged = Array(damaged.prefix(place)) }
      let load = Self.load(text, damaged)
      #expect(load.topology != nil || load.diagnostics.contains { $0.severity == .error })
    }
  }

  @Test func tenThousandMutationsAreErrorsOrTheSame() throws {
    let files: [(name: String, bytes: [UInt8])] = [
      ("disks/a.raw", [UInt8](repeating: 7, count: 700)), ("vm.yaml", Array("vm: {a: 1}\n".utf8)),
    ]
    let bundle = try BundleArchive.write(files)
    var random = RandomStream(seed: 10, owner: "bundle", purpose: "mutations")
    var same = 0
    for round in 0..<10_000 {
      var damaged = bundle
      for _ in 0...random.next(below: 3) {
        damaged[Int(random.next(below: UInt64(bundle.count)))] = UInt8(truncatingIfNeeded: random.next())
      }
      if round % 20 == 0 { damaged = Array(damaged.prefix(Int(random.next(below: UInt64(bundle.count))))) }
      do throws(Ustar.Problem) {
        let read = try BundleArchive.read(damaged)
        // Between a file's end and the end of its block anything may be.
        #expect(read.map(\.name) == files.map(\.name) && read.map(\.bytes) == files.map(\.bytes))
        same += 1
      } catch { #expect(!error.description.isEmpty) }
    }
    #expect(same < 6000 && same > 10)
  }

  @Test func aJudgeReadsIt() throws {
    let scratch = Scratch()
    let bundle = try Self.bundle()
    let path = scratch.write(Data(bundle), "web.vm")
    for judge in ["bsdtar", "tar"] where Tool.has(judge) {
      let listed = try Tool.run(judge, ["-tf", path])
      #expect(listed.output == "disks/root.qcow2\nsha256sums\nvm.yaml\n")
    }
    if Tool.has("bsdtar"), Tool.has("sha256sum") {
      _ = try Tool.run("bsdtar", ["-xf", path, "-C", scratch.path])
      let checked = try Tool.run("sh", ["-c", "cd \(scratch.path) && sha256sum -c sha256sums"])
      #expect(checked.output == "disks/root.qcow2: OK\nvm.yaml: OK\n")
    }
    #expect(try BundleFile.check(bundle, file: path).map(\.name) == ["disks/root.qcow2", "vm.yaml"])
    #expect(throws: BundleFile.Problem.self) { try BundleFile.check(Array(bundle.dropLast(512)), file: path) }
  }
}
