import Testing
import WeftCore

@Suite struct DropReasonTests {
  @Test(
    arguments: [
      (.badIPv4Checksum, "bad-ipv4-checksum"), (.malformedARP, "malformed-arp"), (.ttlExpired, "ttl-expired"),
      (.malformedIPv4, "malformed-ipv4"), (.badIPv4Options, "bad-ipv4-options"),
      (.badICMPChecksum, "bad-icmp-checksum"),
      (.malformedICMP, "malformed-icmp"), (.badTCPFlags, "bad-tcp-flags"), (.badUDPChecksum, "bad-udp-checksum"),
      (.noPortForward, "no-port-forward"), (.ipForwardingDisabled, "ip-forwarding-disabled"),
      (.rxRingFull, "rx-ring-full"),
      (.unknownEtherType, "unknown-ether-type"), (.unexpectedICMP, "unexpected-icmp"), (.tcpInvalid, "tcp-invalid"),
      (.filtered, "filtered"), (.icmpRateLimit, "icmp-rate-limit"), (.dhcpNotForUs, "dhcp-not-for-us"),
    ] as [(DropReason, String)]) func theNameIsTheCaseInKebabCase(reason: DropReason, name: String)
  {
    #expect(reason.name == name)
    #expect(DropReason(name: name) == reason)
  }

  @Test func namesAreUniqueAndPlain() {
    let names = DropReason.allCases.map(\.name)
    #expect(Set(names).count == names.count)
    for name in names {
      #expect(!name.isEmpty && !name.hasPrefix("-") && !name.hasSuffix("-") && !name.contains("--"), "\(name)")
      #expect(name.utf8.allSatisfy { (97...122).contains($0) || (48...57).contains($0) || $0 == 45 }, "\(name)")
    }
    #expect(DropReason(name: "") == nil && DropReason(name: "no-such-reason") == nil)
  }

  /// Raw values stand in checkpoints.
  @Test func groupsBeginWhereTheyAlwaysDid() {
    let firsts: [DropReason] = [
      .queueFull, .malformedEthernet, .reservedMulticast, .notForUs, .ipForwardingDisabled, .dhcpNotForUs,
    ]
    #expect(firsts.map(\.rawValue) == [1, 20, 50, 70, 110, 150])
  }
}
