import WeftSettings

extension Reader {
  /// Everything a table can say about a value: its form, its keys, its units. What is found of it goes into the value that
  /// comes back, so that nothing is read or told twice. `mark` is where to complain of what is missing.
  @discardableResult
  func check(_ value: Written, _ shape: Shape, at mark: Mark, partial: Bool = false) -> Written {
    var value = value
    switch shape {
    case .text(let scalar):
      guard let text = value.text, !value.isNull else { return wrongForm(value, shape, mark) }
      do {
        let found = try scalar.parse(text)
        // What depends on {n} is something else for each member.
        if !text.contains("{n") { value.finding = .value(found) }
      } catch {
        report(complaint(error, scalar.kind, text), at: value)
        value.finding = .wrong
      }
    case .list(let element):
      if value.isNull { return value }
      guard let items = value.items else { return wrongForm(value, shape, mark) }
      value.kind = .list(items.map { check($0, element, at: $0.mark) })
    case .foreign: if value.isNull { return wrongForm(value, shape, mark) }
    case .named(let element):
      if value.isNull { return value }
      guard var entries = value.entries else { return wrongForm(value, shape, mark) }
      for i in entries.indices where !entries[i].key.hasPrefix("x-") {
        if entries[i].value.isNull, element.acceptsObject { continue }
        entries[i].value = check(entries[i].value, element, at: entries[i].keyMark)
      }
      value.kind = .map(entries)
    case .object(let table):
      if value.isNull, table.needsNothing { return value }
      guard value.entries != nil else { return wrongForm(value, shape, mark) }
      return check(value, table, partial: partial)
    case .either(let shapes):
      guard let match = shapes.first(where: { $0.hasForm(of: value) }) else { return wrongForm(value, shape, mark) }
      if case .choice(let words) = match.kind, let text = value.text, !value.isNull, !words.contains(text) {
        for case .object(let table) in shapes where !table.exactlyOne.isEmpty {
          reportProgram(value, text, table)
          value.finding = .wrong
          return value
        }
      }
      // `{8080: {web: 80}}` where a text with colons was meant.
      if case .object(let table) = match, value.joinedByColons != nil, shapes.contains(where: \.isPlace),
        value.entries?.allSatisfy({ table.key($0.key) == nil }) ?? false
      {
        return wrongForm(value, shape, mark)
      }
      return check(value, match, at: mark, partial: partial)
    }
    return value
  }

  private func wrongForm(_ value: Written, _ shape: Shape, _ mark: Mark) -> Written {
    let place = value.isNull ? mark : value.mark
    report(
      "expected \(shape.words), found \(value.what)", at: place, length: value.isNull ? 1 : value.length,
      hint: formHint(value, shape))
    var value = value
    value.finding = .wrong
    return value
  }

