import WeftCore
import WeftSettings
import WeftWire

extension Resolver {
  func readEvent(_ value: Written) {
    guard let entry = EventEntry.keys.read(value, self), let action = entry.action,
      let key = Object(value, EventEntry.keys)[\.action]
    else { return lost(at: value.mark) }
    if case .forwards(let network, let forwards, _) = action.sense {
      // Whether it is in the way of another forward shows when it happens.
      guard let place = networkIndex[network], let first = forwards.first else { return }
      let host = topology.hosts[place.host]
      checkTarget(first, host.networks[place.network], host)
    }
    if case .migrate(let vm, let host, let settings) = action { checkMigration(vm, to: host, settings, at: key.value) }
    guard checkPools(of: action, key) else { return }
    topology.events.append(Event(at: entry.at, action: action, mark: value.mark))
    topology.events[topology.events.count - 1].future = entry.future
    eventKeys.append((key.keyMark, key.key.unicodeScalars.count))
    if case .clone(let vm, let name) = action.sense { checkClone(value, vm: vm, name: name) }
  }

  /// What is planned for after the end of the run never comes.
  func checkDuration() {
    guard let duration = topology.duration else { return }
    for event in topology.events where event.at > duration {
      report("this is after the run's end at \(duration)", at: event.mark, severity: .warning)
    }
    for expectation in topology.expectations {
      let timing = expectation.timing
      if timing.start >= duration {
        let when = timing.start == duration ? "only when the run ends," : "after the run's end"
        report("this is first tried \(when) at \(duration)", at: expectation.mark, severity: .warning)
      } else if let end = timing.windowEnd, end > duration {
        report(
          "its window goes on until \(end), after the run's end at \(duration)", at: expectation.mark, severity: .warning)
      }
    }
  }

  func natNetwork(_ name: String, at value: Written) -> (host: Host, network: Network)? {
    guard let index = networkIndex[name] else { return nil }
    let host = topology.hosts[index.host]
    guard host.networks[index.network].mode == .nat else {
      report(
        "\"\(name)\" is \(host.networks[index.network].mode.rawValue.article) network, and has no NAT", at: value,
        part: name)
      return nil
    }
    return (host, host.networks[index.network])
  }

  /// An interface that an event adds to a VM.
  func laterNIC(_ value: Written) -> NIC? {
    guard let place = Object(value, NICEntry.keys).bare(\.network), let network = place.text,
      resolve(network, [.network], at: place)
    else {
      return nil
    }
    return makeNIC(
      value, network: network, at: value.mark, length: 1, owner: "a later interface", cable: LinkName(node: "", port: ""))
  }

  /// Of a VM: one that the file has, or one that an event before has added.
  func interface(_ vm: String, _ port: String?, at value: Written) -> LinkName? {
    guard resolve(vm, [.vm], at: value) else { return nil }
    let added = topology.events.contains { if case .change(.addNIC(vm, _)) = $0.action { true } else { false } }
    if added, let port { return LinkName(node: vm, port: port) }
    return cable(vm, port, at: value)
  }

  /// A cable that is there: a host's uplink, or eth0… of a VM.
  func cable(_ node: String, _ port: String?, at value: Written) -> LinkName? {
    guard resolve(node, [.host, .vm, .switch], at: value) else { return nil }
    if names[node]?.sort == .switch { return switchCable(node, port, at: value) }
    if names[node]?.sort == .host {
      let links = hostIndex[node].map { topology.hosts[$0].links.map(\.segment) } ?? []
      if withoutUplink.contains(node), port.map({ !links.contains($0) }) ?? true {
        report("host \"\(node)\" has no uplink", at: value, part: node)
        return nil
      }
      return linkName(node, port ?? "uplink", among: ["uplink"] + links, at: value)
    }
    guard let index = vmIndex[node] else { return nil }
    return linkName(node, port ?? "eth0", among: topology.vms[index].nics.indices.map { "eth\($0)" }, at: value)
  }

  /// Of a segment's switches: named by the one at the other end.
  private func switchCable(_ node: String, _ port: String?, at value: Written) -> LinkName? {
    let ports = topology.segments.flatMap(\.cableEnds).flatMap { [$0.a, $0.b] }.filter { $0.node == node }.map(\.port)
    guard let port = port ?? ports.first, !ports.isEmpty else {
      report("no cable leads from switch \"\(node)\" to another", at: value, part: node)
      return nil
    }
    return linkName(node, port, among: ports, at: value)
  }

  private func linkName(_ node: String, _ port: String, among ports: [String], at value: Written) -> LinkName? {
    if ports.contains(port) { return LinkName(node: node, port: port) }
    let hint =
      Suggestion.hint(for: port, in: ports) ?? "its cables are \(ports.map { "\(node).\($0)" }.joined(separator: ", "))"
    report("\"\(node)\" has no cable \"\(port)\"", at: value, part: port, hint: hint)
    return nil
  }
}

extension Expectation.Timing {
  /// Of those of which every moment counts.
  fileprivate var windowEnd: Nanoseconds? {
    switch self {
    case .within: nil
    case .neverDuring(_, let to, _), .alwaysAfter(_, let to, _): to
    }
  }
}
