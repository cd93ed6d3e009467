import WeftCore
import WeftSettings
import WeftWire

extension Resolver {
  /// The cable keys of a node over what its network or segment says.
  func link(_ value: Written, over base: LinkSettings = LinkSettings()) -> LinkSettings {
    var link = base
    Tables.cable.read(value, into: &link, self)
    return link
  }

  /// Only what is sent at a rate waits for its cable.
  func checkQueues() {
    // `defaults` and groups give one queue to many.
    for (_, same) in Dictionary(grouping: queues, by: { $0.place.mark }) where !same.contains(where: { $0.isOfRate() }) {
      warn(
        "a cable without a rate takes every frame at once: its queue is never used", at: same[0].place,
        hint: "give it a rate")
    }
  }

  /// Notes the queue that a node itself gives its cable, or its members'.
  func note(queueOf value: Written, _ rate: @escaping () -> Bool) {
    if let place = cable(value).place(\.queue) { queues.append((place, rate)) }
  }

  /// Whether an event gives this cable a rate.
  func isGivenRate(_ cable: LinkName) -> Bool {
    topology.events.contains { if case .setLink(cable, _, _?, _) = $0.action { true } else { false } }
  }

  /// Whether a cable into a segment or network has a rate, or gets one.
  func hasRate(_ place: String) -> Bool {
    topology.hosts.contains { host in
      host.uplink.map {
        $0.segment == place && ($0.link.rate != nil || isGivenRate(LinkName(node: host.name, port: "uplink")))
      } ?? false
    }
      || topology.vms.contains { vm in
        vm.nics.indices.contains {
          vm.nics[$0].network == place
            && (vm.nics[$0].link.rate != nil || isGivenRate(LinkName(node: vm.name, port: "eth\($0)")))
        }
      }
  }

  /// A DHCP message has more than a smaller link carries (RFC 2131, 2: every client takes 576).
  static let leastForDHCP: UInt16 = 576

  func demandRoomForDHCP(_ link: LinkSettings, _ what: String, at place: Written) {
    guard let mtu = link.mtu, mtu < Self.leastForDHCP else { return }
    report(
      "\(what) asks by DHCP, whose messages don't fit an MTU of \(mtu)", at: cable(place).place(\.mtu) ?? place,
      hint: "576 at least, or an address")
  }

  /// Where the keys of a node's cable stand.
  func cable(_ value: Written) -> Object<LinkSettings> { Object(value, Tables.cable) }

  /// Checks that a machine may have this address on a subnet.
  @discardableResult
  func fits(_ address: IPv4Address, _ subnet: IPv4Prefix, of place: String, at value: Written) -> Bool {
    guard subnet.contains(address) else {
      report("\(address) is outside \(subnet), the subnet of \"\(place)\"", at: value, part: "\(address)")
      return false
    }
    guard subnet.isHost(address) else {
      let what = address == subnet.network ? "network" : "broadcast"
      report(
        "\(address) is the \(what) address of \(subnet)", at: value, part: "\(address)",
        hint: "use \(subnet.firstHost) to \(subnet.lastHost)")
      return false
    }
    return true
  }
}
