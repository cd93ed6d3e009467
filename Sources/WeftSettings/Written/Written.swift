/// What is written in a file at one place: scalars stay text, aliases and merge keys are resolved.
package struct Written: Sendable {
  package enum Kind: Sendable {
    case scalar(String, quoted: Bool)
    case list([Written])
    case map([Entry])
  }

  /// What the check found that a scalar stands for: it is read once, and a mistake is told once.
  package enum Finding: Sendable {
    case unread
    case value(any Sendable)
    case wrong
  }

  package struct Entry: Sendable {
    package var key: String
    package var keyMark: Mark
    package var value: Written

    package init(key: String, keyMark: Mark, value: Written) {
      self.key = key
      self.keyMark = keyMark
      self.value = value
    }
  }

  package var kind: Kind
  package var mark: Mark
  package var finding = Finding.unread

  package init(kind: Kind, mark: Mark) {
    self.kind = kind
    self.mark = mark
  }

  /// The text of a scalar.
  package var text: String? { if case .scalar(let text, _) = kind { text } else { nil } }
  package var items: [Written]? { if case .list(let items) = kind { items } else { nil } }
  package var entries: [Entry]? { if case .map(let entries) = kind { entries } else { nil } }

  /// Nothing written: `key:` alone, `~` or `null`.
  package var isNull: Bool {
    guard case .scalar(let text, quoted: false) = kind else { return false }
    return text.isEmpty || text == "~" || text == "null"
  }

  package var what: String {
    switch kind {
    case .scalar(let text, _): isNull ? "nothing" : "\"\(text.prefix(40))\""
    case .list: "a list"
    case .map: "a map"
    }
  }

  /// How many scalars a caret line should mark.
  package var length: Int {
    guard case .scalar(let text, let quoted) = kind else { return 1 }
    return max(1, text.unicodeScalars.count + (quoted ? 2 : 0))
  }

  package subscript(key: String) -> Written? { entries?.first { $0.key == key }?.value }
}

extension Written {
  /// This map over another: its keys win, maps go into each other, everything else is replaced.
  package func merged(over under: Written?) -> Written {
    guard let under, case .map(var result) = kind, case .map(let base) = under.kind else { return self }
    for entry in base {
      if let i = result.firstIndex(where: { $0.key == entry.key }) {
        // `key:` without a value asks for the default below it.
        result[i].value = result[i].value.isNull ? entry.value : result[i].value.merged(over: entry.value)
      } else {
        result.append(entry)
      }
    }
    return Written(kind: .map(result), mark: mark)
  }

  /// What stands under a key here and under the same key again: names of both are known, else the first holds.
  package func joined(with later: Written) -> Written {
    guard case .map(var entries) = kind, case .map(let more) = later.kind, more.allSatisfy({ $0.value.entries != nil })
    else { return self }
    for entry in more where !entries.contains(where: { $0.key == entry.key }) { entries.append(entry) }
    return Written(kind: .map(entries), mark: mark)
  }

  /// The same with other contents.
  package func with(_ kind: Kind) -> Written {
    var copy = self
    copy.kind = kind
    return copy
  }

  package func without(_ keys: Set<String>) -> Written {
    guard case .map(let entries) = kind else { return self }
    return Written(kind: .map(entries.filter { !keys.contains($0.key) }), mark: mark)
  }

  /// Every scalar changed.
  package func mapText(_ change: (String) -> String) -> Written {
    switch kind {
    case .scalar(let text, let quoted):
      // What depends on {n} is read anew.
      text.contains("{n") ? Written(kind: .scalar(change(text), quoted: quoted), mark: mark) : self
    case .list(let items): Written(kind: .list(items.map { $0.mapText(change) }), mark: mark)
    case .map(let entries):
      Written(
        kind: .map(entries.map { Entry(key: $0.key, keyMark: $0.keyMark, value: $0.value.mapText(change)) }),
        mark: mark)
    }
  }

  package func contains(_ part: String) -> Bool {
    switch kind {
    case .scalar(let text, _): text.contains(part)
    case .list(let items): items.contains { $0.contains(part) }
    case .map(let entries): entries.contains { $0.value.contains(part) }
    }
  }
}

extension [Written.Entry] {
  /// Without the user's own `x-` keys.
  package var named: [Written.Entry] { filter { !$0.key.hasPrefix("x-") } }
}
