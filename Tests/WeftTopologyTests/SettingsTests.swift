import Testing
import WeftCore
import WeftSettings

@testable import WeftTopology

/// `--set`: as if it stood in the file.
@Suite struct SettingsTests {
  static let file = """
    segments: {campus: 134.115.153.0/24}
    defaults: {vm: {programs: [tcp-echo]}}
    hosts:
      laptop: {uplink: campus 134.115.153.223, networks: {home: nat, lan: bridge}}
      visitor: {uplink: {segment: campus, address: 134.115.153.10}, programs: [http-server, {ping: laptop}]}
    vms:
      web: {network: home}
    events:
      - {at: 5 s, link-down: laptop.uplink}
    expect:
      - {from: web, to: "visitor:80"}
      - {from: web, ping: visitor}
    """

  private func load(_ settings: String...) -> TopologyLoad {
    Topology.load(text: Self.file, file: "lab.yaml", settings: settings)
  }

  @Test func everyPlaceCanBeSet() throws {
    let load = load(
      "seed=2", "name=other", "duration=3 s", "segments.campus.delay=5ms", "hosts.laptop.uplink.loss=10 %",
      "hosts.visitor.uplink.address=134.115.153.11", "hosts.laptop.networks.home.nat=symmetric",
      "hosts.laptop.networks.home.nat.mapping=endpoint-independent", "hosts.visitor.programs.1.ping.count=3",
      "hosts.visitor.programs.0.http-server=8080", "vms.web.programs=[udp-echo, {tcp-echo: 9}]",
      "vms.new={network: home, rate: 1 Mbit/s}", "events.0.at=1s", "events.1={at: 2 s, link-up: laptop}",
      "expect.0.to=visitor:8080", "expect.1.ping.size=100", "expect.2.from=new", "expect.2.ping=visitor",
      "capture.snaplen=64 B", "capture.ports.0=*/wan", "expect.1.rtt=> 1 ms",
      "hosts.laptop.networks.home.forwards=[\"8080:web:80\"]")
    let topology = try #require(load.topology, "\(load.diagnostics.map { $0.render(color: false) })")
    #expect(topology.seed == 2 && topology.name == "other" && topology.duration == .seconds(3))
    #expect(topology.segments[0].link.delay == .milliseconds(5) && topology.hosts[0].uplink?.link.loss == 0.1)
    #expect(topology.hosts[1].uplink?.address?.description == "134.115.153.11")
    #expect(topology.hosts[0].networks[0].nat.mapping == .endpointIndependent)
    #expect(topology.vms.map(\.name) == ["web", "new"] && topology.vms[0].programs.count == 2)
    #expect(topology.vms[1].nics[0].link.rate == 1_000_000)
    #expect(topology.events.map(\.at) == [.seconds(1), .seconds(2)])
    #expect(topology.expectations.map(\.from) == ["web", "web", "new"])
    #expect((topology.expectations[0].probe as? ConnectProbeSettings)?.to.port == 8080)
    #expect((topology.expectations[1].probe as? PingProbeSettings)?.size == 100)
    #expect(
      topology.capture.snaplen == 64 && topology.capture.ports == ["*/wan"] && topology.hosts[0].networks[0].forwards.count == 1)
  }

  /// Later ones stand over earlier ones, and nothing says what the file would.
  @Test func theLastOneHolds() throws {
    #expect(load("seed=2", "seed=3").topology?.seed == 3)
    #expect(load("seed=2", "seed=").topology?.seed == 1)
    #expect(load("vms.web.programs=").topology?.vms[0].programs.count == 1)
  }

  @Test(arguments: [
    ("seed=x", 6, "not a whole number", nil), ("sede=2", 1, "unknown key \"sede\"", "seed"),
    ("segments.campus.dealy=5ms", 17, "unknown key \"dealy\" in \"segments.campus\"", "delay"),
    ("segments.campsu.delay=5ms", 10, "there is no \"campsu\" in \"segments\"", "campus"),
    ("segments.campus.delay=5", 23, "needs a unit", nil), ("hosts.lptop.uplink.loss=1 %", 7, "no \"lptop\"", "laptop"),
    ("expect.7.at=1s", 8, "is a list, and has no \"7\"", "0 to 1, and 2 adds one"),
    ("expect.first.at=1s", 8, "is a list, and has no \"first\"", nil),
    ("expect.0.is=shut", 13, "none of", nil), ("seed.x=1", 6, "\"seed\" is \"5\"", "as a whole"),
    ("name.x=1", 6, "expected text", nil), ("expect.0.from=*", 15, "\"*\"", nil),
    ("vms.web.network.x=1", 17, "\"vms.web.network\" is \"home\"", "as a whole"),
    ("vms.web.network=hoem", 17, "unknown network \"hoem\"", "home"), ("seed=[1", 6, "[", nil),
    ("hosts.laptop.networks.home.nat=symetric", 32, "none of", "symmetric"),
    ("expect.2.from=web", 1, "needs", nil), ("seed", 1, "expected PATH=VALUE", nil), ("=2", 1, "expected PATH", nil),
    ("a..b=2", 1, "expected PATH", nil), ("events.0.link-up=laptop", 10, "cannot stand beside", nil),
  ])
  func mistakesNameTheirPlace(setting: String, column: Int, message: String, hint: String?) throws {
    let load = load("seed=5", setting)
    #expect(load.topology == nil)
    let mistake = try #require(load.diagnostics.first { $0.file == "--set" }, "\(load.diagnostics)")
    #expect(mistake.line == 2 && mistake.message.contains(message), "\(mistake)")
    #expect(mistake.sourceLine == setting)
    if column > 1 { #expect(mistake.column == column, "\(mistake)") }
    if let hint { #expect(mistake.hint?.contains(hint) == true, "\(mistake)") }
  }

  /// The file's own mistakes stay where they are, and one of its values can be mended.
  @Test func theFilesPlacesStay() {
    let text = Self.file.replacing("from: web, ping", with: "from: wbe, ping")
    let broken = Topology.load(text: text, file: "lab.yaml", settings: ["seed=2"])
    #expect(broken.diagnostics.map(\.line) == [12] && broken.diagnostics[0].file == "lab.yaml")
    #expect(Topology.load(text: text, file: "lab.yaml", settings: ["expect.1.from=web"]).topology != nil)
    #expect(load("seed=2").topology?.expectations.map(\.mark.line) == [11, 12])
  }
}

/// No two checks of a file have one name.
@Suite struct CheckNameTests {
  private func names(_ checks: String...) -> [String] {
    let text = SettingsTests.file.split(separator: "expect:")[0] + "expect:\n" + checks.map { "  - {\($0)}\n" }.joined()
    let load = Topology.load(text: String(text), file: "lab.yaml")
    #expect(load.topology != nil, "\(load.diagnostics.map { $0.render(color: false) })")
    return load.topology?.expectations.map(\.name) ?? []
  }

  @Test func aNameHoldsAllThatIsAskedFor() {
    let to = "from: visitor, to: \"laptop:80\""
    #expect(
      names(
        "\(to), is: dropped, by: home", "\(to), is: dropped, reason: no-port-forward", "\(to), is: dropped",
        "from: web, http: \"http://visitor/\", status: 200", "from: web, http: \"http://visitor/\", body: weft",
        "from: web, to: \"visitor:80\", seen-as: 134.115.153.223", "from: web, to: \"visitor:80\", reaches: visitor",
        "from: web, to: \"visitor:80\", rtt: < 5 ms", "\(to), never-during: [1 s, 2 s]", "\(to), is: blocked, always-after: 1 s")
        == [
          "visitor → laptop:80 is dropped by home", "visitor → laptop:80 is dropped (no-port-forward)",
          "visitor → laptop:80 is dropped", "web → http://visitor/ is open, status 200",
          "web → http://visitor/ is open, body \"weft\"", "web → visitor:80 is open, seen as 134.115.153.223",
          "web → visitor:80 is open, reaching visitor", "web → visitor:80 is open, rtt < 5 ms",
          "visitor → laptop:80 is never open", "visitor → laptop:80 is always blocked",
        ])
  }

  @Test func whatIsStillEqualGetsWhatItDiffersInThenItsLine() {
    let ping = "from: web, ping: visitor"
    #expect(
      names(ping, "\(ping), at: 3 s", "\(ping), at: 3 s, within: 1 s")
        == [
          "web → ping visitor is open", "web → ping visitor is open (at 3 s)", "web → ping visitor is open (at 3 s, within 1 s)",
        ])
    #expect(names(ping, ping) == ["web → ping visitor is open (line 11)", "web → ping visitor is open (line 12)"])
    #expect(names("name: a, \(ping)", "name: a, \(ping), at: 2 s", "name: b, \(ping)") == ["a (line 11)", "a (line 12)", "b"])
  }

  @Test func oneLineAndAliasesAreToldApartByNumber() {
    let head = SettingsTests.file.split(separator: "expect:")[0]
    let text = head + "expect: [&a {from: web, ping: visitor}, *a, {from: web, ping: visitor}]\n"
    let names = Topology.load(text: String(text), file: "lab.yaml").topology?.expectations.map(\.name) ?? []
    #expect(names.count == 3 && Set(names).count == 3, "\(names)")
  }
}
