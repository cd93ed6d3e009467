import Foundation
import Testing
import WeftCore

@Suite struct TimeTests {
  @Test func arithmeticSaturatesAtBothEnds() {
    let most = Nanoseconds(.max)
    #expect(most + Nanoseconds(1) == most && Nanoseconds(1) - Nanoseconds(2) == .zero)
    #expect(most * 2 == most && Nanoseconds(1) * .max == most && most * 0 == .zero)
    #expect(Instant.never + Nanoseconds(1) == .never && Instant(5) + most == .never)
    #expect(Instant(5) - Instant(7) == .zero && Instant(7) - Instant(5) == Nanoseconds(2))
    for whole in [
      Nanoseconds.microseconds, Nanoseconds.milliseconds, Nanoseconds.seconds, Nanoseconds.minutes, Nanoseconds.hours,
    ] {
      #expect(whole(.max) == most && whole(0) == .zero)
    }
    #expect(Nanoseconds.hours(2) == .minutes(120) && Nanoseconds.minutes(1) == .seconds(60))
    #expect(Nanoseconds.seconds(1) == .milliseconds(1000) && Nanoseconds.milliseconds(1) == .microseconds(1000))
  }

  @Test(
    arguments: [
      (0, "0 s"), (1, "1 ns"), (750, "750 ns"), (999, "999 ns"), (1_000, "1 µs"), (1_500, "1.5 µs"),
      (1_050_000, "1.05 ms"),
      (1_500_000, "1.5 ms"), (1_234_567, "1.234 ms"), (999_999_999, "999.999 ms"), (1_000_000_000, "1 s"),
      (2_000_000_000, "2 s"), (1_001_000_000, "1.001 s"), (1_000_000_001, "1 s"), (.max, "18446744073.709 s"),
    ] as [(UInt64, String)]) func textUsesTheLargestUnit(value: UInt64, text: String)
  {
    #expect(Nanoseconds(value).description == text)
    #expect(Instant(value).description == (value == .max ? "never" : text))
  }

  @Test func aCheckpointHoldsBareNumbers() throws {
    let encoder = JSONEncoder()
    #expect(String(decoding: try encoder.encode([Instant(5), .never]), as: UTF8.self) == "[5,18446744073709551615]")
    #expect(
      try JSONDecoder().decode([Nanoseconds].self, from: Data("[18446744073709551615]".utf8)) == [Nanoseconds(.max)])
  }
}
