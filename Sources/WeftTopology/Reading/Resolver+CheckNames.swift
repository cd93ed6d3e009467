import WeftSettings

extension Resolver {
  /// What a check without a name is called: all that it asks for, in words. Nothing of when it asks, so that a check
  /// keeps its name in a CI's history when its times change.
  func checkName(_ check: Placed<ExpectationEntry>, from: String, _ probe: some ProbeSettings) -> String {
    let often = check[\.neverDuring] != nil ? "never " : check[\.alwaysAfter] != nil ? "always " : ""
    let what = probe.title(placeOfTarget(check, probe).text ?? "")
    var name = "\(from) → \(what) is \(often)\(check.value.outcome.rawValue)"
    if probe is any StateSettings { name = "\(from) \(often)has \(what)" }
    if probe is any LabSettings { name = "\(often)\(what)" }
    func add(_ path: PartialKeyPath<ExpectationEntry>, _ phrase: (String) -> String) {
      if let given = check.place(path) { name += phrase(given.shown) }
    }
    let (isBeside, bounds) = (type(of: probe).keysStandBeside, bounds(check, probe))
    add(\.by) { " by \($0)" }
    add(\.reason) { " (\($0))" }
    if isBeside { name += bounds }
    add(\.seenAs) { ", seen as \($0)" }
    add(\.reaches) { ", reaching \($0)" }
    add(\.roundTrip) { ", rtt \($0)" }
    if !isBeside { name += bounds }
    return name
  }

  /// `, at-least 5 Mbit/s`
  private func bounds<Settings: ProbeSettings>(_ check: Placed<ExpectationEntry>, _ probe: Settings) -> String {
    let own = own(check, probe)
    return Settings.bounds.compactMap { own[$0] }.map { entry in
      let isText = own.table.keys.key(entry.key)?.shape.kind == .text
      let shown = entry.value.shown
      return ", \(entry.key) " + (isText ? "\"\(shown.prefix(40))\"" : shown)
    }.joined()
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
      let keys = tables.expectation.keys.keys.map(\.name).filter { key in
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