  private func check(_ value: Written, _ table: Keys, partial: Bool) -> Written {
    let entries = value.entries ?? []
    var checked = entries
    let strays = strays(entries, table)
    for (index, entry) in entries.enumerated() where !entry.key.hasPrefix("x-") {
      guard let key = table.key(entry.key) else {
        if strays?.keys.contains(entry.key) ?? false { continue }
        if index > 0, let hint = commaHint(entry, after: entries[index - 1], table) {
          // `1,5 ms`: the 1 without a unit is the same mistake.
          if hint.hasPrefix("decimals") { complaints.withdraw(at: entries[index - 1].value.mark) }
          report("\"\(entry.key.prefix(60))\" is no key", atKey: entry.keyMark, entry.key, hint: hint)
          continue
        }
        if let colon = entry.key.firstIndex(of: ":"), entry.value.isNull, table.key(String(entry.key[..<colon])) != nil {
          report(
            "a space is missing after the colon of \"\(entry.key[..<colon])\"", atKey: entry.keyMark, entry.key,
            hint: "write \(entry.key[..<colon]): \(entry.key[entry.key.index(after: colon)...].prefix(60))")
          continue
        }
        let action = entry.value.text.flatMap { table.exactlyOne.contains($0) ? $0 : nil }
        report(
          "unknown key \"\(entry.key.prefix(60))\" in \(table.name.article)", atKey: entry.keyMark, entry.key,
          hint: action.map { "\"\($0)\" is itself the key: {\($0): \(table.key($0)?.example ?? "…")}" }
            ?? placedElsewhere(entry, entries, table) ?? unknownKeyHint(entry.key, table))
        if let meant = meant(entry, table), meant.isMisspelt, value[meant.key.name] == nil, meant.key.shape.isLike(meant.value) {
          check(meant.value, meant.key.shape, at: entry.keyMark, partial: table.name == tables.defaults.keys.name)
        }
        continue
      }
      // In `defaults`, and where defaults may fill it, `key:` without a value asks for the default.
      // So does a server: `http-server:` is one on port 80. But a ping of nobody is none.
      let needsValue = key.isRequired || table.exactlyOne.contains(key.name) && !key.shape.standsAlone
      if entry.value.isNull, !needsValue { continue }
      if let strays, strays.of == entry.key {
        report(
          "expected \(key.shape.words), found \(entry.value.what)", at: entry.value, hint: strays.hint)
        continue
      }
      checking = (table.name, key.name)
      checked[index].value = check(entry.value, key.shape, at: entry.keyMark, partial: table.name == tables.defaults.keys.name)
    }
    // `to: web, port: 80`: that "web" has no port is the same mistake.
    let isForward = table.name == ForwardEntry.keys.keys.name
    if isForward, value["port"] != nil, let to = Object(value, ForwardEntry.keys).bare(\.to) { complaints.withdraw(at: to.mark) }
    if !partial, !table.takesDefaults { require(value, table, at: value.mark) }
    if !table.exactlyOne.isEmpty {
      let given = entries.filter { table.exactlyOne.contains($0.key) }
      if given.isEmpty {
        // An unknown key is most likely the misspelt one.
        if entries.allSatisfy({ table.key($0.key) != nil || $0.key.hasPrefix("x-") }) {
          report("\(table.name.article) needs one of: \(table.exactlyOne.joined(separator: ", "))", at: value.mark)
        }
      }
      for entry in given.dropFirst() {
        report("\"\(entry.key)\" cannot stand beside \"\(given[0].key)\"", atKey: entry.keyMark, entry.key)
      }
    }
    var value = value
    value.kind = .map(checked)
    return value
  }

  /// `loss: 0,5 %` and `never-during: 2 s, 4 s`: a comma ends a value.
  private func commaHint(_ entry: Written.Entry, after before: Written.Entry, _ table: Keys) -> String? {
    guard entry.value.isNull, entry.key.first?.isNumber ?? false, let text = before.value.text, !before.value.isNull,
      let key = table.key(before.key)
    else { return nil }
    let isList = key.shape.alternatives.contains { if case .list = $0 { true } else { false } }
    if isList { return "a list stands in brackets: \(key.name): [\(text), \(entry.key)]" }
    guard text.allSatisfy(\.isNumber) else { return nil }
    return "decimals have a point: \(key.name): \(text).\(entry.key)"
  }

  /// Keys that must be there, once defaults are in.
  func require(_ value: Written, _ table: Keys, at mark: Mark, name: String? = nil) {
    let names = table.keys.map(\.name)
    let unknown = (value.entries ?? []).map(\.key).filter { table.key($0) == nil }
    for key in table.keys where key.isRequired && (value[key.name]?.isNull ?? true) {
      // Misspelt is not missing: the unknown key has been reported.
      let isMisspelt = unknown.contains {
        Suggestion.nearest(to: $0, in: names) == key.name || Self.otherWord($0, table) == key.name
          || $0.hasPrefix(key.name + ":")
          || (table.name == EventEntry.keys.keys.name && key.name == EventEntry.keys.name(\.at)
            && (try? Quantity.duration($0)) != nil)
      }
      if isMisspelt {
        continue
      }
      let of = name.map { "\(table.name) \"\($0)\"" } ?? table.name.article
      report(
        "\(of) needs \"\(key.name)\"", at: mark, length: name?.unicodeScalars.count ?? 1,
        hint: "for example \(key.name): \(key.example)")
    }
  }

  /// What the same things are called elsewhere (docker compose, containerlab, netplan, tc).
  static let otherWords = [
    "ip": "address", "ipv4": "address", "addr": "address", "cidr": "subnet", "prefix": "subnet", "latency": "delay",
    "bandwidth": "rate", "type": "mode", "kind": "mode", "ports": "forwards", "publish": "forwards", "net": "network",
    "hwaddr": "mac", "interfaces": "nics", "nodes": "hosts", "guests": "vms", "tests": "expect", "checks": "expect",
    "switches": "segments", "networks": "segments", "source": "from", "destination": "to", "result": "is",
    "src": "from", "dst": "to", "dest": "to", "target": "to", "expected": "is", "outcome": "is", "state": "is",
    "jitter": "delay", "packet-loss": "loss", "bw": "rate", "speed": "rate", "interface": "nics", "machines": "hosts",
    "servers": "hosts", "lans": "segments", "scenario": "events", "actions": "events", "time": "at", "when": "at",
    "image": "programs", "services": "programs", "router": "gateway", "gw": "gateway", "ip-address": "address",
    "proto": "protocol", "dport": "port", "sport": "source-port", "saddr": "source", "daddr": "destination",
    "tcp": "tcp-established", "established": "tcp-established", "max": "table", "entries": "table",
    "topology.services": "vms", "topology.containers": "vms", "topology.instances": "vms", "uplink.network": "segment",
    "uplink.net": "segment", "forward.host": "from", "forward.guest": "to", "forward.vm": "to",
  ]

