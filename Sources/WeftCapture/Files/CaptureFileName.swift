/// Gives each port a file name of its own: `home/wan` becomes `home-wan`.
struct CaptureFileNames {
  private var taken: Set<String> = []

  /// File systems allow 255 octets; the hidden partial file's name needs some more than the name itself.
  private static let longest = 180

  /// Letters, digits, `.`, `_` and `-` stay, all else becomes `-`. A second port with the same result gets `-2`. Two
  /// names that differ in case alone count as the same, as on macOS they would be.
  mutating func claim(for port: String) -> String {
    var stem = String(
      decoding: port.utf8.prefix(Self.longest).map { Self.isSafe($0) ? $0 : UInt8(ascii: "-") }, as: UTF8.self)
    // Hidden files, `.` and `..`, and names that look like an option would surprise people's shells.
    if stem.hasPrefix(".") || stem.hasPrefix("-") { stem = "_" + stem.dropFirst() }
    if stem.isEmpty { stem = "port" }
    var name = stem
    var number = 2
    while !taken.insert(name.lowercased()).inserted {
      name = "\(stem)-\(number)"
      number += 1
    }
    return name
  }

  private static func isSafe(_ octet: UInt8) -> Bool {
    switch octet {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
      true
    default: false
    }
  }
}
