import WeftCore
import WeftSettings
import WeftWire

extension Loader {
  func readNAT(_ value: Written, of host: Host) -> NATSettings {
    if value.entries == nil { return NATSettings(choice(value) ?? .rfc) }
    var nat = NATSettings(choice(value["profile"]) ?? .rfc)
    set(&nat.mapping, choice(value["mapping"]))
    set(&nat.filtering, choice(value["filtering"]))
    set(&nat.ports, choice(value["ports"]))
    set(&nat.blockSize, integer(value["block-size"], 1...65535).map { UInt16($0) })
    set(&nat.parity, parse(value["parity"], Parse.boolean))
    set(&nat.overload, parse(value["overload"], Parse.boolean))
    set(&nat.portRange, parse(value["port-range"], Parse.ports))
    set(&nat.pooling, choice(value["pooling"]))
    set(&nat.hairpin, hairpin(value["hairpin"]))
    set(&nat.unsolicited, choice(value["unsolicited"]))
    set(&nat.localForwards, parse(value["local-forwards"], Parse.boolean))
    set(&nat.tcpMachine, choice(value["tcp-machine"]))
    set(&nat.windowTracking, choice(value["window-tracking"]))
    set(&nat.loose, parse(value["loose"], Parse.boolean))
    set(&nat.reportExhaustion, parse(value["report-exhaustion"], Parse.boolean))
    set(&nat.inboundRefresh, parse(value["inbound-refresh"], Parse.boolean))
    nat.mtu = integer(value["mtu"], 68...1500).map { UInt16($0) }
    set(&nat.mssClamp, parse(value["mss-clamp"], Parse.boolean))
    for timeout in NATSettings.Timeout.allCases {
      if let time = interval(value["timeouts"]?[timeout.rawValue]) { nat.timeouts.set(timeout, time) }
    }
    if let limits = value["limits"] { nat.limits = readLimits(limits) }
    readAddresses(value["addresses"], of: host, into: &nat)
    readPairs(value["one-to-one"], of: host, into: &nat)
    for rule in value["rules"]?.items ?? [] { if let rule = readRule(rule) { nat.rules.append(rule) } }
    checkAxes(nat, value)
    return nat
  }

  /// What the file doesn't say stays as the profile has it.
  private func set<Value>(_ property: inout Value, _ read: Value?) {
    if let read { property = read }
  }

  private func choice<Choice: RawRepresentable>(_ value: Written?) -> Choice? where Choice.RawValue == String {
    guard let value, !value.isNull else { return nil }
    return value.text.flatMap(Choice.init(rawValue:))
  }

  private func hairpin(_ value: Written?) -> NATSettings.Hairpin? {
    switch value?.text {
    case "true": .externalSource
    case "false": .off
    default: choice(value)
    }
  }

  private func readLimits(_ value: Written) -> NATSettings.Limits {
    var limits = NATSettings.Limits()
    if let table = integer(value["table"], 1...100_000_000) { limits.table = table }
    limits.sessionsPerVM = integer(value["sessions-per-vm"], 1...100_000_000)
    limits.mappingsPerVM = integer(value["mappings-per-vm"], 1...65535)
    if let early = parse(value["early-drop"], Parse.boolean) { limits.earlyDrop = early }
    if let time = parse(value["hold-down"], Quantity.duration) { limits.holdDown = time }
    return limits
  }

  /// The gateway answers ARP for them, so they are of the uplink's subnet and nobody else's.
  private func readAddresses(_ value: Written?, of host: Host, into nat: inout NATSettings) {
    guard let uplink = host.uplink else { return }
    for item in value?.items ?? [] {
      guard let address = parse(item, Parse.address),
        fits(address, uplink.prefix, of: uplink.segment, at: item)
      else { continue }
      if nat.addresses.contains(address) {
        report("\(address) stands twice in this list", at: item)
        continue
      }
      // NAT networks of one host share their settings, and so their addresses.
      let owner = "the NAT of host \"\(host.name)\""
      if taken[uplink.segment]?[address] != owner { occupy(address, on: uplink, for: owner, at: item) }
      nat.addresses.append(address)
    }
  }

  private func readPairs(_ value: Written?, of host: Host, into nat: inout NATSettings) {
    guard let uplink = host.uplink else { return }
    for entry in value?.entries?.named ?? [] {
      guard let address = parse(entry.value, Parse.address) else { continue }
      if address != uplink.address, !nat.addresses.contains(address) {
        report(
          "\(address) is no external address of \"\(host.name)\"", at: entry.value,
          hint: "add it to \"addresses\"")
      }
      if let other = nat.oneToOne.first(where: { $0.address == address }) {
        report("\(address) is \"\(other.vm)\"'s already (\(other.mark))", at: entry.value)
      }
      nat.oneToOne.append(.init(vm: entry.key, address: address, mark: entry.keyMark))
    }
  }

