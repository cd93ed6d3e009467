import WeftCore
import WeftSettings
import WeftWire

extension Resolver {
  func readVM(_ entry: Written.Entry) {
    guard !entry.key.hasPrefix("x-"), names[entry.key]?.mark == entry.keyMark else { return }
    // A short form that there is none of has been reported.
    guard entry.value.isNull || entry.value.entries != nil else { return lost(at: entry.keyMark) }
    let written = entry.value.isNull ? Written(kind: .map([]), mark: entry.keyMark) : entry.value
    guard let own = unpacked(written) else { return lost(at: entry.keyMark) }
    if let networks = own.entries?.first(where: { $0.key == tables.vm.name(\.networks) }) {
      report(
        "\"networks\" says what a bundle's networks are here, and there is no bundle", atKey: networks.keyMark, networks.key,
        hint: "from: web.vm")
    }
    let value = overDefaults(own)
    guard let vm = makeVM(entry.key, value, at: entry.keyMark, own: own) else { return lost(at: entry.keyMark) }
    add(vm)
  }

  func add(_ vm: VM) {
    vmIndex[vm.name] = topology.vms.count
    topology.vms.append(vm)
  }

  /// A VM over `defaults: vm`, whose NIC keys go under each entry of `nics` where there are several.
  func overDefaults(_ own: Written) -> Written {
    let under = defaults(\.vm)
    let several = tables.vm.name(\.nics)
    if let nics = own[several]?.items, let under {
      let base = Written(
        kind: .map(
          (under.entries ?? []).filter { NICEntry.names.contains($0.key) && !NICEntry.own.contains($0.key) }),
        mark: under.mark)
      let list = Written(kind: .list(nics.map { $0.merged(over: base) }), mark: own[several]?.mark ?? own.mark)
      let entries = (own.entries ?? []).map { entry in
        entry.key == several ? Written.Entry(key: several, keyMark: entry.keyMark, value: list) : entry
      }
      return Written(kind: .map(entries), mark: own.mark).merged(over: under.without(NICEntry.names))
    }
    let single = Object(own, NICEntry.keys).bare(\.network) != nil
    return own.merged(over: single ? under?.without([several]) : under)
  }

