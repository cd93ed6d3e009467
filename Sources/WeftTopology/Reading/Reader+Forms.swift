import WeftSettings

// What was probably meant where a value has another form than it should.

extension Reader {
  /// A hint for a value of the wrong form.
  func formHint(_ value: Written, _ shape: Shape) -> String? {
    let shapes = shape.alternatives
    if let joined = value.joinedByColons, shapes.contains(where: \.isPlace) { return "write \"\(joined)\"" }
    if let items = value.items, items.count == 2, let first = items[0].text, let last = items[1].text,
      shapes.contains(where: { $0.kind == .range })
    {
      return "write it like \(first)-\(last)"
    }
    for case .object(let table) in shapes where table.name == CaptureSettings.keys.keys.name && value.items != nil {
      return "write capture: {ports: [\(value.items?.compactMap(\.text).prefix(4).joined(separator: ", ") ?? "")]}"
    }
    if let url = (value["url"] ?? value["to"])?.text, let rest = value.entries?.filter({ $0.value.text != url }),
      shapes.contains(where: { $0.kind == .http })
    {
      let beside = rest.map { "\($0.key): \($0.value.text?.prefix(40) ?? "…")" }.joined(separator: ", ")
      return "write http: \"\(url.prefix(60))\"" + (beside.isEmpty ? "" : ", \(beside)")
    }
    if let items = value.items, items.count > 1, shapes.contains(where: \.isOne) {
      return "one at a time: an entry for each"
    }
    if let items = value.items, items.count == 1, let text = items[0].text, shapes.contains(where: \.isScalar) {
      return "write it without [ ]: \(text.prefix(60))"
    }
    for shape in shapes {
      switch shape {
      case .list(let element)
      where value.entries != nil && element.alternatives.contains(where: \.isPlace)
        && value.entriesJoined != nil:
        return "write \(value.entriesJoined ?? "")"
      case .list(.object(let table)) where table.name == EventEntry.keys.keys.name && value.isByTime:
        return "an event says its time itself: - {at: \(value.entries?.first?.key ?? "5 s"), …}"
      case .list where value.entries != nil: return "put it into a list: [{…}], or begin it with \"- \""
      case .list where value.text.map { !$0.isEmpty } ?? false:
        return value.isNull ? nil : "put it into a list: [\(value.text?.prefix(60) ?? "")]"
      case .named where value.text?.contains(":") ?? false:
        let parts = (value.text ?? "").split(separator: ":", maxSplits: 1).map(String.init)
        if parts.count == 2, (try? Parse.name(parts[0])) != nil {
          return "a space is missing after the colon: \(parts[0]): \(parts[1].prefix(60))"
        }
      case .named where value.items != nil:
        let first = value.items?.first
        if let name = first?["name"]?.text { return "the name is the key: {\(name.prefix(32)): {…}}, without dashes" }
        if let name = first?.text { return "each name is a key with its value: {\(name.prefix(32)): …}" }
        return "each name is a key with its value: {name: …}"
      case .object(let table):
        if let form = Self.examples[table.name], value.text != nil, !value.isNull { return "write it like \(form)" }
        if table.name == ForwardingChange.keys.keys.name, let text = value.text, !value.isNull {
          let isSwitch = ["true", "false", "on", "off", "yes", "no"].contains(text)
          return isSwitch
            ? "write {host: laptop, enabled: \(["true", "on", "yes"].contains(text))}"
            : "write {host: \(text.prefix(40)), enabled: false}"
        }
        guard let text = value.text, !value.isNull, let key = table.keyOf(text) else { continue }
        return "write {\(key): \(text.prefix(60))}"
      default: continue
      }
    }
    return nil
  }

  /// Of what people put into a sentence.
  private static let examples = [
    "event": "{at: 5 s, link-down: laptop.uplink}", "rule": "{deny: forwarded, protocol: tcp, port: 22}",
    "expectation": "{from: visitor, to: \"laptop:8080\", is: open}",
  ]

