import WeftSettings

extension Loader {
  /// What a check without a name is called: all that it asks for, in words. Nothing of when it asks, so that a check
  /// keeps its name in a CI's history when its times change.
  func checkName(_ value: Written, from: String, what: String, _ outcome: Expectation.Outcome) -> String {
    let often = value["never-during"] != nil ? "never " : value["always-after"] != nil ? "always " : ""
    var name = "\(from) → \(what) is \(often)\(outcome.rawValue)"
    func add(_ key: String, _ phrase: (String) -> String) {
      if let given = value[key], !given.isNull { name += phrase(given.shown) }
    }
    add("by") { " by \($0)" }
    add("reason") { " (\($0))" }
    add("status") { ", status \($0)" }
    add("body") { ", body \"\($0.prefix(40))\"" }
    add("seen-as") { ", seen as \($0)" }
    add("reaches") { ", reaching \($0)" }
    add("rtt") { ", rtt \($0)" }
    for (probe, keys) in [("throughput", ["at-least", "at-most"]), ("nat", ["mapping", "filtering", "hairpin"])] {
      for key in keys {
        if let bound = value[probe]?[key], !bound.isNull { name += ", \(key) \(bound.shown)" }
      }
    }
    return name
  }

  /// No two checks of a file have one name: those that would get what they differ in, and if that is nothing, their line.
  func tellChecksApart() {
    func equal() -> [[Int]] {
      var groups: [String: [Int]] = [:]
      for index in topology.expectations.indices { groups[topology.expectations[index].name, default: []].append(index) }
      return groups.values.filter { $0.count > 1 }
    }
    for group in equal() {
      // A name that was given stays as it was given, as far as can be.
      let derived = group.filter { !checks[$0].isNamed }
      let keys = Tables.expectation.keys.map(\.name).filter { key in
        Set(derived.map { checks[$0].value[key]?.shown ?? "" }).count > 1
      }
      for index in derived {
        let parts = keys.compactMap { key in checks[index].value[key].map { "\(key) \($0.shown)" } }
        if !parts.isEmpty { topology.expectations[index].name += " (\(parts.joined(separator: ", ")))" }
      }
    }
    for group in equal() {
      for index in group { topology.expectations[index].name += " (line \(topology.expectations[index].mark.line))" }
    }
    // Several in one line, or one that an alias repeats.
    for group in equal() {
      for (number, index) in group.enumerated() { topology.expectations[index].name += " #\(number + 1)" }
    }
  }
}

extension Written {
  /// In one line, as a name can hold it.
  fileprivate var shown: String {
    switch kind {
    case .scalar(let text, _): text.split(whereSeparator: \.isNewline).joined(separator: " ")
    case .list(let items): items.map(\.shown).joined(separator: " to ")
    case .map(let entries): entries.map { "\($0.key) \($0.value.shown)" }.joined(separator: ", ")
    }
  }
}
