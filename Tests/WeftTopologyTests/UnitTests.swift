import Testing
import WeftCore
import WeftSettings

@testable import WeftTopology

struct UnitTests {
  @Test(
    arguments: [
      ("2 ms", 2_000_000), ("2ms", 2_000_000), ("1.5 s", 1_500_000_000), ("300 us", 300_000), ("300 µs", 300_000),
      ("300 μs", 300_000),
      ("1 min", 60_000_000_000), ("2 h", 7_200_000_000_000), ("1 d", 86_400_000_000_000), ("0", 0), ("7 ns", 7),
      ("0.5 ns", 0),
      ("0.000000001 s", 1), ("213503 d", 18_446_659_200_000_000_000),
    ] as [(String, UInt64)])
  func durationIsReadExactly(_ text: String, _ nanoseconds: UInt64) throws {
    #expect(try Quantity.duration(text).rawValue == nanoseconds)
  }

  @Test(
    arguments: [
      ("10 Mbit/s", 10_000_000), ("1 Gbit/s", 1_000_000_000), ("800 kbit/s", 800_000), ("64 bit/s", 64),
      ("1.5 MB/s", 12_000_000),
    ] as [(String, UInt64)])
  func rateIsReadInBits(_ text: String, _ bits: UInt64) throws { #expect(try Quantity.rate(text) == bits) }

  @Test(
    arguments: [
      ("512 MiB", 536_870_912), ("10 MB", 10_000_000), ("64 kB", 64_000), ("1500 B", 1500), ("1500", 1500),
      ("0.25 KiB", 256),
      ("18446744073709551615", .max),
    ] as [(String, UInt64)])
  func sizeIsReadInBytes(_ text: String, _ bytes: UInt64) throws { #expect(try Quantity.size(text) == bytes) }

  @Test(
    arguments: [("1 %", 0.01), ("0.5%", 0.005), ("0.01", 0.01), ("0", 0), ("100 %", 1), ("1", 1)] as [(String, Double)])
  func percentageIsReadAsFraction(_ text: String, _ value: Double) throws {
    #expect(try Quantity.fraction(text) == value)
  }

  @Test(arguments: [
    "", " ", "s", "1", "-1 s", "1 S s", "1.s", ".5 s", "1..2 s", "1.2.3 s", "１ s", "1e3 s", "NaN",
    "99999999999999999999999 s", "1 parsec",
    "18446744073709551615 s", "0x10 s", "1,5 s", "٣ s", "1 ms ms", "+1 s",
  ])
  func badDurationIsRefused(_ text: String) {
    #expect(throws: Complaint.self) { try Quantity.duration(text) }
    #expect(throws: Complaint.self) { try Quantity.rate(text) }
  }

  @Test(arguments: ["-1 %", "101 %", "1.5", "x %", "%", "", "1e2 %", "nan", "inf %", "5 % %"])
  func badPercentageIsRefused(_ text: String) { #expect(throws: Complaint.self) { try Quantity.fraction(text) } }

  @Test func badUnitNamesTheGoodOnes() {
    do {
      _ = try Quantity.rate("10 mbps")
      Issue.record("read")
    } catch {
      #expect(
        error.hint
          == "did you mean \"10 Mbit/s\"? the units are bit/s, kbit/s, Mbit/s, Gbit/s, Tbit/s, B/s, kB/s, MB/s, GB/s, KiB/s, "
          + "MiB/s, GiB/s")
    }
  }

  @Test(arguments: [
    ("x{n}", 3, "x3"), ("10.0.0.{n+10}", 3, "10.0.0.13"), ("{n-1}-{n}", 5, "4-5"), ("{m} {n", 1, "{m} {n"),
    ("{n*2}", 2, "{n*2}"),
    ("{n+99999999999999999999}", 1, "{n+99999999999999999999}"),
  ])
  func memberNumberGoesIntoPatterns(_ text: String, _ n: Int, _ result: String) {
    #expect(Pattern.expand(text, n) == result)
  }

  @Test(arguments: [
    ("subnt", "subnet"), ("Subnet", "subnet"), ("ip_forwarding", "ip-forwarding"), ("dealy", "delay"), ("qqq", nil),
    ("", nil),
  ])
  func nearestWordIsSuggested(_ word: String, _ meant: String?) {
    #expect(Suggestion.nearest(to: word, in: ["subnet", "delay", "rate", "ip-forwarding", "loss"]) == meant)
  }
}
