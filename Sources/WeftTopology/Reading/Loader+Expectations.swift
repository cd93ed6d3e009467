import WeftCore
import WeftSettings
import WeftWire

extension Loader {
  func readExpectation(_ value: Written) {
    guard value.entries != nil else { return lost(at: value.mark) }
    let outcome = value["is"]?.text.flatMap(Expectation.Outcome.init(rawValue:)) ?? .open
    checkFit(value, outcome)
    let timing = timing(value, idle: parse(value["idle"]?["for"], Quantity.interval))
    var from: String?
    if let place = value["from"], let name = place.text, !place.isNull, resolve(name, [.host, .vm], at: place) {
      from = name
    }
    let seenAs = parse(value["seen-as"], Parse.address)
    var reaches: String?
    if let place = value["reaches"], let name = place.text, !place.isNull, resolve(name, [.host, .vm], at: place) {
      reaches = name
    }
    var by: String?
    if let place = value["by"], let name = place.text, !place.isNull, resolve(name, [.network, .host, .vm, .segment], at: place) {
      by = name
    }
    let reason = checkReason(value["reason"], outcome)
    let (atMost, atLeast) = bounds(value["rtt"])
    let tried = probe(value)
    guard let from, let (probe, what) = tried else { return lost(at: value.mark) }
    let given = value["name"]?.text.flatMap { $0.isEmpty ? nil : $0 }
    let name = given ?? checkName(value, from: from, what: what, outcome)
    var expectation = Expectation(name: name, from: from, probe: probe, timing: timing, mark: value.mark)
    expectation.outcome = outcome
    expectation.timeout = interval(value["timeout"]) ?? probe.patience
    checkSelf(value, from)
    checkPatience(value)
    (expectation.seenAs, expectation.reaches, expectation.by) = (seenAs, reaches, by)
    expectation.reason = reason
    (expectation.rttAtMost, expectation.rttAtLeast) = (atMost, atLeast)
    checkSense(value, expectation)
    topology.expectations.append(expectation)
    checks.append((value, given != nil))
  }

  private func probe(_ value: Written) -> (Expectation.Probe, String)? {
    if let place = value["to"] {
      guard let end = endpoint(place, false, only: nil) else { return nil }
      return (.connect(to: end.to, port: end.port, protocol: end.transport), place.text ?? "")
    }
    if let ping = value["ping"] {
      let place = ping.text != nil ? ping : ping["to"] ?? ping
      guard let to = destination(place, false) else { return nil }
      let size = bytes(ping["size"], 0...65_507) ?? 56
      let ttl = UInt8(clamping: integer(ping["ttl"], 1...255) ?? 64)
      return (.ping(to: to, size: size, ttl: ttl), "ping \(place.text ?? "")")
    }
    if let http = value["http"] {
      guard let url = parse(http, Parse.http), resolve(url.to, at: http, toGroups: false) else { return nil }
      let status = integer(value["status"], 100...599)
      return (
        .http(to: url.to, port: url.port, path: url.path, status: status, bodyContains: value["body"]?.text),
        http.text ?? ""
      )
    }
    if let throughput = value["throughput"] {
      guard let place = throughput["to"], let end = endpoint(place, false, only: .tcp) else { return nil }
      let size = bytes(throughput["size"], 1...1 << 50).map { UInt64($0) } ?? 1_000_000
      let (low, high) = (parse(throughput["at-least"], Quantity.rate), parse(throughput["at-most"], Quantity.rate))
      if let low, let high, low > high, let bound = throughput["at-most"] {
        report("\"at-most\" is below \"at-least\"", at: bound)
      }
      return (
        .throughput(to: end.to, port: end.port, size: size, atLeast: low, atMost: high),
        "throughput to \(place.text ?? "")"
      )
    }
    if let nat = value["nat"] { return self.nat(nat) }
    if let punch = value["punch"] { return self.punch(punch) }
    if let idle = value["idle"] {
      guard let place = idle["to"], let end = endpoint(place, false, only: nil),
        let time = parse(idle["for"], Quantity.interval)
      else { return nil }
      return (
        .idle(to: end.to, port: end.port, protocol: end.transport, time: time),
        "\(place.text ?? "") after \(time) of silence"
      )
    }
    return value["lease"] != nil ? (.lease, "lease") : nil
  }

  private func nat(_ value: Written) -> (Expectation.Probe, String)? {
    guard let place = value["via"], let via = destination(place, false) else { return nil }
    func dependence(_ key: String) -> NATSettings.Dependence? {
      value[key]?.text.flatMap(NATSettings.Dependence.init(rawValue:))
    }
    let probe = Expectation.Probe.nat(
      via: via, port: parse(value["port"], Parse.port) ?? 3478, mapping: dependence("mapping"),
      filtering: dependence("filtering"), hairpin: parse(value["hairpin"], Parse.boolean))
    return (probe, "NAT via \(place.text ?? "")")
  }