  /// A program by its word alone that has no meaning alone, or is none.
  func reportProgram(_ value: Written, _ text: String, _ table: Keys) {
    if let key = table.key(text), table.exactlyOne.contains(text) {
      return report(
        "\"\(text)\" needs a target", at: value, hint: "write {\(text): \(key.example)}")
    }
    let words = table.exactlyOne
    let list = words.joined(separator: ", ")
    // `http-server:8080`
    let parts = text.split { ":= ".contains($0) }.map(String.init)
    if parts.count == 2, words.contains(parts[0]), let key = table.key(parts[0]) {
      let isPort = key.shape.standsAlone && UInt16(parts[1]) != nil
      return report(
        "there is no program \"\(text.prefix(60))\"", at: value,
        hint: "write {\(parts[0]): \(isPort ? parts[1] : key.example)}")
    }
    let service = Self.services.first { text.lowercased().hasPrefix($0.name) }
    let near = Suggestion.nearest(to: text, in: words, within: service == nil ? 3 : 2)
    let hint: String
    if let near {
      hint =
        table.key(near)?.shape.standsAlone ?? false
        ? "did you mean \"\(near)\"?" : "did you mean {\(near): \(table.key(near)?.example ?? "…")}?"
    } else if let service {
      hint = "\(service.instead) stands for it; the programs are \(list)"
    } else {
      hint = "{tcp-echo: PORT} stands for a TCP service; the programs are \(list)"
    }
    report("there is no program \"\(text.prefix(60))\"", at: value, hint: hint)
  }

  /// What people run on real machines, and what stands for it here (ports: IANA).
  private static let services: [(name: String, instead: String)] = [
    ("ssh", "{tcp-echo: 22}"), ("telnet", "{tcp-echo: 23}"), ("ftp", "{tcp-echo: 21}"), ("smtp", "{tcp-echo: 25}"),
    ("dns", "{udp-echo: 53}"), ("ntp", "{udp-echo: 123}"), ("snmp", "{udp-echo: 161}"), ("syslog", "{sink: 514}"),
    ("https", "{tcp-echo: 443}"), ("nginx", "http-server"), ("apache", "http-server"), ("web", "http-server"),
    ("http", "http-server"), ("mysql", "{tcp-echo: 3306}"), ("postgres", "{tcp-echo: 5432}"),
    ("redis", "{tcp-echo: 6379}"), ("mqtt", "{tcp-echo: 1883}"), ("rdp", "{tcp-echo: 3389}"),
    ("vnc", "{tcp-echo: 5900}"), ("iperf", "{sink: 5001}, and {bulk: \"server:5001\"} on the other side,"),
    ("curl", "{http-get: \"http://server/\"}"), ("wget", "{http-get: \"http://server/\"}"),
    ("netcat", "{tcp-echo: PORT}"), ("nc", "{tcp-echo: PORT}"), ("echo", "tcp-echo or udp-echo"),
  ]
}

extension Written {
  /// `{one: 80}` → `one:80`, `{8080: {web: 80}}` → `8080:web:80`.
  var joinedByColons: String? {
    guard let entries, entries.count == 1 else { return nil }
    if entries[0].value.isNull { return entries[0].key.contains(":") ? entries[0].key : nil }
    if let text = entries[0].value.text { return "\(entries[0].key):\(text)" }
    return entries[0].value.joinedByColons.map { "\(entries[0].key):\($0)" }
  }
}

extension Written {
  /// `{5 s: …, 6 s: …}`
  fileprivate var isByTime: Bool { entries?.allSatisfy { (try? Quantity.duration($0.key)) != nil } ?? false }

  /// `{8080: "web:80", 22: "web:22"}` → `["8080:web:80", "22:web:22"]`.
  var entriesJoined: String? {
    guard let entries, !entries.isEmpty else { return nil }
    var texts: [String] = []
    for entry in entries {
      guard let first = entry.key.first, first.isNumber,
        let text = Written(kind: .map([entry]), mark: mark).joinedByColons
      else { return nil }
      texts.append("\"\(text)\"")
    }
    return "[\(texts.prefix(4).joined(separator: ", "))\(texts.count > 4 ? ", …" : "")]"
  }
}

extension Shape {
  /// Of which people like to list several.
  var isOne: Bool {
    switch kind {
    case .reference, .port, .destination, .endpoint: true
    default: false
    }
  }
  var isScalar: Bool { if case .text = self { true } else { false } }

  /// Whether colons belong to its text.
  var isPlace: Bool {
    switch kind {
    case .endpoint, .forward, .forwardTarget, .http, .mac: true
    default: false
    }
  }
}

extension Keys {
  /// The first key that could take the text, where the text says something by its form.
  fileprivate func keyOf(_ text: String) -> String? {
    for key in keys {
      for case .text(let scalar) in key.shape.alternatives {
        switch scalar.kind {
        case .text, .boolean, .always, .namePattern: continue
        default: if (try? scalar.parse(text)) != nil { return key.name }
        }
      }
    }
    return nil
  }
}