  /// Values that contradict each other.
  private func checkAxes(_ nat: NATSettings, _ value: Written) {
    func complain(_ key: String, _ message: String, hint: String? = nil) {
      guard let entry = value.entries?.first(where: { $0.key == key }), !entry.value.isNull else { return }
      report(message, atKey: entry.keyMark, key, hint: hint)
    }
    let whole = NATSettings.Dependence.addressAndPortDependent
    if nat.overload, nat.mapping != whole || nat.filtering != whole {
      complain(
        "overload", "ports can only be overloaded where mapping and filtering are \(whole.rawValue)",
        hint: "set both, or use profile: linux")
    }
    if nat.ports != .block {
      complain("block-size", "there are no blocks unless \"ports\" is block", hint: "ports: block")
    }
    if nat.ports == .block, nat.portRange.count < Int(nat.blockSize) {
      complain(
        "port-range", "no block of \(nat.blockSize) ports fits into \(nat.portRange.lowerBound)-\(nat.portRange.upperBound)",
        hint: "give a smaller block-size")
    }
    checkLimits(nat, value["limits"])
    if nat.profile == .oneToOne {
      // All ports are the inside host's own.
      for key in ["mapping", "ports", "block-size", "parity", "overload", "port-range", "pooling"] {
        complain(key, "with one-to-one translation addresses are mapped, not ports: \"\(key)\" means nothing")
      }
    } else {
      complain("one-to-one", "\"one-to-one\" needs profile one-to-one", hint: "profile: one-to-one")
    }
    if nat.addresses.isEmpty, nat.profile != .oneToOne {
      complain("pooling", "with one external address there is no choice of them", hint: "give it \"addresses\"")
    }
    if nat.windowTracking == .off, let timeouts = value["timeouts"] {
      for entry in timeouts.entries ?? [] where entry.key == "tcp-max-retrans" || entry.key == "tcp-unacknowledged" {
        report(
          "\"\(entry.key)\" needs window tracking, which is off", atKey: entry.keyMark, entry.key,
          hint: "window-tracking: liberal")
      }
    }
    for key in ["sessions-per-vm", "mappings-per-vm"] {
      guard let limit = value["limits"]?[key], let number = integer(limit, 1...100_000_000),
        number > nat.limits.table, value["limits"]?["table"] != nil
      else { continue }
      report("one VM cannot have more than the whole table's \(nat.limits.table)", at: limit)
    }
  }

  /// Limits on ports where none is anybody's alone.
  private func checkLimits(_ nat: NATSettings, _ limits: Written?) {
    for entry in limits?.entries ?? [] where !entry.value.isNull && ["mappings-per-vm", "hold-down"].contains(entry.key) {
      if entry.key == "hold-down", nat.limits.holdDown == .zero { continue }
      if nat.profile == .oneToOne {
        report(
          "with one-to-one translation a VM has all ports of its address: \"\(entry.key)\" means nothing",
          atKey: entry.keyMark, entry.key)
      } else if nat.overloads {
        report(
          entry.key == "hold-down"
            ? "ports are shared (overload): none is ever given back, and \"hold-down\" means nothing"
            : "ports are shared (overload): no VM has any of its own, and \"mappings-per-vm\" means nothing",
          atKey: entry.keyMark, entry.key,
          hint: entry.key == "hold-down" ? "overload: false" : "sessions-per-vm limits its connections; or overload: false")
      }
    }
  }

  /// Those that `one-to-one` names are machines of one of the host's NAT networks.
  func checkPairs() {
    for host in topology.hosts {
      let nats = host.networks.filter { $0.mode == .nat }
      // They share their settings.
      for pair in nats.first?.nat.oneToOne ?? [] {
        let place = Written(kind: .scalar(pair.vm, quoted: false), mark: pair.mark)
        guard resolve(pair.vm, [.vm, .host], at: place) else { continue }
        if nats.contains(where: { isOn(pair.vm, network: $0.name) }) { continue }
        let names = nats.map { "\"\($0.name)\"" }.joined(separator: ", ")
        report("\"\(pair.vm)\" is not on \(names)", at: place, part: pair.vm)
      }
      if errorCount == 0, let first = nats.first, first.nat.profile == .oneToOne { checkRoom(nats, first) }
    }
  }

  /// Who has no external address goes nowhere; that may be meant.
  private func checkRoom(_ nats: [Network], _ first: Network) {
    let names = Set(nats.map(\.name))
    let machines =
      topology.vms.count { $0.nics.contains { names.contains(place(of: $0.network)) } }
      + topology.hosts.count { $0.uplink.map { names.contains($0.segment) } ?? false }
    // The host's own is given to nobody whom the file doesn't name.
    let isOwnGiven = first.nat.oneToOne.contains { !first.nat.addresses.contains($0.address) }
    let addresses = first.nat.addresses.count + (isOwnGiven ? 1 : 0)
    if machines > addresses {
      report(
        "\"\(first.name)\" has \(addresses) external address\(addresses == 1 ? "" : "es") for \(machines) machine\(machines == 1 ? "" : "s")",
        at: first.mark,
        length: first.name.unicodeScalars.count, hint: "give its nat more \"addresses\"", severity: .warning)
    }
  }

  /// Where a network's addresses are from: of a bridge, what its host's uplink is plugged into.
  func place(of network: String) -> String {
    guard let index = networkIndex[network], topology.hosts[index.host].networks[index.network].mode == .bridge else {
      return network
    }
    return topology.hosts[index.host].uplink?.segment ?? network
  }

  /// Whether a machine is plugged into a network: a VM with a NIC, bridged or not, a host with its uplink.
  func isOn(_ machine: String, network: String) -> Bool {
    if let index = vmIndex[machine] { return topology.vms[index].nics.contains { place(of: $0.network) == network } }
    return hostIndex[machine].map { topology.hosts[$0].uplink?.segment == network } ?? false
  }
}