  /// `inGroup`: `next` stands for another member.
  func makeVM(
    _ name: String, _ value: Written, at mark: Mark, own: Written, inGroup: Bool = false
  ) -> VM? {
    let (vm, object) = read(value, tables.vm)
    let severalOwn = Object(own, tables.vm).bare(\.nics) != nil
    if severalOwn, let other = own.entries?.first(where: { NICEntry.names.contains($0.key) }) {
      report(
        "\"\(other.key)\" cannot stand beside \"nics\"", atKey: other.keyMark, other.key,
        hint: "move it into an entry of nics")
    }
    // Read first, so that mistakes in them are found also where the NICs are wrong.
    let programs = programs(object.bare(\.programs), inGroup: inGroup)
    var host: String?
    var hostIsKnown = true
    if let place = vm.host, let text = place.text {
      hostIsKnown = resolve(text, [.host], at: place)
      if hostIsKnown { host = text }
    }
    let several = object.bare(\.nics)?.items
    if several == nil, Object(value, NICEntry.keys).place(\.network) == nil {
      // NICs that are no list have been reported.
      if vm.nics != nil { return nil }
      // Misspelt is not missing: the unknown key has been reported.
      let isMisspelt = own.entries?.contains {
        tables.vm.keys.key($0.key) == nil && tables.group.keys.key($0.key) == nil
          && [NICEntry.keys.name(\.network), tables.vm.name(\.nics)].contains(
            Suggestion.nearest(to: $0.key, in: tables.vm.keys.keys.map(\.name)) ?? Reader.otherWords[$0.key])
      }
      if isMisspelt ?? false { return nil }
      report(
        "VM \"\(name)\" needs \"network\"", at: mark, length: name.unicodeScalars.count,
        hint: "for example network: home")
      return nil
    }
    let list = several ?? [value]
    if list.isEmpty { report("VM \"\(name)\" needs at least one NIC", at: object.bare(\.nics)?.mark ?? mark) }
    var nics: [NIC] = []
    for (i, item) in list.enumerated() {
      guard let place = Object(item, NICEntry.keys).bare(\.network), let text = place.text, resolve(text, [.network], at: place)
      else { continue }
      guard let owner = networkHost[text] else { continue }
      if let host, host != owner {
        report(
          "network \"\(text)\" is on host \"\(owner)\", not on \"\(host)\"", at: place,
          hint: "a VM and its networks share a host")
        continue
      }
      if hostIsKnown { host = owner }
      let port = "VM \"\(name)\"" + (list.count > 1 ? " (eth\(i))" : "")
      let (own, length) = several == nil ? (mark, name.unicodeScalars.count) : (item.mark, 1)
      let cable = LinkName(node: name, port: "eth\(i)")
      let seed = vm.cd?.seed.flatMap { seed in object.place(\.cd).map { (seed, i, $0) } }
      if let nic = makeNIC(item, network: text, at: own, length: length, owner: port, cable: cable, seed: seed) {
        nics.append(nic)
      }
    }
    guard let host, nics.count == list.count, !nics.isEmpty else { return nil }
    var made = VM(name: name, host: host, nics: nics, mark: mark)
    made.autostart = vm.autostart
    made.memory = vm.memory
    made.onHostFailure = vm.onHostFailure
    made.startOrder = vm.startOrder
    made.processor = vm.processor
    made.programs = programs
    made.standby = vm.standby
    checkStandby(of: made, object.place(\.standby).flatMap { Object($0, StandbySettings.keys).place(\.host) })
    made.cd = vm.cd
    made.stack = vm.stack
    made.disks = disks(vm.disks, on: host)
    checkDisks(of: made, object.bare(\.programs))
    return made
  }

  /// `seed`: of a VM with a disc that sets it up, and which of its NICs it is.
  func makeNIC(
    _ value: Written, network name: String, at mark: Mark, length: Int, owner: String, cable: LinkName,
    seed: (config: CloudConfig, index: Int, place: Written)? = nil
  ) -> NIC? {
    guard let place = networkIndex[name] else { return nil }
    let network = topology.hosts[place.host].networks[place.network]
    var nic = NIC(network: name, mark: mark)
    let (own, object) = read(value, NICEntry.keys)
    // One that the disc's network-config doesn't speak of is left without an address.
    let asks = seed.map { $0.config.networks == nil || $0.config.network($0.index, mac: own.mac)?.usesDHCP ?? false } ?? true
    nic.vlans = readVLANs(value)
    nic.port = own.port
    let vlan = VLANPlace(nic.vlans, behind: network, self)
    nic.segment = vlan?.segment?.name
    let server = vlan.map { $0.segment?.dhcp } ?? dhcp(for: network)
    func occupy(_ address: IPv4Address, at place: Written) {
      if let segment = vlan?.segment {
        self.occupy(address, in: segment, at: place, owner: owner)
      } else {
        self.occupy(address, network, at: place, owner: owner)
      }
    }
    if let address = own.address, let place = object.place(\.address) {
      occupy(address, at: place)
      nic.address = address
      if seed?.config.networks != nil {
        report("a disc with a network-config says which address it has", at: place, hint: "one of the two is enough")
      }
    } else if let seed, let settled = seed.config.network(seed.index, mac: own.mac)?.settled {
      if let place = object.place(\.lease) { report("the disc in its drive gives it \(settled.address)", at: place) }
      occupy(settled.address, at: seed.place)
      nic.seeded = settled.address
    } else if asks, server == nil, object.place(\.address) == nil {
      if let vlan {
        reportNoDHCP(vlan, network, owner, at: mark, length: length)
      } else if !withoutDHCP.contains(name), object.place(\.lease) == nil {
        reportNoDHCP(network, owner, at: mark, length: length)
      }
    }
    if let text = object.place(\.lease), let address = own.lease {
      if nic.address != nil {
        report("a NIC has either \"address\" or \"lease\"", at: text)
      } else if server == nil {
        report("\"\(nic.place)\" has no DHCP server to lease from", at: text, hint: "did you mean \"address: \(address)\"?")
      } else {
        occupy(address, at: text)
      }
      nic.reservation = address
    }
    if let place = object.place(\.mac), let mac = own.mac {
      take(mac, for: owner, at: place)
      nic.mac = mac
    }
    nic.link = link(value, over: network.link)
    if nic.settled == nil { demandRoomForDHCP(nic.link, owner, at: value) }
    if network.mode == .bridge, let own = self.cable(value).bare(\.mtu),
      let outer = topology.hosts[place.host].uplink?.link.mtu, outer < nic.link.mtu ?? 1500
    {
      report(
        "\(owner) sends packets of up to \(nic.link.mtu ?? 1500) bytes, and the uplink behind \"\(name)\" takes \(outer): a bridge "
          + "drops what is larger, and tells nobody", at: own.mark, length: own.length, severity: .warning)
    }
    let hasRate = nic.link.rate != nil
    note(queueOf: value) { [unowned self] in hasRate || isGivenRate(cable) }
    nic.rings = own.rings
    nic.guards = own.guards
    checkGuards(own.guards.over(network.guards), object.inside(\.guards, GuardSettings.keys))
    return nic
  }

