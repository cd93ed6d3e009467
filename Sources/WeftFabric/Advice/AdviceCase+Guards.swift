import WeftCore
import WeftSettings
import WeftTopology

// What a switch's guard turned away.
extension Advisor.Case {
  /// `what`: whose it was; `port`: the switch's.
  func guarded(_ reason: DropReason, _ what: String, _ port: String) -> Advice? {
    let cable = advisor.cable(at: port)?.name
    let nic = cable.flatMap { cable in
      advisor.vm(cable.node).flatMap { vm in
        Int(cable.port.dropFirst(3)).flatMap { vm.nics.indices.contains($0) ? vm.nics[$0] : nil }
      }
    }
    let network = nic.flatMap { advisor.network($0.network)?.network }
    let guards = (nic?.guards ?? GuardSettings()).over(network?.guards ?? GuardSettings())
    let key = reason.guardKey(guards)
    let isOwn = nic.map { $0.guards.has(key) } ?? false
    let line = isOwn ? nic?.mark.line : network?.mark.line
    let whose = isOwn ? cable?.node ?? port : network?.name ?? port
    let tail = reason.meaning == .accident ? ": with less load another try may fare better" : ""
    return Advice(
      line: line,
      text:
        "\(what) is turned away at \(port) (\(reason.name)): \(reason.explanation) (`\(key)` of \(whose)\(comma(line)))\(tail)")
  }
}

extension DropReason {
  /// Whether a switch's guards drop for it.
  var isGuards: Bool {
    let guards: [DropReason] = [
      .macSpoof, .macLimit, .ipSpoof, .arpSpoof, .rogueDHCP, .dhcpSpoof, .stormControl, .isolatedPort, .rateLimit, .portShutDown,
    ]
    return guards.contains(self)
  }

  /// Whether ARP may meet with it.
  var concernsARP: Bool { isGuards && self != .ipSpoof && self != .rogueDHCP && self != .dhcpSpoof }

  fileprivate func guardKey(_ guards: GuardSettings) -> String {
    switch self {
    case .macSpoof: guards.portSecurity == nil ? "source-guard" : "port-security"
    case .ipSpoof: "source-guard"
    case .arpSpoof: "arp-inspection"
    case .rogueDHCP, .dhcpSpoof: "dhcp-guard"
    case .stormControl: "storm-control"
    case .isolatedPort: "isolated"
    case .rateLimit: "rate"
    default: "port-security"
    }
  }
}

extension GuardSettings {
  fileprivate func has(_ key: String) -> Bool {
    switch key {
    case "source-guard": sourceGuard != nil
    case "arp-inspection": arpInspection != nil
    case "dhcp-guard": dhcpGuard != nil
    case "storm-control": stormControl != nil
    case "isolated": isolated != nil
    case "rate": rate != nil
    default: portSecurity != nil
    }
  }
}
