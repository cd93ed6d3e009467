import WeftCore

/// Some of the VLANs 1–4094 (IEEE 802.1Q-2018, 9.6): as a port's `bridge vlan` list has them.
public struct VLANSet: Sendable, Codable, Hashable {
  /// Ascending, apart from each other.
  public private(set) var ranges: [ClosedRange<UInt16>] = []

  public static let identifiers: ClosedRange<UInt16> = 1...4094
  public static let all = VLANSet([identifiers])
  public static let none = VLANSet([])

  public init(_ ranges: [ClosedRange<UInt16>]) {
    for range in ranges.sorted(by: { $0.lowerBound < $1.lowerBound }) {
      if let last = self.ranges.last, range.lowerBound <= last.upperBound &+ 1 {
        self.ranges[self.ranges.count - 1] = last.lowerBound...max(last.upperBound, range.upperBound)
      } else {
        self.ranges.append(range)
      }
    }
  }

  public init(_ identifiers: UInt16...) { self.init(identifiers.map { $0...$0 }) }

  public func contains(_ identifier: UInt16) -> Bool {
    for range in ranges where range.contains(identifier) { return true }
    return false
  }

  public func overlaps(_ other: VLANSet) -> Bool {
    ranges.contains { own in other.ranges.contains { own.overlaps($0) } }
  }

  public func union(_ other: VLANSet) -> VLANSet { VLANSet(ranges + other.ranges) }

  /// `1, 10-20`; all of them are `all`.
  public var text: String {
    if self == .all { return "all" }
    return ranges.map { $0.count == 1 ? "\($0.lowerBound)" : "\($0.lowerBound)-\($0.upperBound)" }.joined(separator: ", ")
  }

  /// `10`, `10-20`, `all`; a list of the first two.
  static let form: Form<VLANSet> = .either(
    piece, Form<[VLANSet]>.list(of: piece).map { $0.reduce(.none) { $0.union($1) } })

  private static let piece = Form<VLANSet>(words: "VLANs (10, 10-20 or all)", text: \.text) { (text) throws(Complaint) in
    if text == "all" { return .all }
    var ranges: [ClosedRange<UInt16>] = []
    for part in text.split(separator: ",", omittingEmptySubsequences: false) {
      let ends = part.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map { String(Quantity.trim($0)) }
      var numbers: [UInt16] = []
      for end in ends {
        guard !end.isEmpty, end.utf8.allSatisfy(Quantity.isDigit) else {
          throw Complaint("\"\(text)\" is no list of VLANs", hint: "write it like 10, 10-20, [10, 20] or all")
        }
        guard let number = UInt16(end), identifiers.contains(number) else {
          throw Complaint("\(end) is no VLAN: they are 1 to 4094", part: end)
        }
        numbers.append(number)
      }
      guard numbers[0] <= numbers[numbers.count - 1] else {
        throw Complaint("\(text) goes backwards", hint: "did you mean \(numbers[1])-\(numbers[0])?")
      }
      ranges.append(numbers[0]...numbers[numbers.count - 1])
    }
    return VLANSet(ranges)
  }
}

extension Form where Value == UInt16 {
  /// One VLAN's identifier.
  public static var vlan: Form { .integer(VLANSet.identifiers) }
}