  /// Takes an address of the network's segment or private subnet for a NIC.
  func occupy(_ address: IPv4Address, _ network: Network, at value: Written, owner: String) {
    guard fits(address, network.subnet, of: network.name, at: value) else { return }
    if address == network.gateway, !allowed.contains(.duplicateAddress) {
      return report("\(address) is the gateway of \"\(network.name)\"", at: value, part: "\(address)")
    }
    if address == network.dhcp?.server, !allowed.contains(.duplicateAddress) {
      return report("\(address) is the DHCP server of \"\(network.name)\"", at: value, part: "\(address)")
    }
    if network.mode == .bridge, let place = networkIndex[network.name], let uplink = topology.hosts[place.host].uplink {
      return occupy(address, on: uplink, for: owner, at: value)
    }
    take(address, on: network.name, for: owner, at: value)
  }

  private func reportNoDHCP(_ network: Network, _ owner: String, at mark: Mark, length: Int) {
    let place = place(of: network.name)
    let gateway = networkIndex[network.name].flatMap { topology.hosts[$0.host].uplink?.gateway }
    let address = free(at: place, network.subnet, besides: [network.gateway, gateway])
    let (why, remedy) =
      switch network.mode {
      case .bridge where segmentIndex[place] != nil:
        ("there is no DHCP server on \"\(place)\"", ", or give the segment one: \(place): {…, dhcp: true}")
      case .bridge: ("\"\(place)\" has no DHCP server", "")
      case .isolated: ("there is no DHCP server on an isolated network", "")
      case .nat, .hostOnly: ("\"\(network.name)\" has DHCP switched off", "")
      }
    report("\(owner) needs a static address: \(why)", at: mark, length: length, hint: "address: \(address)\(remedy)")
  }

  /// A free address, for hints: not the first, which is a router's in most places.
  func free(at place: String, _ subnet: IPv4Prefix, besides others: [IPv4Address?]) -> IPv4Address {
    var address = subnet.firstHost
    if subnet.hostCount > 2 { address = IPv4Address(rawValue: address.rawValue + 1) }
    for _ in 0..<1000 {
      guard address < subnet.lastHost else { break }
      if taken[place]?[address] == nil, !others.contains(address) { break }
      address = IPv4Address(rawValue: address.rawValue + 1)
    }
    return address
  }
}
