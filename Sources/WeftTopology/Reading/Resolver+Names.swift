import WeftSettings
import WeftWire

extension Resolver {
  /// Takes down every name first, so that order in the file does not matter and nothing is unknown twice.
  func declare(
    _ segments: [Written.Entry], _ hosts: [Written.Entry], _ vms: [Written.Entry], _ groups: [Written.Entry]
  ) {
    for entry in segments.named {
      declare(entry.key, .segment, entry.keyMark)
      let switches = Object(entry.value, SegmentEntry.keys).bare(\.switches)
      for name in switches?.items ?? [] { if let text = name.text { declare(text, .switch, name.mark) } }
      for own in switches?.entries.map(\.named) ?? [] { declare(own.key, .switch, own.keyMark) }
    }
    for entry in hosts.named {
      declare(entry.key, .host, entry.keyMark)
      for network in Object(merged(entry, \.host), tables.host).bare(\.networks)?.entries.map(\.named) ?? [] {
        if declare(network.key, .network, network.keyMark) { networkHost[network.key] = entry.key }
      }
    }
    for entry in vms.named { declare(entry.key, .vm, entry.keyMark) }
    for entry in groups.named {
      let errors = errorCount
      let own = Object(entry.value, GroupEntry.keys)
      let pattern = groupPattern(entry)
      if groupCount(entry) > 1, Pattern.expand(pattern, 1) == Pattern.expand(pattern, 2) {
        let place = own.bare(\.name)?.mark ?? entry.keyMark
        report("the name of a group's VMs needs {n}", atKey: place, pattern, hint: "for example \"\(entry.key){n}\"")
        continue
      }
      for n in 0..<groupCount(entry) {
        declare(Pattern.expand(pattern, n + 1), .vm, own.bare(\.name)?.mark ?? entry.keyMark)
        if errorCount > errors { break }
      }
    }
  }

  func groupPattern(_ entry: Written.Entry) -> String {
    Object(entry.value, GroupEntry.keys).bare(\.name)?.text ?? "\(entry.key){n}"
  }

  func groupCount(_ entry: Written.Entry) -> Int {
    guard let text = Object(entry.value, GroupEntry.keys).bare(\.count)?.text,
      let count = try? Parse.integer(text, in: 1...100_000)
    else { return 0 }
    return Int(count)
  }

  @discardableResult
  func declare(_ name: String, _ sort: Sort, _ mark: Mark) -> Bool {
    do {
      _ = try Parse.name(name)
    } catch {
      report(error.message, atKey: mark, name, hint: error.hint)
      return false
    }
    if let other = names[name] {
      let same = other.sort == sort ? "another \(sort.rawValue)" : "a \(other.sort.rawValue)"
      report("the name \"\(name)\" is taken by \(same) on line \(other.mark.line)", atKey: mark, name)
      return false
    }
    names[name] = Named(sort: sort, mark: mark)
    nameOrder.append(name)
    return true
  }

  /// A node over its kind's defaults.
  func merged(_ entry: Written.Entry, _ kind: PartialKeyPath<DefaultsEntry>) -> Written {
    let own = entry.value.isNull ? Written(kind: .map([]), mark: entry.keyMark) : entry.value
    return own.merged(over: defaults(kind))
  }

  /// Whether the name stands for one of these sorts; a report if not.
  @discardableResult
  func resolve(_ name: String, _ sorts: [Sort], at value: Written) -> Bool {
    if let named = names[name] {
      if sorts.contains(named.sort) { return true }
      let wanted = sorts.map(\.rawValue.article).joined(separator: " or ")
      report(
        "\"\(name)\" is \(named.sort.rawValue.article), not \(wanted)", at: value, part: name,
        hint: named.sort == .segment && sorts == [.network] ? segmentHint(name) : nil)
      return false
    }
    do {
      _ = try Parse.reference(name, to: sorts.map(\.rawValue).joined(separator: " or "))
    } catch {
      // The table has said so already where a name alone can stand.
      if errorCount == 0 || !complaints.hasError(at: value.mark) { report(error, at: value) }
      return false
    }
    if !unread.isDisjoint(with: sorts), errorCount > 0 { return false }
    if name.hasPrefix("x-") {
      report("unknown name \"\(name)\"", at: value, part: name, hint: "entries that begin with x- are not read")
      return false
    }
    // One long file can be full of one mistake; a hundred suggestions are enough.
    guard errorCount < 100 else {
      report("unknown \(sorts.map(\.rawValue).joined(separator: " or ")) \"\(name)\"", at: value, part: name)
      return false
    }
    let candidates = nameOrder.lazy.filter { self.names[$0].map { sorts.contains($0.sort) } ?? false }
    // The list of all is for small labs; nobody reads a thousand names.
    let hint = Suggestion.hint(for: name, in: candidates) ?? listHint(Array(candidates.prefix(9)))
    report("unknown \(sorts.map(\.rawValue).joined(separator: " or ")) \"\(name)\"", at: value, part: name, hint: hint)
    return false
  }

