import KernelLab
import CNetworkNamespace
import WeftWire

extension RouterSetup {
  /// A home router's: everything out, answers and forwards in, nothing else. What conntrack calls invalid isn't
  /// forwarded: it would leave with its private source.
  var ruleset: String {
    let tcp = range.map { "masquerade to :\($0.lowerBound)-\($0.upperBound)" } ?? "masquerade"
    return """
      flush ruleset
      table ip raw {
        chain prerouting { type filter hook prerouting priority raw; \(Self.untracked("saddr")); }
        chain output { type filter hook output priority raw; \(Self.untracked("daddr")); }
      }
      table ip nat {
        map tcp-forwards { type inet_service : ipv4_addr . inet_service; \(Self.elements(.tcp)); }
        map udp-forwards { type inet_service : ipv4_addr . inet_service; \(Self.elements(.udp)); }
        chain prerouting {
          type nat hook prerouting priority dstnat
          \(hairpin == .off ? "iifname \"in0\" return" : "")
          ip daddr \(Lab.external) dnat ip to tcp dport map @tcp-forwards
          ip daddr \(Lab.external) dnat ip to udp dport map @udp-forwards
        }
        chain postrouting {
          type nat hook postrouting priority srcnat
          oifname "out0" meta l4proto { tcp, udp } \(tcp)
          oifname "out0" masquerade
          \(hairpin == .externalSource ? "iifname \"in0\" oifname \"in0\" ct status dnat snat to \(Lab.external)" : "")
        }
      }
      table ip filter {
        set own { type inet_service; flags dynamic; }
        chain output {
          type filter hook output priority filter
          meta mark \(RAW_SOCKET_MARK) tcp sport \(Self.ownPorts) add @own { tcp sport }
        }
        chain input {
          type filter hook input priority filter
          tcp dport @own ct state established,related,invalid drop
        }
        chain forward {
          type filter hook forward priority filter; policy drop
          \(denied.map { "ip saddr \($0) drop" } ?? "")
          ct state invalid drop
          ct state established,related accept
          ct status dnat accept
          iifname "in0" accept
        }
      }

      """
  }

  /// The sentinels' pings aren't in the table.
  private static func untracked(_ end: String) -> String {
    "ip \(end) { \(Side.allCases.map { "\($0.sentinel)" }.joined(separator: ", ")) } icmp type { 0, 8 } notrack"
  }

  private static func elements(_ transport: IPProtocol) -> String {
    let forwards = Lab.forwards.filter { $0.transport == transport }
    return "elements = { \(forwards.map { "\($0.port) : \($0.to.address) . \($0.to.port)" }.joined(separator: ", ")) }"
  }

  /// Of TCP, from which the box's own raw packets come: the kernel, which has no socket there, must not reset their flows once
  /// there is one.
  private static var ownPorts: String { "\(HostEmulator.ownPorts.lowerBound)-\(HostEmulator.ownPorts.upperBound)" }
}
