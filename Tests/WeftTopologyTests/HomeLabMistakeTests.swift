import Testing

@testable import WeftTopology

/// What can't be of DHCP on segments, uplinks without an address, forwards to addresses, groups of machines.
@Suite struct HomeLabMistakeTests {
  private static func home(_ forwards: String, _ rest: String = "") -> String {
    """
    segments: {wan: 203.0.113.0/24}
    hosts:
      box: {uplink: wan 203.0.113.2, networks: {home: {mode: nat, subnet: 10.0.0.0/24, forwards: [\(forwards)]}}}
      pc: {uplink: home, networks: {lan: bridge}}
      out: {uplink: wan 203.0.113.9}
    vms: {vm: {network: lan}}
    \(rest)
    """
  }

  static let mistakes = [
    Mistake(
      """
      segments: {wan: 203.0.113.0/24}
      hosts: {one: {uplink: wan 203.0.113.2, networks: {lan: {mode: bridge, dhcp: true}}}}
      vms: {pub: {network: lan}}
      """, 2, 71, "no DHCP server of its own", hint: "segments: {wan: {subnet: 203.0.113.0/24, dhcp: true}}"),
    Mistake(
      """
      segments: {wan: 203.0.113.0/24}
      hosts: {one: {uplink: wan 203.0.113.2, networks: {lan: bridge}}}
      vms: {pub: {network: lan}}
      """, 3, 7, "no DHCP server on \"wan\"", hint: "address: 203.0.113.3, or give the segment one"),
    Mistake(
      """
      segments: {wan: 203.0.113.0/24}
      hosts: {one: {uplink: wan}}
      """, 2, 23, "needs an address on \"wan\"", hint: "wan 203.0.113.2, or give the segment one: dhcp: true"),
    Mistake(
      """
      segments: {wan: {subnet: 203.0.113.0/24, dhcp: true}}
      hosts: {one: {uplink: wan, networks: {home: nat}}}
      """, 2, 23, "has the nat network \"home\"", hint: "wan 203.0.113.2"),
    Mistake(
      """
      segments: {wan: {subnet: 203.0.113.0/24, dhcp: true}}
      hosts: {one: {uplink: wan 203.0.113.254}}
      """, 2, 27, "203.0.113.254 is the DHCP server of \"wan\"", hint: "server"),
    Mistake(
      """
      segments: {wan: {subnet: 203.0.113.0/24, dhcp: {server: 203.0.113.1}, gateway: 203.0.113.1}}
      """, 1, 57, "is the gateway's address"),
    Mistake(
      """
      segments: {wan: {subnet: 203.0.113.0/24, dhcp: true}}
      hosts: {one: {uplink: {segment: wan, address: 203.0.113.5, lease: 203.0.113.6}}}
      """, 2, 67, "either \"address\" or \"lease\""),
    Mistake(home("\"80:out:80\""), 3, 99, "host \"out\" is not plugged into network \"home\""),
    Mistake(home("\"80:10.0.1.5:80\""), 3, 99, "10.0.1.5 is no machine's address on network \"home\""),
    Mistake(home("\"80:10.0.0.1:80\""), 3, 99, "10.0.0.1 is the gateway itself"),
    Mistake(home("\"80:10.0.0.254:80\""), 3, 99, "10.0.0.254 is the DHCP server"),
    Mistake(
      home("", "expect: [{from: out, to: \"224.0.0.251:5353/udp\"}]"), 7, 27, "is a multicast group, not one machine",
      hint: "udp-rate"),
    Mistake(home("", "expect: [{from: out, ping: 203.0.113.255}]"), 7, 28, "is a broadcast address"),
    Mistake(home("", "expect: [{from: out, http: \"http://255.255.255.255/\"}]"), 7, 36, "is a broadcast address"),
  ]

  @Test(arguments: mistakes) func oneMessageSaysWhatIsWrong(mistake: Mistake) { mistake.check() }

  @Test func groupsAreForDatagrams() {
    let load = load(
      """
      segments: {wan: 203.0.113.0/24}
      hosts: {a: {uplink: wan 203.0.113.2, programs: [{udp-rate: {to: "224.0.0.251:5353"}}, {udp-rate: {to: "203.0.113.255:9"}}]}}
      """)
    #expect(load.topology != nil)
  }

  @Test func whatNobodyHasIsWarnedOf() {
    let text = """
      segments: {wan: 203.0.113.0/24}
      hosts:
        box:
          uplink: wan 203.0.113.2
          networks: {home: {mode: nat, subnet: 10.0.0.0/24, dhcp: false, forwards: ["80:10.0.0.9:80"]}}
      """
    let warning = load(text).diagnostics.first
    #expect(warning?.message == "nobody on \"home\" has 10.0.0.9" && warning?.severity == .warning)
  }
}
