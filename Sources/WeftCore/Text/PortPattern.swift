/// Chooses ports by name: `*` stands for any characters, `/` included, `?` for exactly one, all else for itself.
/// `web/*` means every NIC of `web`, `*` every port.
public struct PortPattern: Sendable, Hashable, Codable, CustomStringConvertible, ExpressibleByStringLiteral {
  public let description: String

  public init(_ pattern: String) { description = pattern }
  public init(stringLiteral pattern: String) { self.init(pattern) }

  public func matches(_ name: String) -> Bool {
    let pattern = Array(description.unicodeScalars)
    let name = Array(name.unicodeScalars)
    var p = 0
    var n = 0
    // Where to go back to when the text after the last star doesn't fit: earlier stars need not be tried again.
    var star: (pattern: Int, name: Int)?
    while n < name.count {
      if p < pattern.count, pattern[p] == "*" {
        star = (p + 1, n)
        p += 1
      } else if p < pattern.count, pattern[p] == "?" || pattern[p] == name[n] {
        p += 1
        n += 1
      } else if let last = star {
        star = (last.pattern, last.name + 1)
        p = last.pattern
        n = last.name + 1
      } else {
        return false
      }
    }
    return pattern[p...].allSatisfy { $0 == "*" }
  }
}
