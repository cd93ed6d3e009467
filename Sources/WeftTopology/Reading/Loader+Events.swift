import WeftCore
import WeftSettings
import WeftWire

extension Loader {
  func readEvent(_ value: Written) {
    let at = parse(value["at"], Quantity.duration)
    guard let entry = value.entries?.first(where: { Tables.event.exactlyOne.contains($0.key) }),
      let action = action(entry.key, entry.value), let at
    else { return lost(at: value.mark) }
    topology.events.append(Event(at: at, action: action, mark: value.mark))
    eventKeys.append((entry.keyMark, entry.key.unicodeScalars.count))
  }

  private func action(_ word: String, _ value: Written) -> Event.Action? {
    switch word {
    case "link-down": return linkName(value).map { .linkDown($0) }
    case "link-up": return linkName(value).map { .linkUp($0) }
    case "start": return vmName(value).map { .start(vm: $0) }
    case "pause": return vmName(value).map { .pause(vm: $0) }
    case "resume": return vmName(value).map { .resume(vm: $0) }
    case "stop": return vmName(value).map { .stop(vm: $0) }
    case "set-link":
      let (delay, rate) = (delay(value["delay"]), parse(value["rate"], Quantity.rate))
      let loss = loss(value["loss"])
      if value.entries != nil, !["delay", "rate", "loss"].contains(where: { value[$0] != nil }) {
        report("set-link changes nothing", at: value, hint: "give it delay, rate or loss")
      }
      guard let place = value["link"], let link = linkName(place) else { return nil }
      return .setLink(link, delay: delay, rate: rate, loss: loss)
    case "ip-forwarding":
      guard let place = value["host"], let host = place.text, resolve(host, [.host], at: place),
        let enabled = parse(value["enabled"], Parse.boolean)
      else { return nil }
      return .ipForwarding(host: host, enabled: enabled)
    case "add-forward": return changedForward(value).map { .addForward(network: $0, $1) }
    case "remove-forward":
      let keep = parse(value["keep"], Parse.boolean)
      return changedForward(value).map { .removeForward(network: $0, $1, keep: keep) }
    case "remove-vm": return vmName(value).map { .change(.removeVM($0)) }
    case "add-nic":
      guard let vm = value["vm"].flatMap({ vmName($0) }), let nic = value["nic"].flatMap({ lateNIC($0, of: vm) })
      else { return nil }
      return .change(.addNIC(vm: vm, nic))
    case "remove-nic": return nicName(value).map { .change(.removeNIC($0)) }
    case "plug":
      guard let nic = value["nic"].flatMap({ nicName($0) }), let place = value["into"], let network = place.text,
        resolve(network, [.network], at: place)
      else { return nil }
      return .change(.plug(nic, into: network))
    case "flush-conntrack": return natNetwork(value).map { .flushConntrack(network: $0.network.name) }
    default: return nil
    }
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

  /// Whether it is in the way of another forward shows when it happens.
  private func changedForward(_ value: Written) -> (network: String, [Forward])? {
    let forwards = value["forward"].flatMap { readForward($0) }
    guard let place = value["network"], let (host, network) = natNetwork(place), let forwards,
      let first = forwards.first
    else { return nil }
    checkTarget(first, network, host)
    return (network.name, forwards)
  }

  private func natNetwork(_ value: Written) -> (host: Host, network: Network)? {
    guard let name = value.text, !value.isNull, resolve(name, [.network], at: value) else { return nil }
    return natNetwork(name, at: value)
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

  private func lateNIC(_ value: Written, of vm: String) -> NIC? {
    guard let place = value["network"], let network = place.text, resolve(network, [.network], at: place) else {
      return nil
    }
    let number = vmIndex[vm].map { topology.vms[$0].nics.count } ?? 0
    return makeNIC(
      value, network: network, at: value.mark, length: 1, owner: "a later NIC of VM \"\(vm)\"",
      cable: LinkName(node: vm, port: "eth\(number)"))
  }

  /// An interface of a VM: one that the file has, or a later one.
  private func nicName(_ value: Written) -> LinkName? {
    guard let name = parse(value, Parse.link), resolve(name.node, [.vm], at: value) else { return nil }
    let added = topology.events.contains { if case .change(.addNIC(let vm, _)) = $0.action { vm == name.node } else { false } }
    if added, let port = name.port { return LinkName(node: name.node, port: port) }
    return cable(name.node, name.port, at: value)
  }

  private func vmName(_ value: Written) -> String? {
    guard let name = value.text, !value.isNull, resolve(name, [.vm], at: value) else { return nil }
    return name
  }

  /// A cable that is there: a host's uplink, or eth0… of a VM.
  private func linkName(_ value: Written) -> LinkName? {
    guard let name = parse(value, Parse.link) else { return nil }
    return cable(name.node, name.port, at: value)
  }

  func cable(_ node: String, _ port: String?, at value: Written) -> LinkName? {
    guard resolve(node, [.host, .vm], at: value) else { return nil }
    if names[node]?.sort == .host {
      if withoutUplink.contains(node) {
        report("host \"\(node)\" has no uplink", at: value, part: node)
        return nil
      }
      return linkName(node, port ?? "uplink", among: ["uplink"], at: value)
    }
    guard let index = vmIndex[node] else { return nil }
    return linkName(node, port ?? "eth0", among: topology.vms[index].nics.indices.map { "eth\($0)" }, at: value)
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
  fileprivate var start: Nanoseconds {
    switch self {
    case .within(let at, _): at
    case .neverDuring(let from, _, _), .alwaysAfter(let from, _, _): from
    }
  }

  /// Of those of which every moment counts.
  fileprivate var windowEnd: Nanoseconds? {
    switch self {
    case .within: nil
    case .neverDuring(_, let to, _), .alwaysAfter(_, let to, _): to
    }
  }
}
