import WeftCore
import WeftSettings
import WeftWire

// A segment's switches, the cables between them, and its VLANs.
extension Resolver {
  func readSwitches(_ own: SegmentEntry, of segment: inout Segment) {
    let tree = own.stp
    if let names = own.switches?.items {
      segment.switches = names.compactMap { name in
        guard let text = name.text, self.names[text]?.sort == .switch else { return nil }
        return SegmentSwitch(text, tree: tree)
      }
    } else {
      segment.switches = (own.switches?.entries ?? []).named.compactMap { entry in
        guard names[entry.key]?.sort == .switch else { return nil }
        let value = entry.value.isNull ? Written(kind: .map([]), mark: entry.keyMark) : entry.value
        return SegmentSwitch(entry.key, tree: read(value, SwitchEntry.keys).0.stp ?? tree)
      }
    }
    for item in own.cables?.items ?? [] { if let cable = readCable(item, of: segment) { segment.cables.append(cable) } }
  }

  private func readCable(_ item: Written, of segment: Segment) -> SwitchCable? {
    var places: [(name: String, at: Written)] = []
    if let text = item.text {
      places = text.split(separator: " ").map { (String($0), item) }
    } else {
      places = (read(item, SwitchCableEntry.keys).0.between?.items ?? []).compactMap { end in end.text.map { ($0, end) } }
    }
    guard places.count == 2 else {
      if item.text == nil { report("a cable has two ends", at: item, hint: "between: [core, floor1]") }
      return nil
    }
    for place in places {
      guard resolve(place.name, [.switch], at: place.at) else { return nil }
      guard segment.switches.contains(where: { $0.name == place.name }) else {
        report(
          "\"\(place.name)\" is no switch of \"\(segment.name)\"", at: place.at, part: place.name,
          hint: "its switches are \(segment.switches.map(\.name).joined(separator: ", "))")
        return nil
      }
    }
    guard places[0].name != places[1].name else {
      report("a cable from a switch to itself", at: places[1].at, part: places[1].name)
      return nil
    }
    var base = LinkSettings()
    base.rate = SwitchCable.usualRate
    guard item.text == nil else { return SwitchCable(places[0].name, places[1].name, link: base) }
    var cable = SwitchCable(places[0].name, places[1].name, link: link(item, over: base))
    let vlans = readVLANs(item)
    if !vlans.isEmpty { cable.vlans = vlans }
    cable.port = read(item, SwitchCableEntry.keys).0.port
    return cable
  }

  /// The VLAN keys of a port.
  func readVLANs(_ value: Written) -> VLANPortSettings {
    let (vlans, object) = read(value, VLANPortSettings.keys)
    if vlans.access != nil, let trunk = object.place(\.trunk) {
      report(
        "a port is of one \"vlan\", or a \"trunk\" of several", at: trunk, hint: "an untagged VLAN of a trunk is its \"native\"")
    }
    if vlans.native != nil, vlans.trunk == nil, let native = object.place(\.native) {
      report("\"native\" goes with \"trunk\"", at: native, hint: "a port of one VLAN: vlan: \(vlans.native ?? 1)")
    }
    return vlans
  }

  func readVLAN(_ own: SegmentEntry, _ object: Object<SegmentEntry>, of segment: inout Segment, at entry: Written.Entry) {
    segment.vlan = own.vlan
    if let parent = own.parent, let name = parent.text, resolve(name, [.segment], at: parent) { segment.parent = name }
    if own.vlan != nil, own.parent == nil, let place = object.place(\.vlan) {
      report("a VLAN is one \"on\" another segment, whose switches carry it", at: place, hint: "for example on: campus")
    }
    guard own.parent != nil else { return }
    if own.vlan == nil { report("\"\(segment.name)\" needs \"vlan\": which one it is", atKey: entry.keyMark, entry.key) }
    for path in [\SegmentEntry.switches as PartialKeyPath, \.cables, \.stp] {
      if let other = object[path] {
        report("a VLAN has no \"\(other.key)\": it goes over those of the segment it is on", atKey: other.keyMark, other.key)
      }
    }
  }

