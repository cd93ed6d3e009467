import Testing

@testable import WeftTopology

struct AllAtOnceTests {
  @Test func everyMistakeIsReportedInTheOrderOfTheFile() {
    let load = load(
      """
      segments:
        campus: {subnet: 134.115.153.1/24, dely: 1 ms}
        far: {subnet: 10.0.0.0/8, rate: 10 mb}
      hosts:
        laptop:
          uplink: far 11.0.0.1
          networks:
            home: {mode: nta}
            lan: {mode: bridge}
          networks: {}
      vms:
        web: {network: hom}
        public: {network: lan}
      expect:
        - {from: web, to: visitor}
        - {from: public, ping: web, is: drop}
      """)
    let found = load.diagnostics.map { "\($0.line):\($0.column) \($0.message)" }
    #expect(load.topology == nil)
    let wanted = [
      ("2:20", "host bits"), ("2:38", "unknown key \"dely\""), ("3:38", "\"mb\" is not a unit"),
      ("6:17", "outside 10.0.0.0/8"),
      ("10:5", "stands twice"), ("15:21", "has no port"), ("16:35", "none of"),
    ]
    for (place, message) in wanted {
      #expect(found.contains { $0.hasPrefix(place + " ") && $0.contains(message) }, "\(place) \(message) in \(found)")
    }
    let places = load.diagnostics.map { [$0.line, $0.column] }
    #expect(places == places.sorted { ($0[0], $0[1]) < ($1[0], $1[1]) })
  }

  @Test func severalDuplicateKeysAreAllReported() {
    let load = load(
      "seed: 1\n'seed': 2\nname: a\nname: b\nsegments:\n  a: {subnet: 10.0.0.0/24, subnet: 10.0.1.0/24}\n")
    #expect(load.diagnostics.map { "\($0.line):\($0.column)" } == ["2:1", "4:1", "6:28"])
  }

  @Test func aMistakeInDefaultsIsReportedOnce() {
    let load = load(
      """
      defaults: {vm: {delay: 5, dely: 1 ms}}
      hosts: {h: {networks: {n: host-only}}}
      groups: {g: {count: 9, network: n}}
      vms: {a: {network: n}}
      """)
    #expect(load.diagnostics.map { "\($0.line):\($0.column)" } == ["1:24", "1:27"])
  }

  @Test func portClashesNameBoth() {
    let text = """
      segments: {s: 10.0.0.0/24}
      hosts:
        h:
          uplink: s 10.0.0.1
          programs: [{http-server: 8080}]
          networks:
            a: {mode: nat, forwards: ["8080:x:80", "53:x:53/both"]}
            b: {mode: nat, forwards: ["53:y:53/udp", "22:x:22"]}
      vms: {x: {network: a}, y: {network: b}}
      """
    let found = load(text).diagnostics.map { "\($0.line):\($0.column) \($0.message)" }
    #expect(
      found == [
        "7:33 port 8080/tcp of \"h\" is forwarded to \"x\" (7:33), but the host's own http-server (5:16) listens on it",
        "8:33 port 53/udp of \"h\" is forwarded twice: here (8:33) and in network \"a\" (7:46)",
        "8:52 VM \"x\" is not on network \"b\" but on \"a\"",
      ])
  }
}
