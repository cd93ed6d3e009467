import WeftCore

/// Numbers with units: exact decimal arithmetic on integers, so that nothing rounds and nothing traps.
package enum Quantity {
  package typealias Unit = (name: String, factor: UInt64)

  package static let durations: [Unit] = [
    ("ns", 1), ("us", 1_000), ("µs", 1_000), ("μs", 1_000), ("ms", 1_000_000), ("s", 1_000_000_000),
    ("min", 60_000_000_000), ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
  ]
  package static let rates: [Unit] = [
    ("bit/s", 1), ("kbit/s", 1_000), ("Mbit/s", 1_000_000), ("Gbit/s", 1_000_000_000), ("Tbit/s", 1_000_000_000_000),
    ("B/s", 8), ("kB/s", 8_000), ("MB/s", 8_000_000), ("GB/s", 8_000_000_000),
    ("KiB/s", 8 << 10), ("MiB/s", 8 << 20), ("GiB/s", 8 << 30),
  ]
  package static let sizes: [Unit] = [
    ("B", 1), ("kB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000), ("KiB", 1 << 10),
    ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40),
  ]

  /// Milliwatts, and millijoules.
  package static let powers: [Unit] = [("mW", 1), ("W", 1_000), ("kW", 1_000_000)]
  package static let energies: [Unit] = [("mJ", 1), ("J", 1_000), ("kJ", 1_000_000), ("MJ", 1_000_000_000), ("Wh", 3_600_000)]

  /// Of a host, up to 1 MW.
  package static func power(_ text: String) throws(Complaint) -> UInt64 {
    let power = try parse(text, powers, "power", example: "100 W", bare: nil)
    guard power <= 1_000_000_000 else { throw Complaint("\"\(text.prefix(40))\" is out of range: 0 W to 1 MW") }
    return power
  }

  package static func energy(_ text: String) throws(Complaint) -> UInt64 {
    try parse(text, energies, "energy", example: "500 J", bare: nil)
  }

  package static let frequencies: [Unit] = [("Hz", 1), ("kHz", 1_000), ("MHz", 1_000_000), ("GHz", 1_000_000_000)]

  /// Of a cpu, an instruction a cycle: 1 MHz to 100 GHz, so that each takes time and none more than a microsecond.
  package static func speed(_ text: String) throws(Complaint) -> UInt64 {
    let speed = try parse(text, frequencies, "speed", example: "1 GHz", bare: nil)
    guard (1_000_000...100_000_000_000).contains(speed) else {
      throw Complaint("\"\(text.prefix(40))\" is out of range: 1 MHz to 100 GHz")
    }
    return speed
  }

  /// As the file writes it, in the largest unit of which it is a whole number.
  package static func text(_ value: UInt64, _ units: some Collection<Unit>) -> String {
    guard value > 0, let unit = units.filter({ value.isMultiple(of: $0.factor) }).max(by: { $0.factor < $1.factor }) else {
      return "\(value)"
    }
    return unit.factor == 1 && units.first?.name == "B" ? "\(value)" : "\(value / unit.factor) \(unit.name)"
  }

  package static func duration(_ text: String) throws(Complaint) -> Nanoseconds {
    if text == "0" { return .zero }
    return Nanoseconds(try parse(text, durations, "duration", example: "2 ms", bare: nil))
  }

  /// Bits per second; at least one.
  package static func rate(_ text: String) throws(Complaint) -> UInt64 {
    let rate = try parse(text, rates, "rate", example: "10 Mbit/s", bare: nil)
    guard rate > 0 || !text.contains(where: { ("1"..."9").contains($0) }) else {
      throw Complaint("\"\(text.prefix(40))\" is less than 1 bit/s, the slowest rate there is")
    }
    guard rate > 0 else {
      throw Complaint("a rate must be more than 0", hint: "a link that is down is an event: link-down")
    }
    return rate
  }

  /// Bytes; a bare integer counts bytes.
  package static func size(_ text: String) throws(Complaint) -> UInt64 {
    try parse(text, sizes, "size", example: "512 MiB", bare: 1)
  }

  /// A duration of more than 0.
  package static func interval(_ text: String) throws(Complaint) -> Nanoseconds {
    let interval = try duration(text)
    if interval == .zero { throw Complaint("must be more than 0") }
    return interval
  }

  package static func size(_ text: String, in range: ClosedRange<UInt64>) throws(Complaint) -> UInt64 {
    let size = try size(text)
    guard range.contains(size) else {
      throw Complaint("\(text) is out of range: \(range.lowerBound)…\(range.upperBound) B")
    }
    return size
  }

  /// 0…1: `1 %`, or the fraction itself.
  package static func fraction(_ text: String) throws(Complaint) -> Double {
    let percent = text.hasSuffix("%")
    let number = trim(percent ? text.dropLast() : text[...])
    guard let value = decimal(number) else {
      throw Complaint("\"\(text)\" is not a percentage", hint: "write it like 1 % or 0.01")
    }
    let fraction = percent ? value / 100 : value
    guard fraction >= 0, fraction <= 1 else {
      throw Complaint(
        "\"\(text)\" is not between 0 % and 100 %",
        hint: !percent && value > 1 && value <= 100 ? "did you mean \"\(text) %\"?" : nil)
    }
    return fraction
  }

  /// A decimal number without sign or exponent.
  private static func decimal(_ text: Substring) -> Double? {
    guard !text.isEmpty, text.utf8.count <= 40, text.utf8.allSatisfy({ isDigit($0) || $0 == 0x2e }),
      text.utf8.first != 0x2e,
      text.utf8.last != 0x2e
    else { return nil }
    return Double(text)
  }

  package static func isDigit(_ byte: UInt8) -> Bool { byte >= 0x30 && byte <= 0x39 }

  package static func trim(_ text: Substring) -> Substring {
    var text = text
    while text.first == " " { text.removeFirst() }
    while text.last == " " { text.removeLast() }
    return text
  }

  private static func parse(
    _ text: String, _ units: [Unit], _ what: String, example: String, bare: UInt64?
  ) throws(Complaint) -> UInt64 {
    let list = units.map(\.name).filter { $0 != "μs" }.joined(separator: ", ")
    let whole = trim(text[...])
    if whole.hasPrefix("-") { throw Complaint("a \(what) cannot be negative") }
    let digits = whole.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
    let name = trim(whole.dropFirst(digits.count))
    guard !digits.isEmpty else {
      throw Complaint("\"\(text)\" is not a \(what)", hint: "write it like \(example); the units are \(list)")
    }
    let factor: UInt64
    if name.isEmpty {
      guard let bare else {
        let unit = what == "duration" ? "s, \(digits) ms" : String(example.drop { $0 != " " }.dropFirst())
        throw Complaint("\"\(text)\" needs a unit", hint: "write it like \(digits) \(unit); the units are \(list)")
      }
      factor = bare
    } else if let unit = units.first(where: { $0.name == name }) {
      factor = unit.factor
    } else if let sum = compound(whole, units) {
      throw Complaint(
        "\"\(whole)\" is several: a \(what) is one number with one unit",
        hint: "did you mean \"\(what == "duration" ? "\(Nanoseconds(sum))" : "\(sum)")\"?")
    } else {
      let near =
        bits[String(name)] ?? units.first { $0.name.lowercased() == name.lowercased() }?.name ?? aliases[name.lowercased()]
      let meant = near.flatMap { near in
        units.contains { $0.name == near } ? "did you mean \"\(digits) \(near)\"? " : nil
      }
      throw Complaint(
        "\"\(name)\" is not a unit of a \(what)", hint: "\(meant ?? "")the units are \(list)", part: String(name))
    }
    return try scale(digits, by: factor, text, what)
  }

  /// `1h30m`, `10s 500ms`: the sum of several.
  private static func compound(_ text: Substring, _ units: [Unit]) -> UInt64? {
    var rest = text
    var (sum, count): (UInt64, Int) = (0, 0)
    while !rest.isEmpty {
      let digits = rest.prefix { $0.isASCII && $0.isNumber }
      rest = rest.dropFirst(digits.count)
      let letters = rest.prefix { $0.isLetter }
      rest = trim(rest.dropFirst(letters.count))[...]
      let name = letters == "m" ? "min" : String(letters)
      guard let number = UInt64(digits), number < 1 << 20, let unit = units.first(where: { $0.name == name }) else {
        return nil
      }
      let (product, over) = number.multipliedReportingOverflow(by: unit.factor)
      let (total, more) = sum.addingReportingOverflow(product)
      if over || more { return nil }
      (sum, count) = (total, count + 1)
    }
    return count > 1 ? sum : nil
  }

  /// A small b is a bit.
  private static let bits = ["kb/s": "kbit/s", "Kb/s": "kbit/s", "Mb/s": "Mbit/s", "Gb/s": "Gbit/s", "b/s": "bit/s"]

  private static let aliases: [String: String] = [
    "sec": "s", "secs": "s", "second": "s", "seconds": "s", "m": "min", "minutes": "min", "minute": "min", "hours": "h",
    "hour": "h", "days": "d", "day": "d", "msec": "ms", "usec": "us", "bps": "bit/s", "kbps": "kbit/s",
    "mbps": "Mbit/s",
    "gbps": "Gbit/s", "mbit": "Mbit/s", "gbit": "Gbit/s", "kbit": "kbit/s", "k": "KiB", "m ": "MiB", "g": "GiB",
    "bytes": "B",
  ]

  private static func scale(
    _ digits: Substring, by factor: UInt64, _ text: String, _ what: String
  ) throws(Complaint) -> UInt64 {
    let tooLarge = Complaint("\"\(text.prefix(40))\" is too large for a \(what)")
    let parts = digits.split(separator: ".", omittingEmptySubsequences: false)
    guard parts.count <= 2, parts.allSatisfy({ !$0.isEmpty }) else { throw Complaint("\"\(digits)\" is not a number") }
    guard let integer = UInt64(parts[0]) else { throw tooLarge }
    let (whole, overflow) = integer.multipliedReportingOverflow(by: factor)
    guard !overflow else { throw tooLarge }
    guard parts.count == 2 else { return whole }
    // What is left below the base unit is dropped: half a nanosecond is none.
    var (numerator, denominator): (UInt64, UInt64) = (0, 1)
    for byte in parts[1].utf8.prefix(18) {
      numerator = numerator * 10 + UInt64(byte - 0x30)
      denominator *= 10
    }
    // numerator < denominator, so that the quotient is less than the factor.
    let rest = denominator.dividingFullWidth(factor.multipliedFullWidth(by: numerator)).quotient
    let (sum, over) = whole.addingReportingOverflow(rest)
    guard !over else { throw tooLarge }
    return sum
  }
}