  /// Once all segments are read.
  func checkVLANs() {
    var seen: [String: [UInt16: String]] = [:]
    for segment in topology.segments {
      guard let parent = segment.parent, let vlan = segment.vlan else { continue }
      if parent == segment.name || segmentIndex[parent].map({ topology.segments[$0].parent != nil }) == true {
        report("\"\(segment.name)\" is on \"\(parent)\", which is a VLAN itself", atKey: segment.mark, segment.name)
      }
      if let other = seen[parent]?[vlan] {
        report("\"\(segment.name)\" and \"\(other)\" are both VLAN \(vlan) on \"\(parent)\"", atKey: segment.mark, segment.name)
      }
      if vlan == 1 {
        report(
          "VLAN 1 on \"\(parent)\" is \"\(parent)\" itself: what is untagged there", atKey: segment.mark, segment.name,
          hint: "VLANs 2 to 4094 are free")
      }
      seen[parent, default: [:]][vlan] = segment.name
    }
  }

  /// The segment that a VLAN of a bridge is, over what its host is plugged into.
  func segment(ofVLAN vlan: UInt16, behind network: Network) -> Segment? {
    guard network.mode == .bridge else { return nil }
    let place = place(of: network.name)
    return topology.segments.first { $0.parent == place && $0.vlan == vlan }
  }

  /// Which of a segment's switches an uplink is plugged into.
  func readSwitch(_ own: UplinkEntry, of uplink: inout Uplink) {
    guard let place = own.switchName, let name = place.text else { return }
    guard let index = segmentIndex[uplink.segment] else {
      return report("only a segment has switches to choose from", at: place, hint: "leave the key out")
    }
    var segment = topology.segments[index]
    if let parent = segment.parent, let index = segmentIndex[parent] { segment = topology.segments[index] }
    guard resolve(name, [.switch], at: place) else { return }
    guard segment.switches.contains(where: { $0.name == name }) else {
      return report(
        "\"\(name)\" is no switch of \"\(segment.name)\"", at: place, part: name,
        hint: segment.switches.isEmpty ? nil : "its switches are \(segment.switches.map(\.name).joined(separator: ", "))")
    }
    uplink.switchName = name
  }
}

/// Where a NIC of a VLAN is, other than the network itself.
struct VLANPlace {
  var identifier: UInt16?
  /// Nil: it is none that the file speaks of.
  var segment: Segment?

  /// Nil of one that is untagged in VLAN 1, as everything is.
  init?(_ vlans: VLANPortSettings, behind network: Network, _ resolver: Resolver) {
    guard !vlans.isEmpty, vlans.untagged != 1 else { return nil }
    identifier = vlans.untagged
    segment = identifier.flatMap { resolver.segment(ofVLAN: $0, behind: network) }
  }
}

extension Resolver {
  /// Takes an address of a VLAN's segment for a NIC.
  func occupy(_ address: IPv4Address, in segment: Segment, at value: Written, owner: String) {
    guard fits(address, segment.subnet, of: segment.name, at: value) else { return }
    if address == segment.gateway {
      return report("\(address) is the gateway of \"\(segment.name)\"", at: value, part: "\(address)")
    }
    if address == segment.dhcp?.server {
      return report("\(address) is the DHCP server of \"\(segment.name)\"", at: value, part: "\(address)")
    }
    take(address, on: segment.name, for: owner, at: value)
  }

  func reportNoDHCP(_ vlan: VLANPlace, _ network: Network, _ owner: String, at mark: Mark, length: Int) {
    let name = vlan.identifier.map { "VLAN \($0)" } ?? "a trunk without a native VLAN"
    let hint: String
    if let segment = vlan.segment {
      hint =
        "address: \(free(at: segment.name, segment.subnet, besides: [segment.gateway])), or give \"\(segment.name)\" dhcp: true"
    } else if network.mode == .bridge, let identifier = vlan.identifier {
      hint =
        "address: \(free(at: place(of: network.name), network.subnet, besides: [])), or "
        + "segments: {vlan\(identifier): {subnet: 10.0.\(identifier % 256).0/24, vlan: \(identifier), on: \(place(of: network.name)), dhcp: true}}"
    } else {
      hint = "address: \(free(at: place(of: network.name), network.subnet, besides: [network.gateway]))"
    }
    report("\(owner) needs a static address: there is no DHCP server on \(name)", at: mark, length: length, hint: hint)
  }
}
