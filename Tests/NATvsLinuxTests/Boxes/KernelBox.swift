import CNetworkNamespace
import Foundation
import WeftWire

/// netfilter as a masquerading router: a namespace with two links, and one for who is at their other ends. Neither has
/// a way out.
final class KernelBox: Box {
  private let box: NetworkNamespace
  private let ends: NetworkNamespace
  private let sockets: [Side: PacketSocket]
  private let netfilter: Int32
  private var mtu = 1500
  private var asked: UInt16 = 0
  /// netfilter's own, while others stand in for them.
  private var savedTimeouts: [(name: String, value: Int)] = []

  init() throws {
    box = try NetworkNamespace()
    ends = try NetworkNamespace()
    try Self.makeLinks(box, ends)
    try Self.settle(box, ends)
    try box.run(["nft", "-f", "-"], input: Self.ruleset)
    sockets = [.inside: try ends.socket(on: "in1"), .outside: try ends.socket(on: "out1")]
    netfilter = namespace_netfilter_socket(box.descriptor)
    if netfilter < 0 { throw LabError.system("a netfilter socket") }
    try waitForLinks()
  }

  /// The kernel takes note of a link's carrier in its own time, a second at most, and drops what is sent before.
  private func waitForLinks() throws {
    for side in Side.allCases {
      var isUp = false
      for _ in 0..<500 where !isUp {
        try ask(on: side)
        usleep(10_000)
        while let frame = try sockets[side]?.receive() { isUp = isUp || answers(frame, on: side) }
      }
      if !isUp { throw LabError("the kernel's box doesn't answer \(side.rawValue)") }
    }
  }

  // MARK: Whether it is done

  /// Sends the sentinel's ping; each has a number of its own.
  private func ask(on side: Side) throws {
    asked &+= 1
    let ping = Packet.ping(side.sentinel, side.address, id: 0xfeed, sequence: asked)
    try sockets[side]?.transmit(Step.ethernet(ping, from: side, to: side.mac))
  }

  private func isForSentinel(_ frame: [UInt8], on side: Side) -> Bool {
    frame.count >= 42 && frame[12] == 8 && frame[13] == 0 && frame.span.bytes.ipv4(30) == side.sentinel
  }

  private func answers(_ frame: [UInt8], on side: Side) -> Bool {
    isForSentinel(frame, on: side) && frame.span.bytes.u16(40) == asked
  }

  deinit { close(netfilter) }

  static var kernel: String {
    let text = (try? String(contentsOfFile: "/proc/sys/kernel/osrelease", encoding: .utf8)) ?? "?"
    return text.trimmingCharacters(in: .whitespacesAndNewlines)
  }

  /// Runs what needs the frames' order kept: on one CPU.
  func exclusively<R>(_ body: () throws -> R) throws -> R {
    if thread_pin() < 0 { throw LabError.system("keeping a thread on its CPU") }
    defer { _ = thread_unpin() }
    return try body()
  }

  /// Static neighbours: ARP is out of the picture.
  private static func makeLinks(_ box: NetworkNamespace, _ ends: NetworkNamespace) throws {
    var script = "link set lo up\n"
    for side in Side.allCases {
      let name = side == .inside ? "in" : "out"
      script += "link add \(name)0 address \(side.mac) type veth peer name \(name)1 netns \(ends.path)\n"
      script += "address add \(side.address)/24 dev \(name)0\nlink set \(name)0 up\n"
      for address in side.neighbours + [side.sentinel] {
        script += "neighbour add \(address) lladdr \(Lab.mac(of: address)) dev \(name)0 nud permanent\n"
      }
    }
    try ends.run(
      ["sh", "-e"], input: "for a in all default; do echo 1 > /proc/sys/net/ipv6/conf/$a/disable_ipv6; done")
    try box.run(["sh", "-e"], input: "for a in all default; do echo 1 > /proc/sys/net/ipv6/conf/$a/disable_ipv6; done")
    try box.run(["ip", "-batch", "-"], input: script)
    try ends.run(["ip", "-batch", "-"], input: "link set in1 up\nlink set out1 up\n")
    try box.run(["ip", "-batch", "-"], input: "route add default via \(Lab.router) dev out0\n")
    for name in ["in", "out"] {
      try box.turnOffloadsOff("\(name)0")
      try ends.turnOffloadsOff("\(name)1")
    }
  }

