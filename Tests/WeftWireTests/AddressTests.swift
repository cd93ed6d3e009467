import Foundation
import Testing
import WeftWire

@Suite struct AddressTests {
  @Test(
    arguments: [
      ("0.0.0.0", 0), ("255.255.255.255", 0xffff_ffff), ("192.168.122.1", 0xc0a8_7a01), ("1.2.3.4", 0x0102_0304),
      ("10.0.0.200", 0x0a00_00c8),
    ] as [(String, UInt32)]) func ipv4TextGoesBothWays(text: String, value: UInt32)
  {
    #expect(IPv4Address(text)?.rawValue == value)
    #expect(IPv4Address(rawValue: value).description == text)
  }

  @Test(arguments: [
    "", ".", "1", "1.2.3", "1.2.3.", ".1.2.3", "1..2.3", "1.2.3.4.5", "1.2.3.4.", "256.1.1.1", "1.1.1.256",
    "1.1.1.1000",
    "01.2.3.4", "1.2.3.00", "0x1.2.3.4", "1.2.3.4 ", " 1.2.3.4", "1.2.3.-4", "+1.2.3.4", "1.2.3.4/24", "a.b.c.d",
    "١.٢.٣.٤", "1.2.3.4\0", "4294967296.0.0.0",
  ]) func otherIPv4TextIsRefused(text: String) {
    #expect(IPv4Address(text) == nil)
  }

  @Test(
    arguments: [
      ("00:00:00:00:00:00", 0), ("ff:ff:ff:ff:ff:ff", 0xffff_ffff_ffff), ("52:54:00:12:34:56", 0x5254_0012_3456),
    ] as [(String, UInt64)]) func macTextGoesBothWays(text: String, value: UInt64)
  {
    #expect(MACAddress(text)?.rawValue == value)
    #expect(MACAddress(text.uppercased())?.rawValue == value)
    #expect(MACAddress(text.replacing(":", with: "-"))?.rawValue == value)
    #expect(MACAddress(rawValue: value).description == text)
  }

  @Test(arguments: [
    "", ":", "52:54:00:12:34", "52:54:00:12:34:5", "52:54:00:12:34:56:78", "52:54:00:12:34:", ":52:54:00:12:34",
    "525400123456", "5254.0012.3456", "52:54:00:12:34:5g", "52:54:00:12:34:567", "052:54:00:12:34:56",
    "52 54 00 12 34 56",
    "52:54:00-12-34-56", "52::54:00:12:34", "５2:54:00:12:34:56",
  ]) func otherMACTextIsRefused(text: String) {
    #expect(MACAddress(text) == nil)
  }

  @Test(
    arguments: [
      ("0.0.0.0/0", "0.0.0.0", "0.0.0.1", "255.255.255.254", "255.255.255.255", 4_294_967_294),
      ("10.0.0.0/8", "255.0.0.0", "10.0.0.1", "10.255.255.254", "10.255.255.255", 16_777_214),
      ("192.168.122.0/24", "255.255.255.0", "192.168.122.1", "192.168.122.254", "192.168.122.255", 254),
      ("10.0.0.4/30", "255.255.255.252", "10.0.0.5", "10.0.0.6", "10.0.0.7", 2),
      // RFC 3021: both ends are hosts, and no address of the prefix is a broadcast.
      ("10.0.0.4/31", "255.255.255.254", "10.0.0.4", "10.0.0.5", "255.255.255.255", 2),
      ("10.0.0.4/32", "255.255.255.255", "10.0.0.4", "10.0.0.4", "255.255.255.255", 1),
    ] as [(String, String, String, String, String, Int)])
  func aPrefixKnowsItsHosts(text: String, mask: String, first: String, last: String, broadcast: String, hosts: Int)
    throws
  {
    let prefix = try #require(IPv4Prefix(text))
    #expect(prefix.description == text)
    #expect(prefix.mask == ip(mask))
    #expect(prefix.firstHost == ip(first))
    #expect(prefix.lastHost == ip(last))
    #expect(prefix.broadcast == ip(broadcast))
    #expect(prefix.hostCount == hosts)
    #expect(prefix.isHost(prefix.firstHost) && prefix.isHost(prefix.lastHost))
    #expect(prefix.length >= 31 || !prefix.isHost(prefix.network) && !prefix.isHost(prefix.broadcast))
    #expect(prefix.contains(prefix.network) && prefix.overlaps(prefix))
  }