  private func punch(_ value: Written) -> (Expectation.Probe, String)? {
    guard let place = value["via"], let via = destination(place, false), let other = value["peer"],
      let peer = other.text, resolve(peer, [.host, .vm], at: other)
    else { return nil }
    let transport = value["protocol"]?.text.flatMap(TransportProtocol.init(rawValue:)) ?? .udp
    return (
      .punch(peer: peer, via: via, port: parse(value["port"], Parse.port) ?? 3480, protocol: transport),
      "\(peer)/\(transport.rawValue) by hole punching"
    )
  }

  /// Nobody meets themselves.
  private func checkSelf(_ value: Written, _ from: String) {
    guard let peer = value["punch"]?["peer"], peer.text == from else { return }
    report("\"\(from)\" can't be its own peer", at: peer)
  }

  /// What comes only after a time can't be waited for a shorter one.
  private func checkPatience(_ value: Written) {
    guard let idle = value["idle"]?["for"], let time = parse(idle, Quantity.interval) else { return }
    for key in ["within", "timeout"] {
      guard let place = value[key], let limit = parse(place, Quantity.duration), limit <= time else { continue }
      report("the answer comes after \(time): \(limit) is too short for it", at: place)
    }
  }

  private func bounds(_ value: Written?) -> (atMost: Nanoseconds?, atLeast: Nanoseconds?) {
    guard let value else { return (nil, nil) }
    if value.text != nil {
      let bound = parse(value) { (text) throws(Complaint) in
        let (atMost, rest) = try Parse.bound(text)
        return (atMost, try Quantity.duration(rest))
      }
      guard let (atMost, time) = bound else { return (nil, nil) }
      return atMost ? (time, nil) : (nil, time)
    }
    let (high, low) = (parse(value["at-most"], Quantity.duration), parse(value["at-least"], Quantity.duration))
    if let high, let low, low > high, let place = value["at-most"] {
      report("\"at-most\" is below \"at-least\"", at: place)
    }
    if high == nil, low == nil, value.entries?.isEmpty ?? true {
      report("\"rtt\" needs \"at-most\" or \"at-least\"", at: value)
    }
    return (high, low)
  }

  private func timing(_ value: Written, idle: Nanoseconds?) -> Expectation.Timing {
    let windows = (value.entries ?? []).filter { ["never-during", "always-after"].contains($0.key) }
    if let window = windows.first {
      for entry in value.entries ?? []
      where ["at", "within"].contains(entry.key) || entry.key == windows.dropFirst().first?.key {
        report("\"\(entry.key)\" cannot stand beside \"\(window.key)\"", atKey: entry.keyMark, entry.key)
      }
      let (from, to, every) = self.window(window.value)
      return window.key == "never-during"
        ? .neverDuring(from: from, to: to, every: every) : .alwaysAfter(from: from, to: to, every: every)
    }
    let at = parse(value["at"], Quantity.duration) ?? .seconds(1)
    return .within(at: at, within: parse(value["within"], Quantity.duration) ?? .seconds(10) + (idle ?? .zero))
  }

  /// `5 s`, `[2 s, 4 s]`, or a map.
  private func window(_ value: Written) -> (from: Nanoseconds, to: Nanoseconds, every: Nanoseconds) {
    var (first, last, every): (Written?, Written?, Written?)
    if let items = value.items {
      if items.count != 2 { report("a window is two times: [from, to]", at: value, hint: "for example [2 s, 4 s]") }
      (first, last) = (items.first, items.dropFirst().first)
    } else if value.text != nil {
      first = value
    } else {
      (first, last, every) = (value["from"], value["to"], value["every"])
    }
    let from = parse(first, Quantity.duration) ?? .zero
    let to = parse(last, Quantity.duration) ?? from + .seconds(10)
    if let last, to < from {
      report("the window is reversed: it ends at \(to), before it begins at \(from)", at: last)
    } else if let last, to == from {
      report("the window is empty", at: last)
    }
    return (from, to, interval(every) ?? .seconds(1))
  }
}

extension Expectation.Probe {
  /// How long a try waits where the file doesn't say: long enough for ARP to give up (3 s), and for what it does
  /// itself.
  fileprivate var patience: Nanoseconds {
    switch self {
    case .nat, .punch: .seconds(8)
    case .idle(_, _, _, let time): time + .seconds(4)
    case .connect, .ping, .http, .throughput, .lease: .seconds(4)
    }
  }
}