  private static func settle(_ box: NetworkNamespace, _ ends: NetworkNamespace) throws {
    var settings = [("ipv4/ip_forward", 1), ("ipv4/icmp_ratelimit", 0), ("ipv4/icmp_ratemask", 0)]
    for name in ["all", "default", "in0", "out0"] {
      settings += [("ipv4/conf/\(name)/rp_filter", 0), ("ipv4/conf/\(name)/send_redirects", 0)]
    }
    try box.set(settings)
  }

  /// A home router's: everything out, answers and forwards in, nothing else. What conntrack calls invalid isn't
  /// forwarded: it would leave with its private source.
  private static var ruleset: String {
    let forwards = Lab.forwards.map { forward in
      let transport = forward.transport == .tcp ? "tcp" : "udp"
      return
        "ip daddr \(Lab.external) \(transport) dport \(forward.port) dnat to \(forward.to.address):\(forward.to.port)"
    }
    return """
      table ip nat {
        chain prerouting { type nat hook prerouting priority dstnat; \(forwards.joined(separator: "; ")); }
        chain postrouting {
          type nat hook postrouting priority srcnat
          oifname "out0" masquerade
          iifname "in0" oifname "in0" ct status dnat snat to \(Lab.external)
        }
      }
      table ip filter {
        chain forward {
          type filter hook forward priority filter; policy drop
          ct state invalid drop
          ct state established,related accept
          ct status dnat accept
          iifname "in0" accept
        }
      }

      """
  }

  func reset(for stimulus: Stimulus) throws {
    if conntrack_flush(netfilter) < 0 { throw LabError.system("flushing the connection table") }
    if mtu != stimulus.outsideMTU {
      try box.run(["ip", "link", "set", "out0", "mtu", "\(stimulus.outsideMTU)"], input: "")
      mtu = stimulus.outsideMTU
    }
    try setTimeouts(short: stimulus.traits.contains(.hasShortTimeouts))
    _ = try collect(through: .outside)
  }

  private func setTimeouts(short: Bool) throws {
    guard short == savedTimeouts.isEmpty else { return }
    if short {
      // A namespace begins with the same ones as the one it was made from.
      savedTimeouts = try Lab.shortTimeouts.map { timeout in
        let name = "netfilter/nf_conntrack_\(timeout.name)"
        let text = try String(contentsOfFile: "/proc/sys/net/\(name)", encoding: .utf8)
        return (name, Int(text.prefix { $0.isNumber }) ?? 0)
      }
      try box.set(Lab.shortTimeouts.map { ("netfilter/nf_conntrack_\($0.name)", $0.seconds) })
    } else {
      try box.set(savedTimeouts)
      savedTimeouts = []
    }
  }

  func give(_ frame: [UInt8], on side: Side) throws -> [Output] {
    try sockets[side]?.transmit(frame)
    return try collect(through: side)
  }

  func pause(milliseconds: Int) throws -> [Output] {
    usleep(UInt32(milliseconds) * 1000)
    return try collect(through: .outside)
  }

  /// Sends a ping after what was sent before, and reads until it is answered. All that one CPU sends through the two
  /// links is worked off in order, so that nothing else is under way then: no guessing how long to wait.
  private func collect(through side: Side) throws -> [Output] {
    try ask(on: side)
    var outputs: [Side: [[UInt8]]] = [.inside: [], .outside: []]
    for _ in 0..<2000 {
      if try drain(into: &outputs) {
        // The other link may have been read a moment too early.
        _ = try drain(into: &outputs)
        return Side.allCases.flatMap { side in (outputs[side] ?? []).map { Output(side: side, bytes: $0) } }
      }
      usleep(1000)
    }
    throw LabError("the kernel's box doesn't answer any more")
  }

  /// Takes what is there; whether the last question's answer was among it.
  private func drain(into outputs: inout [Side: [[UInt8]]]) throws -> Bool {
    var isAnswered = false
    for side in Side.allCases {
      while let frame = try sockets[side]?.receive() {
        if isForSentinel(frame, on: side) {
          isAnswered = isAnswered || answers(frame, on: side)
        } else if frame.count >= 14, frame[12] == 8, frame[13] == 0 {
          outputs[side]?.append(frame)
        }
      }
    }
    return isAnswered
  }
}
