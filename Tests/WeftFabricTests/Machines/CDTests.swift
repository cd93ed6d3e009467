import Foundation
import Testing
import WeftCore
import WeftISO
import WeftImage
import WeftSettings
import WeftStorage
import WeftTestSupport
import WeftTopology
import WeftWire

@testable import WeftFabric

/// Discs in the drives of VMs: what a machine takes from one as it boots, and what it reads from one as it runs.
@Suite struct CDTests {
  private static func lab(_ web: String, events: String = "", network: String = "host-only") -> String {
    """
    name: discs
    duration: 8 s
    hosts: {laptop: {networks: {lan: {mode: \(network), subnet: 192.168.122.0/24, delay: 1 ms}}}}
    vms:
      web: {network: lan, \(web)}
      peer: {network: lan, address: 192.168.122.9, programs: [{ping: 192.168.122.50}]}
    events: [\(events)]
    """
  }

  private static let networkConfig =
    "{version: 2, ethernets: {eth0: {addresses: [192.168.122.50/24], gateway4: 192.168.122.1}}}"
  private static let seed =
    "cd: {cidata: {meta-data: {instance-id: i-7f3a}, user-data: {hostname: web, weft: {programs: [http-server]}}, "
    + "network-config: \(networkConfig)}}"

  private static func web(_ report: Report) throws -> Report.Machine {
    try #require(report.machines.first { $0.name == "web" })
  }

  private static func problems(_ yaml: String, files: [String: [UInt8]] = [:]) -> [String] {
    Topology.load(text: yaml, file: "lab.yaml", readFile: { try read($0, files) }).diagnostics.map {
      "\($0.file):\($0.line):\($0.column): \($0.message)"
    }
  }

  private struct NoFile: Error, CustomStringConvertible { let description = "no such file" }

  private static func read(_ path: String, _ files: [String: [UInt8]]) throws -> [UInt8] {
    guard let bytes = files[path] else { throw NoFile() }
    return bytes
  }

  private static func report(_ yaml: String, files: [String: [UInt8]]) throws -> Report {
    let load = Topology.load(text: yaml, file: "lab.yaml", readFile: { try read($0, files) })
    let topology = try #require(load.topology, "\(load.diagnostics.map { $0.render(color: false) })")
    var simulation = try Simulation(topology, captures: CaptureOptions(directory: nil))
    return try simulation.complete()
  }

  // MARK: Setting up

  @Test func aMachineTakesNameAddressAndProgramsFromItsDisc() throws {
    let report = try run(Self.lab(Self.seed))
    #expect(report.text().contains("  web: hostname web, eth0 192.168.122.50/24 from cd (i-7f3a)\n"))
    #expect(try Self.web(report).interfaces[0].address == "192.168.122.50")
    #expect(report.programs.contains { $0.machine == "web" && $0.report.title == "http-server :80" })
  }

  /// Ports 67 and 68 are on nobody's wire; without the disc they are.
  @Test(arguments: [true, false]) func aMachineWithASettledAddressAsksNoDHCP(hasDisc: Bool) throws {
    var simulation = try Simulation(
      topology(Self.lab(hasDisc ? Self.seed : "")), captures: CaptureOptions(directory: nil))
    let outcome = try simulation.outcome()
    let requests = try packets(try #require(outcome.captures["web/eth0"])).filter {
      $0.bytes.count > 42 && $0.bytes[12] == 8 && $0.bytes[13] == 0 && $0.bytes[23] == 17 && $0.bytes[37] == 67
    }
    #expect(requests.isEmpty == hasDisc)
  }

  @Test(arguments: [
    "{version: 1, config: [{type: physical, name: eth0, subnets: [{type: static, address: 192.168.122.50/24, gateway: 192.168.122.1}]}]}",
    "{version: 1, config: [{type: physical, name: eth0, subnets: [{type: static, address: 192.168.122.50, netmask: 255.255.255.0}]}]}",
    "{version: 2, ethernets: {nic: {match: {macaddress: \"52:54:00:00:00:07\"}, addresses: [192.168.122.50/24]}}}",
    "{version: 2, ethernets: {nic: {match: {name: en*}, set-name: eth0, addresses: [192.168.122.50/24], routes: [{to: 0.0.0.0/0, via: 192.168.122.1}]}}}",
    "{network: {version: 2, ethernets: {eth0: {addresses: [192.168.122.50/24]}}}}",
    "\"version: 2\\r\\nethernets:\\r\\n  eth0:\\r\\n    addresses: [192.168.122.50/24]\\r\\n\"",
    "\"\\uFEFFversion: 2\\nethernets: {eth0: {addresses: [192.168.122.50/24]}}\\n\"",
  ])
  func everyFormOfNetworkConfigGivesTheAddress(config: String) throws {
    let report = try run(Self.lab("mac: \"52:54:00:00:00:07\", cd: {cidata: {network-config: \(config)}}", network: "isolated"))
    #expect(try Self.web(report).interfaces[0].address == "192.168.122.50")
  }

