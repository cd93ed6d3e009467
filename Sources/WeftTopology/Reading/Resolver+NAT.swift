import WeftCore
import WeftSettings
import WeftWire

extension Resolver {
  /// What the rows read of it, and its addresses as this host can have them.
  func readNAT(_ value: Written, of host: Host) -> NATSettings {
    guard var nat = NATSettings.form.read(value, self) else { return NATSettings() }
    let object = Object(value, NATSettings.keys)
    (nat.addresses, nat.oneToOne) = ([], [])
    readAddresses(object.place(\.addresses), of: host, into: &nat)
    readPairs(object.place(\.oneToOne), of: host, into: &nat)
    return nat
  }

  /// The gateway answers ARP for them, so they are of the uplink's subnet and nobody else's.
  private func readAddresses(_ value: Written?, of host: Host, into nat: inout NATSettings) {
    guard let uplink = host.uplink else { return }
    for item in value?.items ?? [] {
      guard let address = Form<IPv4Address>.address.read(item, self),
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
      guard let address = Form<IPv4Address>.address.read(entry.value, self) else { continue }
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
      topology.vms.count { $0.nics.contains { names.contains(place(of: $0.place)) } }
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
    if let index = vmIndex[machine] { return topology.vms[index].nics.contains { place(of: $0.place) == network } }
    return hostIndex[machine].map { index in
      topology.hosts[index].uplink?.segment == network || topology.hosts[index].links.contains { $0.segment == network }
    } ?? false
  }
}