  @Test(arguments: [
    "", "/", "10.0.0.0", "10.0.0.0/", "/8", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/08", "10.0.0.1/24",
    "10.0.0.0/8/8", "10.0.0/8", "10.0.0.0/8 ", "10.0.0.0/255.0.0.0", "10.0.0.0/256", "1.0.0.0/0", "0.0.0.0/00",
  ]) func otherPrefixTextIsRefused(text: String) {
    #expect(IPv4Prefix(text) == nil)
  }

  @Test func prefixesOverlapOnlyWhenOneHoldsTheOther() throws {
    let ten = try #require(IPv4Prefix("10.0.0.0/8"))
    #expect(ten.overlaps(try #require(IPv4Prefix("10.1.0.0/16"))))
    #expect(try #require(IPv4Prefix("10.1.0.0/16")).overlaps(ten))
    #expect(!ten.overlaps(try #require(IPv4Prefix("11.0.0.0/8"))))
    #expect(try #require(IPv4Prefix("0.0.0.0/0")).overlaps(ten))
  }

  @Test(arguments: [
    ("10.0.0.1", true), ("223.255.255.255", true), ("0.0.0.0", false), ("0.1.2.3", false), ("127.0.0.1", false),
    ("126.255.255.255", true), ("128.0.0.0", true), ("224.0.0.1", false), ("239.255.255.255", false),
    ("240.0.0.1", false), ("255.255.255.255", false),
  ]) func onlyOneHostsAddressIsAUsableSource(text: String, usable: Bool) {
    #expect(ip(text).isUsableSource == usable)
  }

  @Test(arguments: [
    ("01:80:c2:00:00:00", true, true), ("01:80:c2:00:00:0f", true, true), ("01:80:c2:00:00:10", true, false),
    ("01:00:5e:00:00:01", true, false), ("ff:ff:ff:ff:ff:ff", true, false), ("52:54:00:00:00:01", false, false),
  ]) func macBitsTellGroupsAndReservedOnes(text: String, group: Bool, reserved: Bool) {
    #expect(mac(text).isGroup == group)
    #expect(mac(text).isLinkLocalReserved == reserved)
  }

  @Test func localMACsAreDistinctUnicastAndLocal() {
    var seen: Set<MACAddress> = []
    for number in [0, 1, 255, 256, 1 << 24, 1 << 32, (1 << 40) - 1] as [UInt64] {
      let address = MACAddress.local(number)
      #expect(!address.isGroup && address.rawValue >> 40 == 2)
      #expect(seen.insert(address).inserted)
    }
  }

  /// A checkpoint is a file: what it says is checked, and never a trap later.
  @Test func decodingKeepsTheInvariants() throws {
    let decoder = JSONDecoder()
    func prefix(_ network: String, _ length: Int) -> Data {
      Data("{\"network\":{\"rawValue\":\(ip(network).rawValue)},\"length\":\(length)}".utf8)
    }
    #expect(try decoder.decode(IPv4Prefix.self, from: prefix("10.0.0.0", 8)).description == "10.0.0.0/8")
    #expect(throws: DecodingError.self) { try decoder.decode(IPv4Prefix.self, from: prefix("10.0.0.0", 33)) }
    #expect(throws: DecodingError.self) { try decoder.decode(IPv4Prefix.self, from: prefix("10.0.0.1", 8)) }
    let wide = try decoder.decode(MACAddress.self, from: Data("{\"rawValue\":18446744073709551615}".utf8))
    #expect(wide == .broadcast)
    for text in ["10.0.0.0/8", "10.0.0.4/31", "0.0.0.0/0"] {
      let value = try #require(IPv4Prefix(text))
      #expect(try decoder.decode(IPv4Prefix.self, from: JSONEncoder().encode(value)) == value)
    }
    let address = mac("52:54:00:12:34:56")
    #expect(try decoder.decode(MACAddress.self, from: JSONEncoder().encode(address)) == address)
  }
}
