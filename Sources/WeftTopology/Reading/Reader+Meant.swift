import WeftSettings

// Keys that are unknown, and what was meant by them.

extension Reader {
  struct Meant {
    var key: Key
    var value: Written
    /// Almost the key's own name, not another tool's word.
    var isMisspelt: Bool
  }

  /// The key of the table that an unknown one stands for.
  func meant(_ entry: Written.Entry, _ table: Keys) -> Meant? {
    let word = entry.key
    guard !word.hasPrefix("x-"), Self.otherForms["\(table.name).\(word)"] == nil else { return nil }
    // `network:home` without its space.
    if let colon = word.firstIndex(of: ":"), entry.value.isNull, let key = table.key(String(word[..<colon])) {
      let text = String(word[word.index(after: colon)...])
      let mark = Mark(line: entry.keyMark.line, column: entry.keyMark.column + key.name.unicodeScalars.count + 1)
      return Meant(key: key, value: Written(kind: .scalar(text, quoted: false), mark: mark), isMisspelt: true)
    }
    let own = Self.otherWords["\(table.name).\(word)"].flatMap(table.key)
    let near = own == nil ? Suggestion.nearest(to: word, in: table.keys.map(\.name)).flatMap(table.key) : nil
    guard let key = own ?? near ?? Self.otherWords[word].flatMap(table.key) else { return nil }
    return Meant(key: key, value: entry.value, isMisspelt: near != nil)
  }

  /// The tree with unknown keys as they were meant, where their values fit and nothing else has the key: so that names
  /// in them are known, and nothing is missed that is there.
  func corrected(_ value: Written, _ shape: Shape) -> Written {
    switch shape {
    case .text, .foreign: return value
    case .list(let element):
      guard let items = value.items else { return value }
      return value.with(.list(items.map { corrected($0, element) }))
    case .named(let element):
      guard let entries = value.entries else { return value }
      let all = entries.map { entry in
        entry.key.hasPrefix("x-")
          ? entry : Written.Entry(key: entry.key, keyMark: entry.keyMark, value: corrected(entry.value, element))
      }
      return value.with(.map(all))
    case .either(let shapes):
      return shapes.first { $0.hasForm(of: value) }.map { corrected(value, $0) } ?? value
    case .object(let table):
      guard let entries = value.entries else { return value }
      var known = Set(entries.map(\.key))
      let all = entries.map { entry -> Written.Entry in
        if let key = table.key(entry.key) {
          return Written.Entry(key: entry.key, keyMark: entry.keyMark, value: corrected(entry.value, key.shape))
        }
        guard let meant = meant(entry, table), !known.contains(meant.key.name),
          meant.isMisspelt && meant.key.shape.isLike(meant.value)
            || complaints.isFine({
              check(meant.value, meant.key.shape, at: entry.keyMark, partial: table.name == tables.defaults.keys.name)
            }
            )
        else { return entry }
        known.insert(meant.key.name)
        return Written.Entry(
          key: meant.key.name, keyMark: entry.keyMark, value: corrected(meant.value, meant.key.shape))
      }
      return value.with(.map(all))
    }
  }

  /// Keys of a map that stand beside it: `set-link: web.eth0, loss: 5 %`.
  func strays(_ entries: [Written.Entry], _ table: Keys) -> (of: String, keys: Set<String>, hint: String)? {
    for entry in entries {
      guard let key = table.key(entry.key), case .object(let inner) = key.shape, let text = entry.value.text,
        !entry.value.isNull, let first = inner.keys.first(where: \.isRequired)
      else { continue }
      let others = entries.filter { table.key($0.key) == nil && inner.key($0.key) != nil && $0.value.text != nil }
      guard !others.isEmpty else { continue }
      let words = others.map { "\($0.key): \($0.value.text?.prefix(40) ?? "")" }.joined(separator: ", ")
      return (entry.key, Set(others.map(\.key)), "write \(entry.key): {\(first.name): \(text.prefix(40)), \(words)}")
    }
    return nil
  }

  /// What an unknown key says, where it is said by another: the port of a forward, the time of an event.
  func placedElsewhere(_ entry: Written.Entry, _ entries: [Written.Entry], _ table: Keys) -> String? {
    if table.name == ForwardEntry.keys.keys.name, entry.key == "port", let port = entry.value.text {
      let to = entries.first { $0.key == ForwardEntry.keys.name(\.to) }?.value.text ?? "web"
      return "the port stands behind the VM: to: \"\(to.prefix(40)):\(port.prefix(20))\""
    }
    if table.name == EventEntry.keys.keys.name, (try? Quantity.duration(entry.key)) != nil {
      let what = entry.value.entries?.first.map { "\($0.key): \($0.value.text ?? "…")" } ?? "…"
      return "an event says its time itself: - {at: \(entry.key), \(what.prefix(80))}"
    }
    return nil
  }

  /// A port is asked for in the words of what needs it.
  func complaint(_ complaint: Complaint, _ kind: ScalarKind, _ text: String) -> Complaint {
    guard case .endpoint = kind, complaint.message.hasSuffix("has no port") else { return complaint }
    let ports = [
      "program.bulk": 5001, "bulk.to": 5001, "throughput.to": 5001, "udp-rate.to": 9, "syn-flood.to": 80,
      "program.syn-flood": 80, "http-get.to": 80, "probe-idle.to": 7,
    ]
    guard let port = ports["\(checking.table).\(checking.key)"] else { return complaint }
    var complaint = complaint
    complaint.hint = "write it like \"\(text.prefix(40)):\(port)\""
    return complaint
  }
}

extension Shape {
  /// Whether a map or a list is to be had here, and is one.
  func isLike(_ value: Written) -> Bool {
    alternatives.contains { shape in
      if case .text = shape { false } else { shape.hasForm(of: value) }
    }
  }
}
