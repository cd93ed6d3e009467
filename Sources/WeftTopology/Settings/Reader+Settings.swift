import WeftSettings

extension Reader {
  /// The tree with what is set over it, as if it stood in the file. What can't be set is reported.
  func apply(_ settings: [String], to root: Written) -> Written {
    var root = root
    var line = source.settingsLine
    for setting in settings {
      let lines = setting.unicodeScalars.count { $0 == "\n" } + 1
      defer { line += lines }
      guard let path = SettingPath(setting, line: line) else {
        report(
          "expected PATH=VALUE", at: Mark(line: line, column: 1), length: setting.unicodeScalars.count,
          hint: "for example seed=2, or segments.campus.delay=5ms")
        continue
      }
      guard let value = value(of: path, line: line) else { continue }
      if let changed = set(root, .object(tables.root.keys), path.steps[...], to: value, below: "") { root = changed }
    }
    return root
  }

  /// The right side is text as it stands (`> 70 ms`, `*/wan`), or YAML where it is quoted, a list or a map; its places
  /// are moved to where it stands.
  private func value(of path: SettingPath, line: Int) -> Written? {
    func moved(_ mark: Mark) -> Mark {
      Mark(line: line + mark.line - 1, column: mark.line == 1 ? mark.column + path.valueColumn - 1 : mark.column)
    }
    let first = path.value.first { !$0.isWhitespace }
    guard let first, "[{\"'".contains(first) else {
      return Written(kind: .scalar(first == nil ? "" : path.value, quoted: false), mark: moved(Mark(line: 1, column: 1)))
    }
    var reader = YAMLReader(SourceText(text: path.value, file: source.file))
    let value = reader.read()
    for mistake in reader.diagnostics {
      report(
        mistake.message, at: moved(Mark(line: mistake.line, column: mistake.column)), length: mistake.length,
        hint: mistake.hint, severity: mistake.severity)
    }
    return reader.diagnostics.isEmpty ? value?.moved(moved) : nil
  }

  /// `value` with `new` at the end of the path; nil after a report.
  private func set(
    _ value: Written?, _ shape: Shape?, _ path: ArraySlice<SettingPath.Step>, to new: Written, below trail: String
  ) -> Written? {
    guard let step = path.first else { return new }
    let rest = path.dropFirst()
    let here = trail.isEmpty ? "the file" : "\"\(trail)\""
    let below = trail.isEmpty ? step.name : "\(trail).\(step.name)"
    let isEmpty = value?.isNull ?? true
    if !isEmpty, let value, let text = value.text {
      guard let long = shape?.longForm(of: text, at: value.mark) else {
        report(
          "\(here) is \(value.what), which has no parts", atKey: step.mark, step.name,
          hint: trail.isEmpty ? nil : "set it as a whole: \(trail)=…")
        return nil
      }
      return set(long, shape, path, to: new, below: trail)
    }
    let shape = shape?.inside(isEmpty ? nil : value, isIndex: Int(step.name) != nil)
    if value?.items != nil || isEmpty && shape?.isList == true {
      var items = value?.items ?? []
      var element: Shape?
      if case .list(let inner) = shape { element = inner }
      // One beyond the last adds one.
      guard let index = Int(step.name), (0...items.count).contains(index) else {
        let known = items.isEmpty ? "it is empty: 0 adds one" : "0 to \(items.count - 1), and \(items.count) adds one"
        report("\(here) is a list, and has no \"\(step.name)\"", atKey: step.mark, step.name, hint: known)
        return nil
      }
      guard let changed = set(index < items.count ? items[index] : nil, element, rest, to: new, below: below) else {
        return nil
      }
      if index < items.count { items[index] = changed } else { items.append(changed) }
      return Written(kind: .list(items), mark: value?.mark ?? step.mark)
    }
    var entries = value?.entries ?? []
    let known = entries.firstIndex { $0.key == step.name }
    var inner: Shape?
    switch shape {
    case .object(let table):
      inner = table.key(step.name)?.shape
      if inner == nil, !step.name.hasPrefix("x-") {
        report(
          "unknown key \"\(step.name.prefix(60))\" in \(trail.isEmpty ? table.name.article : here)", atKey: step.mark,
          step.name, hint: unknownKeyHint(step.name, table))
        return nil
      }
    case .named(let element):
      inner = element
      // A new name is a new thing, which can't come into being by one of its keys.
      if known == nil, !rest.isEmpty {
        let names = entries.map(\.key).filter { !$0.hasPrefix("x-") }
        report(
          "there is no \"\(step.name.prefix(60))\" in \(here)", atKey: step.mark, step.name,
          hint: Suggestion.hint(for: step.name, in: names)
            ?? (names.isEmpty ? nil : "there \(names.count == 1 ? "is" : "are") \(names.joined(separator: ", "))"))
        return nil
      }
    default: break
    }
    guard let changed = set(known.map { entries[$0].value }, inner, rest, to: new, below: below) else { return nil }
    if let known {
      entries[known].value = changed
    } else {
      entries.append(.init(key: step.name, keyMark: step.mark, value: changed))
    }
    return Written(kind: .map(entries), mark: value?.mark ?? step.mark)
  }
}

extension Written {
  fileprivate func moved(_ change: (Mark) -> Mark) -> Written {
    switch kind {
    case .scalar: Written(kind: kind, mark: change(mark))
    case .list(let items): Written(kind: .list(items.map { $0.moved(change) }), mark: change(mark))
    case .map(let entries):
      Written(
        kind: .map(
          entries.map { Entry(key: $0.key, keyMark: change($0.keyMark), value: $0.value.moved(change)) }),
        mark: change(mark))
    }
  }
}

extension Shape {
  fileprivate var isList: Bool { if case .list = self { true } else { false } }

  /// Of several forms the one that has parts.
  fileprivate func inside(_ value: Written?, isIndex: Bool) -> Shape? {
    guard case .either(let shapes) = self else { return self }
    if let value { return shapes.first { $0.hasForm(of: value) } }
    let withParts = shapes.filter { if case .text = $0 { false } else { true } }
    return withParts.first { $0.isList == isIndex } ?? withParts.first
  }

  /// What a short form stands for: `campus: 10.0.0.0/24` for `campus: {subnet: 10.0.0.0/24}`. Nil where it is none.
  fileprivate func longForm(of text: String, at mark: Mark) -> Written? {
    guard case .either(let shapes) = self else { return nil }
    var table: Keys?
    var short: [ScalarKind] = []
    for shape in shapes {
      switch shape {
      case .object(let found): table = table ?? found
      case .text(let scalar): short.append(scalar.kind)
      default: break
      }
    }
    guard let table else { return nil }
    func map(_ pairs: [(String, String)]) -> Written {
      Written(
        kind: .map(
          pairs.map { .init(key: $0, keyMark: mark, value: Written(kind: .scalar($1, quoted: false), mark: mark)) }),
        mark: mark)
    }
    if table.name == ProgramEntry.name { return map([(text, "")]) }
    if short.contains(.uplink) {
      let words = text.split(whereSeparator: \.isWhitespace).map(String.init)
      return words.count == 2
        ? map([(UplinkEntry.keys.name(\.segment), words[0]), (UplinkEntry.keys.name(\.address), words[1])]) : nil
    }
    let key = table.keys.first { key in
      key.shape.kind.map(short.contains) ?? false
    }
    return key.map { map([($0.name, text)]) }
  }
}
