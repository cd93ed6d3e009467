import WeftSettings
import WeftWire

extension Loader {
  func readRule(_ value: Written) -> FilterRule? {
    guard let entry = value.entries?.first(where: { FilterRule.Action(rawValue: $0.key) != nil }),
      let action = FilterRule.Action(rawValue: entry.key), let word = entry.value.text
    else {
      lost(at: value.mark)
      return nil
    }
    var rule = FilterRule(action, mark: value.mark)
    rule.direction = FilterRule.Direction(rawValue: word)
    rule.from = value["from"]?.text.flatMap(FilterRule.Side.init(rawValue:))
    rule.to = value["to"]?.text.flatMap(FilterRule.Side.init(rawValue:))
    rule.state = value["state"]?.text.flatMap(FilterRule.State.init(rawValue:))
    rule.source = parse(value["source"], Parse.network)
    rule.destination = parse(value["destination"], Parse.network)
    rule.protocol = parse(value["protocol"], Parse.protocolNumber)
    rule.port = parse(value["port"], Parse.ports)
    rule.sourcePort = parse(value["source-port"], Parse.ports)
    checkRule(rule, value)
    return rule
  }

  /// A rule that can match nothing is a mistake.
  private func checkRule(_ rule: FilterRule, _ value: Written) {
    func complain(_ key: String, _ message: String, hint: String? = nil) {
      if let place = value[key] { report(message, at: place, hint: hint) }
    }
    let hasPorts = rule.protocol.map { $0 == 6 || $0 == 17 } ?? true
    for key in ["port", "source-port"] where !hasPorts {
      complain(key, "protocol \(value["protocol"]?.text ?? "") has no ports", hint: "only tcp and udp have")
    }
    switch rule.direction {
    case .in:
      if rule.from == .host { complain("from", "what comes in to the host does not come from it") }
    case .out:
      if let from = rule.from, from != .host {
        complain("from", "what goes out from the host does not come from \(from.rawValue)", hint: "use \"forwarded\"")
      }
      if rule.to == .host { complain("to", "what goes out from the host does not go to it") }
    case .forwarded:
      if rule.from == .host { complain("from", "what comes from the host is not forwarded", hint: "use \"out\"") }
      if rule.to == .host { complain("to", "what goes to the host is not forwarded", hint: "use \"in\"") }
    case nil: break
    }
    if rule.direction == .in, let to = rule.to, to != .host {
      complain("to", "what comes in to the host does not go \(to.rawValue)", hint: "use \"forwarded\"")
    }
  }
}