  private func listHint(_ names: [String]) -> String? {
    names.isEmpty || names.count > 8 ? nil : "there is \(names.joined(separator: ", "))"
  }

  /// `toGroups`: also addresses that more than one machine hears.
  func resolve(_ destination: Destination, at value: Written, toGroups: Bool) -> Bool {
    if destination == .node("next") {
      if !inGroup { report("\"next\" is the next VM of a group, and this is none", at: value, part: "next") }
      return inGroup
    }
    guard case .node(let name) = destination else {
      guard !toGroups, case .address(let address) = destination, let many = manyHear(address) else { return true }
      report(
        "\(address) is \(many), not one machine", at: value, part: "\(address)",
        hint: "udp-rate sends to it; what a sink or udp-echo got stands in the report")
      return false
    }
    guard resolve(name, [.host, .vm], at: value) else { return false }
    // A host has an address on its segment, or inside its nat and host-only networks.
    if withoutUplink.contains(name), let index = hostIndex[name],
      !topology.hosts[index].networks.contains(where: { $0.gateway != nil })
    {
      report("host \"\(name)\" has no address to reach it at", at: value, part: name, hint: "give it an uplink")
      return false
    }
    return true
  }

  /// What an address is that no single machine has; nil for one's own.
  private func manyHear(_ address: IPv4Address) -> String? {
    if address.isMulticast { return "a multicast group" }
    let isOfALink =
      topology.segments.contains { $0.subnet.broadcast == address }
      || topology.hosts.contains { $0.networks.contains { $0.subnet.broadcast == address } }
    if address.isBroadcast || isOfALink {
      return "a broadcast address"
    }
    return nil
  }

  /// Enters an address of a segment or network; a report if it is taken.
  func take(_ address: IPv4Address, on place: String, for owner: String, at value: Written) {
    if let other = taken[place]?[address] {
      if allowed.contains(.duplicateAddress) { return }
      let message = "\(address) on \"\(place)\" is taken by \(other)"
      if let name = owner.split(separator: "\"").dropFirst().first.map(String.init), let own = names[name]?.mark,
        (value.mark.line, value.mark.column) < (own.line, own.column),
        value.mark != defaults(\.vm).flatMap({ Object($0, NICEntry.keys).bare(\.address) })?.mark
      {
        // It comes from an anchor elsewhere, where nothing is wrong with it.
        report(message, atKey: own, name, hint: "it has it from line \(value.mark.line): give it one of its own")
      } else {
        report(message, at: value, part: "\(address)")
      }
    } else {
      taken[place, default: [:]][address] = owner
    }
  }

  func take(_ mac: MACAddress, for owner: String, at value: Written) {
    if let other = macs[mac] {
      if allowed.contains(.duplicateMAC) { return }
      report(
        "MAC address \(mac) is taken by \(other)", at: value, hint: "where a lab is about that: allow: [duplicate-mac]")
    } else {
      macs[mac] = owner
    }
  }

  /// A VM that names a segment: where a bridge would be, or is.
  func segmentHint(_ segment: String) -> String? {
    let hosts = topology.hosts.filter { $0.uplink?.segment == segment }
    if let bridge = hosts.lazy.flatMap(\.networks).first(where: { $0.mode == .bridge }) {
      return "did you mean \"\(bridge.name)\", the bridge to it?"
    }
    return hosts.first.map {
      "a VM joins a network of its host: a bridge to \"\(segment)\" on \"\($0.name)\" would be networks: {lan: bridge}"
    }
  }
}
