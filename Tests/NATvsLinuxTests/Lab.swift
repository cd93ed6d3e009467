import WeftWire

// The addresses of the lab: one NAT box, an inside and an outside. All frames stay in two namespaces without a way out.

typealias IP = IPv4Address

enum Lab {
  static let external = IP(134, 115, 153, 223)
  static let outsidePrefix = IPv4Prefix(external, length: 24)
  static let router = IP(134, 115, 153, 1)
  /// On the outside link itself.
  static let neighbour = IP(134, 115, 153, 10)

  static let gateway = IP(192, 168, 122, 1)
  static let insidePrefix = IPv4Prefix(gateway, length: 24)
  static let vm = IP(192, 168, 122, 10)
  static let vm2 = IP(192, 168, 122, 11)

  /// Behind the router.
  static let server = IP(198, 51, 100, 7)
  static let server2 = IP(203, 0, 113, 8)
  /// A router on the way, which says what errors routers say.
  static let hop = IP(192, 0, 2, 33)

  static func mac(of address: IP) -> MACAddress { .local(UInt64(address.rawValue)) }

  /// Forwards of the box: external port → machine inside.
  static let forwards: [(transport: IPProtocol, port: UInt16, to: Endpoint)] = [
    (.tcp, 8080, Endpoint(vm, 80)), (.udp, 5353, Endpoint(vm, 53)), (.tcp, 2222, Endpoint(vm2, 2222)),
  ]
}

extension Lab {
  /// For stimuli that wait: netfilter's names, and seconds. The rest stay as they are.
  static let shortTimeouts: [(name: String, seconds: Int)] = [
    ("udp_timeout", 1), ("udp_timeout_stream", 3), ("icmp_timeout", 1), ("tcp_timeout_syn_sent", 1),
    ("tcp_timeout_close", 1),
  ]
}

extension Lab {
  /// Where whole tables are compared: netfilter's names, each with seconds of its own, so that a number tells its timer.
  static let timeouts: [(name: String, seconds: Int)] = [
    ("udp_timeout", 40), ("udp_timeout_stream", 150), ("icmp_timeout", 20), ("generic_timeout", 70), ("gre_timeout", 33),
    ("gre_timeout_stream", 170), ("tcp_timeout_syn_sent", 120), ("tcp_timeout_syn_recv", 60), ("tcp_timeout_established", 2000),
    ("tcp_timeout_fin_wait", 100),
    ("tcp_timeout_close_wait", 50), ("tcp_timeout_last_ack", 30), ("tcp_timeout_time_wait", 90), ("tcp_timeout_close", 10),
    ("tcp_timeout_max_retrans", 400), ("tcp_timeout_unacknowledged", 300), ("sctp_timeout_closed", 13),
    ("sctp_timeout_cookie_wait", 23), ("sctp_timeout_cookie_echoed", 27), ("sctp_timeout_established", 210),
    ("sctp_timeout_shutdown_sent", 43), ("sctp_timeout_shutdown_recd", 47), ("sctp_timeout_shutdown_ack_sent", 53),
    ("sctp_timeout_heartbeat_sent", 63),
  ]
}

struct Endpoint: Hashable {
  var address: IP
  var port: UInt16

  init(_ address: IP, _ port: UInt16) {
    self.address = address
    self.port = port
  }
}

/// A link of the box.
enum Side: String, CaseIterable {
  case inside, outside

  /// The box's own address on it.
  var mac: MACAddress { .local(self == .outside ? 0xff00 : 0xff02) }
  var address: IP { self == .outside ? Lab.external : Lab.gateway }
  /// Who sends there, as far as Ethernet is concerned.
  var peer: MACAddress { Lab.mac(of: self == .outside ? Lab.router : Lab.vm) }
  /// Who can be sent to there.
  var neighbours: [IP] {
    self == .outside ? [Lab.router, Lab.neighbour] : [Lab.vm, Lab.vm2, Lab.insidePrefix.network]
  }
  /// Who asks whether the kernel's box has worked everything off.
  var sentinel: IP { self == .outside ? IP(134, 115, 153, 250) : IP(192, 168, 122, 250) }
}