  @Test func aDiscMayAskForDHCP() throws {
    let report = try run(Self.lab("cd: {cidata: {network-config: {version: 2, ethernets: {eth0: {dhcp4: true}}}}}"))
    let web = try Self.web(report)
    #expect(web.interfaces[0].address != nil && web.setUp?.hasPrefix("eth0 by DHCP from cd (i-") == true)
  }

  /// Of a clone with a new address: the disc is for another machine, and that is told.
  @Test func anInterfaceThatTheDiscMissesIsTold() throws {
    let config = "{version: 2, ethernets: {eth0: {match: {macaddress: \"52:54:00:00:00:99\"}, addresses: [192.168.122.50/24]}}}"
    let report = try run(Self.lab("cd: {cidata: {meta-data: {instance-id: i-1}, network-config: \(config)}}"))
    let web = try Self.web(report)
    #expect(web.interfaces[0].address == nil)
    #expect(
      report.text().contains(
        "  web: cd (i-1): no interface has MAC address 52:54:00:00:00:99: what it says of eth0 is left out\n"))
  }

  /// What an instance has taken it doesn't take again, whatever another disc says.
  @Test(arguments: ["i-7f3a", "i-2"]) func onlyAnotherInstanceIsSetUpAnew(id: String) throws {
    let other =
      "{cidata: {meta-data: {instance-id: \(id)}, user-data: {hostname: other}, network-config: "
      + "{version: 2, ethernets: {eth0: {addresses: [192.168.122.60/24]}}}}}"
    let report = try run(
      Self.lab(Self.seed, events: "{at: 2 s, insert: {vm: web, cd: \(other)}}, {at: 4 s, reset: web}"))
    let web = try Self.web(report)
    #expect(web.interfaces[0].address == (id == "i-2" ? "192.168.122.60" : "192.168.122.50"))
    #expect(web.setUp?.contains(id == "i-2" ? "hostname other" : "hostname web") == true)
    #expect(
      web.setUpProblems
        == (id == "i-2" ? nil : ["cd (i-7f3a): the machine is i-7f3a already: nothing of the new disc is taken"]))
  }

  /// Its disk remembers, as a real machine's does.
  @Test func whatWasTakenStaysWithoutTheDisc() throws {
    let report = try run(Self.lab(Self.seed, events: "{at: 2 s, eject: web}, {at: 3 s, stop: web}, {at: 4 s, start: web}"))
    #expect(try Self.web(report).interfaces[0].address == "192.168.122.50")
    #expect(try Self.web(report).disc == nil)
  }

  @Test(arguments: [
    ("genisoimage", ["-quiet", "-V", "cidata", "-J", "-r", "-o", "seed.iso", "seed"]),
    ("xorriso", ["-as", "mkisofs", "-quiet", "-V", "CIDATA", "-J", "-R", "-o", "seed.iso", "seed"]),
  ])
  func discsOfOtherToolsSetAMachineUp(tool: String, arguments: [String]) throws {
    guard Tool.has(tool) else { return print("\(tool) is not there: its disc was not read") }
    let folder = Scratch()
    try FileManager.default.createDirectory(atPath: folder.file("seed"), withIntermediateDirectories: true)
    folder.write(Data("instance-id: i-5\nlocal-hostname: theirs\n".utf8), "seed/meta-data")
    folder.write(Data("#cloud-config\nweft:\n  programs:\n    - http-server: 8080\n".utf8), "seed/user-data")
    folder.write(Data("version: 2\nethernets:\n  eth0:\n    addresses: [192.168.122.50/24]\n".utf8), "seed/network-config")
    let result = try Tool.run(tool, arguments, in: folder.path)
    try #require(result.status == 0, "\(result.errors)")
    let bytes = [UInt8](try #require(folder.contents("seed.iso")))
    let report = try Self.report(Self.lab("cd: seed.iso"), files: ["seed.iso": bytes])
    #expect(try Self.web(report).setUp == "hostname theirs, eth0 192.168.122.50/24 from cd (i-5)")
  }

  // MARK: Our own discs

  private static var ours: CD {
    get throws { try #require(try topology(lab(seed)).vms[0].cd) }
  }

  @Test func ourDiscIsSmallAndSaysWhatTheFileSays() throws {
    let cd = try Self.ours
    let image = try cd.disc.volume.iso()
    #expect(image.count <= 80 << 10)
    #expect(try image == cd.disc.volume.iso())
    let read = try CloudInitSeed(ISOVolume(iso: image))
    #expect(read.instanceID == "i-7f3a" && read.hostname == "web" && read.isCloudConfig)
    // From the image the same is read as from the file.
    let load = Topology.load(
      text: Self.lab("cd: x/web.iso"), file: "lab.yaml", readFile: { try Self.read($0, ["x/web.iso": image]) })
    var again = try #require(load.topology?.vms[0].cd?.seed)
    again.programs = try #require(cd.seed).programs
    #expect(again == cd.seed)
  }

  @Test func bsdtarAndCloudInitReadOurDisc() throws {
    let folder = Scratch()
    folder.write(Data(try Self.ours.disc.volume.iso()), "seed.iso")
    guard Tool.has("bsdtar") else { return print("bsdtar is not there: our disc was not judged") }
    let result = try Tool.run("bsdtar", ["-xf", "seed.iso"], in: folder.path)
    #expect(result.status == 0, "\(result.errors)")
    #expect(folder.contents("meta-data") == Data("instance-id: i-7f3a\n".utf8))
    guard Tool.has("cloud-init") else { return print("cloud-init is not there: our user-data was not judged") }
    let schema = try Tool.run("cloud-init", ["schema", "--config-file", "user-data"], in: folder.path)
    #expect(schema.status == 0, "\(schema.output)\(schema.errors)")
    let network = String(decoding: folder.contents("network-config") ?? Data(), as: UTF8.self)
    let wrapped = "network:\n" + network.split(separator: "\n").map { "  \($0)\n" }.joined()
    folder.write(Data(wrapped.utf8), "wrapped")
    let convert = try Tool.run(
      "cloud-init", ["devel", "net-convert", "-p", "wrapped", "-k", "yaml", "-d", "out", "-D", "debian", "-O", "netplan"],
      in: folder.path)
    #expect(convert.status == 0, "\(convert.output)\(convert.errors)")
    let netplan = String(decoding: folder.contents("out/etc/netplan/50-cloud-init.yaml") ?? Data(), as: UTF8.self)
    #expect(netplan.contains("- 192.168.122.50/24"), "\(netplan)")
  }

  // MARK: Reading

  private static let tools = "{label: TOOLS, files: {tools.txt: new, sub: {a b.txt: inside}}}"

  private static func get(_ path: String, at: String, _ check: String) -> String {
    "{from: peer, http: \"http://192.168.122.50\(path)\", \(check), at: \(at), within: 0 s}"
  }

  @Test func aSwapFailsOneReadAndThenGivesTheNewBytes() throws {
    let checks = [
      Self.get("/cdrom/meta-data", at: "1 s", "body: i-7f3a"), Self.get("/cdrom/none", at: "1.5 s", "status: 404"),
      Self.get("/cdrom/tools.txt", at: "3 s", "status: 503"), Self.get("/cdrom/tools.txt", at: "3.5 s", "body: new"),
      Self.get("/cdrom/sub/a%20b.txt", at: "4 s", "body: inside"), Self.get("/cdrom/", at: "4.2 s", "body: sub"),
      Self.get("/cdrom/tools.txt", at: "5.5 s", "status: 503"), Self.get("/cdrom/tools.txt", at: "6 s", "status: 404"),
      Self.get("/", at: "6.5 s", "body: hello from web"),
    ]
    let report = try run(
      Self.lab(Self.seed, events: "{at: 2 s, insert: {vm: web, cd: \(Self.tools)}}, {at: 5 s, eject: web}")
        + "\nexpect: [\(checks.joined(separator: ", "))]")
    #expect(report.expectations.filter { !$0.passed }.map { "\($0.name): \($0.observed)" } == [])
  }

  @Test func aCheckpointHasDiscsAndWhatWasTakenFromThem() throws {
    let text =
      Self.lab(Self.seed, events: "{at: 2 s, insert: {vm: web, cd: \(Self.tools)}}, {at: 5 s, reset: web}")
      + "\nexpect: [\(Self.get("/cdrom/tools.txt", at: "3 s", "status: 503")), \(Self.get("/cdrom/tools.txt", at: "6 s", "body: new"))]"
    var whole = try Simulation(topology(text), captures: CaptureOptions(directory: nil))
    let outcome = try whole.outcome()
    for moment in [500, 2500, 5500] {
      var first = try Simulation(topology(text), captures: CaptureOptions(directory: nil))
      first.run(until: .milliseconds(UInt64(moment)))
      let bytes = try first.image().encoded()
      let pool = FramePool()
      var second = try Simulation(resuming: SimulationImage(decoding: bytes, pool: pool), pool: pool, captures: nil)
      let other = try second.outcome()
      #expect(outcome.isSame(other), "\(moment) ms: \(outcome.difference(other))")
    }
  }

  @Test func discsByHandDoWhatEventsDo() throws {
    var simulation = try Simulation(topology(Self.lab(Self.seed)))
    simulation.advance(to: .seconds(1))
    try simulation.insert(CD(Disc(name: "t.iso", volume: ISOVolume(label: "T"))), into: "web")
    #expect(simulation.world.machine(named: "web")?.guest.stack.disc?.name == "t.iso")
    try simulation.ejectDisc(of: "web")
    #expect(throws: ActionError.impossible("web has no disc in its drive")) { try simulation.ejectDisc(of: "web") }
    #expect(throws: ActionError.impossible("there is no VM laptop")) { try simulation.ejectDisc(of: "laptop") }
  }

  // MARK: Mistakes

  @Test func whatIsWrongWithADiscIsToldAtItsPlace() throws {
    func messages(_ web: String, _ files: [String: [UInt8]] = [:]) -> [String] {
      Self.problems(Self.lab(web, network: "isolated"), files: files).map { $0 }
    }
    #expect(messages("address: 192.168.122.7, cd: none.iso") == ["lab.yaml:5:51: can't read \"none.iso\": no such file"])
    #expect(
      messages("address: 192.168.122.7, cd: none.iso", ["none.iso": [UInt8](repeating: 1, count: 40_000)]) == [
        "lab.yaml:5:51: \"none.iso\" is no disc that can be read: it isn't an ISO 9660 image (at byte 32769)"
      ])
    let settled = "network-config: \(Self.networkConfig)"
    #expect(
      messages("cd: {cidata: {user-data: {weft: {programs: [http-servr]}}, \(settled)}}")
        == ["lab.yaml:5:67: there is no program \"http-servr\""])
    #expect(
      messages("cd: {cidata: {network-config: {version: 2, ethernets: {eth0: {addresses: [10.0.0.9]}}}}}").first
        == "lab.yaml:5:97: expected an address with its prefix, found \"10.0.0.9\"")
    #expect(
      messages("cd: {cidata: {network-config: {version: 3}}}").first == "lab.yaml:5:63: network-config has version 1 or 2, not 3")
    #expect(
      messages("cd: {cidata: {network-config: {version: 2, ethernets: {eth0: {addresses: [10.0.0.9/24]}}}}}").first?
        .hasPrefix("lab.yaml:5:") == true)
    #expect(
      messages("address: 192.168.122.8, \(Self.seed)").first
        == "lab.yaml:5:32: a disc with a network-config says which address it has")
    #expect(
      messages("cd: {cidata: {user-data: {packages: [vim]}, \(settled)}}")
        == ["lab.yaml:5:49: \"packages\" is left out: a simulated guest takes hostname, write_files and weft"])
    #expect(messages("address: 192.168.122.7, cd: {files: {\"a:b\": x}}").first?.contains("can't be on a disc") == true)
  }

  @Test func aMistakeOnADiscIsToldAtItsOwnLine() throws {
    let seed = CloudInitSeed(
      userData: "#cloud-config\nweft:\n  programs: [http-servr]\n", metaData: "instance-id: i-1\n",
      networkConfig: "version: 2\nethernets:\n  eth0: {addresses: [10.0.0]}\n")
    #expect(
      Self.problems(Self.lab("cd: seed.iso"), files: ["seed.iso": seed.iso]) == [
        "seed.iso user-data:3:14: there is no program \"http-servr\"",
        "seed.iso network-config:3:22: expected an address with its prefix, found \"10.0.0\"",
      ])
  }

  @Test func ejectingNothingIsSaid() throws {
    let text = Self.lab("", events: "{at: 1 s, eject: web}")
    #expect(Self.problems(text) == ["lab.yaml:7:20: \"web\" has no disc in its drive at 1 s"])
    #expect(try run(text).complaints == ["line 7, at 1 s: web has no disc in its drive"])
  }
}