  /// By the table's own words first.
  static func otherWord(_ word: String, _ table: Keys) -> String? {
    otherWords["\(table.name).\(word)"] ?? otherWords[word]
  }

  /// What is written otherwise than by a key of its own there.
  static let otherForms: [String: String] = [
    "expectation.port": "the port stands behind the node: to: \"visitor:80\"",
    "expectation.protocol": "the protocol stands behind the port: to: \"visitor:53/udp\"",
    "expectation.udp": "the protocol stands behind the port: to: \"visitor:53/udp\"",
    "expectation.tcp": "the protocol stands behind the port: to: \"visitor:80/tcp\"",
    "expectation.not": "is: blocked says that it doesn't open",
    "nat.max-connections": "limits: {table: …} for all, {sessions-per-vm: …} for one VM",
    "expectation.seconds": "times have units: within: 5 s",
    "topology.networks": "a host's networks stand in it: hosts: {NAME: {networks: …}}; those outside are \"segments\"",
    "topology.links": "a cable belongs to its node: uplink: {segment: …, delay: …}, or the VM's own delay, rate, loss",
    "topology.forwards": "forwards stand in their network: networks: {home: {mode: nat, forwards: […]}}",
    "host.address": "the address stands behind the segment: uplink: campus 134.115.153.10",
    "host.vms": "VMs stand at the top of the file: vms: {NAME: {network: …}}",
    "host.network": "a host has \"networks\", and its cable is an \"uplink\"",
    "host.forwards": "forwards stand in their network: networks: {home: {mode: nat, forwards: […]}}",
    "vm.forwards": "forwards stand in the VM's network: networks: {home: {mode: nat, forwards: […]}}",
    "vm.uplink": "a VM joins a \"network\" of its host",
    "vm.gateway": "a VM has the gateway of its network, or what DHCP gives",
    "vm.networks": "one NIC: \"network\"; several: nics: [{network: …}, {network: …}]",
    "host.gateway": "the gateway belongs to the uplink: uplink: {segment: …, address: …, gateway: …}",
    "segment.hosts": "hosts stand at the top of the file, and name their segment in \"uplink\"",
    "event.for": "what begins and ends is two events: link-down and link-up",
    "event.duration": "what begins and ends is two events: link-down and link-up",
  ]

  func unknownKeyHint(_ word: String, _ table: Keys) -> String {
    if let form = Self.otherForms["\(table.name).\(word)"] { return form }
    if let meant = Self.otherWords["\(table.name).\(word)"], table.key(meant) != nil { return "did you mean \"\(meant)\"?" }
    if let hint = Suggestion.hint(for: word, in: table.keys.map(\.name)) { return hint }
    if let meant = Self.otherWords[word], table.key(meant) != nil { return "did you mean \"\(meant)\"?" }
    let owners = TopologySchema.tables(tables).filter { $0.key(word) != nil }.map(\.name)
    if (1...3).contains(owners.count) {
      let places = owners.map { $0 == tables.root.keys.name ? "at the top of the file" : "in \($0.article)" }
      return "it stands \(places.joined(separator: " or ")); the keys here are \(table.keys.map(\.name).joined(separator: ", "))"
    }
    return "the keys are \(table.keys.map(\.name).joined(separator: ", "))"
  }
}

extension Shape {
  var acceptsObject: Bool {
    switch self {
    case .object: true
    case .either(let shapes): shapes.contains { $0.acceptsObject }
    default: false
    }
  }

  var words: String {
    switch self {
    case .text(let scalar): scalar.kind.words
    case .list: "a list"
    case .named: "a map of names"
    case .foreign(let words): words
    case .object(let table): "a map of \(table.name)'s keys"
    case .either(let shapes): shapes.map(\.words).joined(separator: " or ")
    }
  }
}

extension String {
  /// "an event", "a host".
  var article: String { (first.map { "aeiou".contains($0) } ?? false || hasPrefix("http") ? "an " : "a ") + self }
}
