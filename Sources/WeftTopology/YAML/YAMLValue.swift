import WeftSettings

/// A node of the file with its place: scalars stay text, aliases and merge keys are resolved.
struct YAMLValue {
  enum Kind {
    case scalar(String, quoted: Bool)
    case list([YAMLValue])
    case map([Entry])
  }

  struct Entry {
    var key: String
    var keyMark: Mark
    var value: YAMLValue
  }

  var kind: Kind
  var mark: Mark

  /// The text of a scalar.
  var text: String? { if case .scalar(let text, _) = kind { text } else { nil } }
  var items: [YAMLValue]? { if case .list(let items) = kind { items } else { nil } }
  var entries: [Entry]? { if case .map(let entries) = kind { entries } else { nil } }

  /// Nothing written: `key:` alone, `~` or `null`.
  var isNull: Bool {
    guard case .scalar(let text, quoted: false) = kind else { return false }
    return text.isEmpty || text == "~" || text == "null"
  }

  var what: String {
    switch kind {
    case .scalar(let text, _): isNull ? "nothing" : "\"\(text.prefix(40))\""
    case .list: "a list"
    case .map: "a map"
    }
  }

  /// How many scalars a caret line should mark.
  var length: Int {
    guard case .scalar(let text, let quoted) = kind else { return 1 }
    return max(1, text.unicodeScalars.count + (quoted ? 2 : 0))
  }

  subscript(key: String) -> YAMLValue? { entries?.first { $0.key == key }?.value }
}

extension YAMLValue {
  /// This map over another: its keys win, maps go into each other, everything else is replaced.
  func merged(over under: YAMLValue?) -> YAMLValue {
    guard let under, case .map(var result) = kind, case .map(let base) = under.kind else { return self }
    for entry in base {
      if let i = result.firstIndex(where: { $0.key == entry.key }) {
        // `key:` without a value asks for the default below it.
        result[i].value = result[i].value.isNull ? entry.value : result[i].value.merged(over: entry.value)
      } else {
        result.append(entry)
      }
    }
    return YAMLValue(kind: .map(result), mark: mark)
  }

  /// What stands under a key here and under the same key again: names of both are known, else the first holds.
  func joined(with later: YAMLValue) -> YAMLValue {
    guard case .map(var entries) = kind, case .map(let more) = later.kind, more.allSatisfy({ $0.value.entries != nil })
    else { return self }
    for entry in more where !entries.contains(where: { $0.key == entry.key }) { entries.append(entry) }
    return YAMLValue(kind: .map(entries), mark: mark)
  }

  func without(_ keys: Set<String>) -> YAMLValue {
    guard case .map(let entries) = kind else { return self }
    return YAMLValue(kind: .map(entries.filter { !keys.contains($0.key) }), mark: mark)
  }

  /// Every scalar changed.
  func mapText(_ change: (String) -> String) -> YAMLValue {
    switch kind {
    case .scalar(let text, let quoted): YAMLValue(kind: .scalar(change(text), quoted: quoted), mark: mark)
    case .list(let items): YAMLValue(kind: .list(items.map { $0.mapText(change) }), mark: mark)
    case .map(let entries):
      YAMLValue(
        kind: .map(entries.map { Entry(key: $0.key, keyMark: $0.keyMark, value: $0.value.mapText(change)) }),
        mark: mark)
    }
  }

  func contains(_ part: String) -> Bool {
    switch kind {
    case .scalar(let text, _): text.contains(part)
    case .list(let items): items.contains { $0.contains(part) }
    case .map(let entries): entries.contains { $0.value.contains(part) }
    }
  }
}
