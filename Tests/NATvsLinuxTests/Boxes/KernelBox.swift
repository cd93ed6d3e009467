import KernelLab
import CNetworkNamespace
import Foundation
import WeftNAT
import WeftWire

/// netfilter as a masquerading router: a namespace with two links, and one for who is at their other ends. Neither has
/// a way out.
final class KernelBox: Box {
  let box: NetworkNamespace
  private let ends: NetworkNamespace
  private let sockets: [Side: PacketSocket]
  let netfilter: Int32
  private var mtu = 1500
  private var asked: UInt16 = 0
  private let raw: RawSocket
  private var rules: RouterSetup?
  private let defaultTimeouts: [String: Int]
  private var timeouts: [String: Int]
  private var checksChecksums = true
  /// Entries that were made since the last flush, and where more are heard of.
  private var made: [conntrack_row] = []
  private let events: Int32
  private var hasOtherForwards = false
  /// Of its own.
  private var hasSentTCP = false
  private var isForwarding = true
  /// UDP sockets of the box's own, by port.
  private var bound: [UInt16: Int32] = [:]

  init() throws {
    box = try NetworkNamespace()
    ends = try NetworkNamespace()
    try Self.makeLinks(box, ends)
    try Self.settle(box, ends)
    raw = try box.rawSocket()
    defaultTimeouts = try Self.readTimeouts()
    timeouts = defaultTimeouts
    sockets = [.inside: try ends.socket(on: "in1"), .outside: try ends.socket(on: "out1")]
    netfilter = namespace_netfilter_socket(box.descriptor)
    events = namespace_conntrack_events(box.descriptor)
    if netfilter < 0 || events < 0 { throw LabError.system("a netfilter socket") }
    try setRules(RouterSetup(hairpin: .externalSource))
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

  deinit {
    close(netfilter)
    close(events)
    for socket in bound.values { close(socket) }
  }

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
    var settings = [
      ("netfilter/nf_conntrack_events", 1), ("ipv4/ip_forward", 1), ("ipv4/icmp_ratelimit", 0), ("ipv4/icmp_ratemask", 0),
    ]
    for name in ["all", "default", "in0", "out0"] {
      settings += [("ipv4/conf/\(name)/rp_filter", 0), ("ipv4/conf/\(name)/send_redirects", 0)]
    }
    try box.set(settings)
  }

  func reset(for stimulus: Stimulus) throws {
    if mtu != stimulus.outsideMTU {
      try box.run(["ip", "link", "set", "out0", "mtu", "\(stimulus.outsideMTU)"], input: "")
      mtu = stimulus.outsideMTU
    }
    try setRules(RouterSetup(hairpin: .externalSource))
    try setTimeouts(stimulus.traits.contains(.hasShortTimeouts) ? Lab.shortTimeouts : [])
    try flush()
    _ = try collect(through: .outside)
  }

  /// Those of `Lab.forwards` too.
  private func setRules(_ setup: RouterSetup) throws {
    if rules == setup { return }
    try box.run(["nft", "-f", "-"], input: setup.ruleset)
    rules = setup
  }

  /// The others are netfilter's own.
  private func setTimeouts(_ wanted: [(name: String, seconds: Int)]) throws {
    let wanted = defaultTimeouts.merging(wanted.map { ($0.name, $0.seconds) }) { $1 }
    let changed = wanted.filter { timeouts[$0.key] != $0.value }
    if changed.isEmpty { return }
    try box.set(changed.map { ("netfilter/nf_conntrack_\($0.key)", $0.value) })
    timeouts = wanted
  }

  /// A namespace begins with the same ones as the one it was made from.
  private static func readTimeouts() throws -> [String: Int] {
    try Lab.timeouts.reduce(into: [:]) { timeouts, timeout in
      let path = "/proc/sys/net/netfilter/nf_conntrack_\(timeout.name)"
      let text = try String(contentsOfFile: path, encoding: .utf8)
      timeouts[timeout.name] = Int(text.prefix { $0.isNumber })
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

// MARK: - Sequences

extension KernelBox: RouterBox {
  func begin(_ setup: RouterSetup) throws {
    // A forward may have come or gone.
    if hasOtherForwards { rules = nil }
    if hasSentTCP, rules == setup { try box.run(["nft", "-f", "-"], input: "flush set ip filter own\n") }
    (hasOtherForwards, hasSentTCP) = (false, false)
    try setRules(setup)
    try setTimeouts(setup.timeouts)
    if checksChecksums != setup.checksChecksums {
      checksChecksums = setup.checksChecksums
      try box.set([("netfilter/nf_conntrack_checksum", checksChecksums ? 1 : 0)])
    }
    if !isForwarding { try setIPForwarding(true) }
    for port in bound.keys where !HostEmulator.services.contains(port) { bound.removeValue(forKey: port).map { _ = close($0) } }
    for port in HostEmulator.services { try bind(port) }
    // To forget those that are known is quicker than a flush.
    for var row in try entries() where conntrack_set_seconds(netfilter, &row, 0) < 0 && errno != ENOENT {
      throw LabError.system("deleting an entry")
    }
    made = []
    _ = try collect(through: .outside)
  }

  private func bind(_ port: UInt16) throws {
    if bound[port] != nil { return }
    // A program that another box is just starting may have kept a closed socket open, until it is a program.
    for _ in 0..<1000 {
      if let socket = try box.udpSocket(port) {
        bound[port] = socket
        return
      }
      usleep(1000)
    }
    throw LabError("UDP port \(port) stays taken")
  }

  func give(_ packet: Packet, from origin: SequenceStep.Origin, toAll: Bool) throws -> [Output] {
    guard let side = origin.side else {
      if packet.header.protocol == .udp, let port = packet.sourcePort { try bind(port) }
      if packet.header.protocol == .tcp { hasSentTCP = true }
      try raw.transmit(packet.bytes, to: packet.header.destination)
      return try collect(through: .outside)
    }
    return try give(Step.ethernet(packet, from: side, to: toAll ? .broadcast : side.mac), on: side)
  }

  func addForward(_ forward: SequenceForward) throws -> Bool {
    try changeForward("add", forward, " : \(forward.to.address) . \(forward.to.port)")
    return true
  }

  func removeForward(_ forward: SequenceForward) throws -> Bool {
    try changeForward("delete", forward, "")
    return true
  }

  private func changeForward(_ verb: String, _ forward: SequenceForward, _ target: String) throws {
    hasOtherForwards = true
    let map = forward.isTCP ? "tcp-forwards" : "udp-forwards"
    try box.run(["nft", "-f", "-"], input: "\(verb) element ip nat \(map) { \(forward.port)\(target) }\n")
  }

  func setIPForwarding(_ on: Bool) throws {
    isForwarding = on
    // Which makes it send redirects again.
    try box.set(
      [("ipv4/ip_forward", on ? 1 : 0)] + ["all", "in0", "out0"].map { ("ipv4/conf/\($0)/send_redirects", 0) })
  }

  func flush() throws {
    if conntrack_flush(netfilter) < 0 { throw LabError.system("flushing the connection table") }
    _ = try entries()
    made = []
  }

  func table() throws -> [TableRow] { try entries().map(TableRow.init) }

  /// What a listing has, if it has as many: see `conntrack_get`.
  private func entries() throws -> [conntrack_row] {
    var row = conntrack_row()
    var heard: Int32 = 0
    repeat {
      heard = conntrack_next(events, &row)
      if heard == 1, !made.contains(where: { hasName($0, row) }) { made.append(row) }
    } while heard == 1
    if heard < 0 { throw LabError.system("hearing of entries") }
    var left: [conntrack_row] = []
    for var row in made {
      let found = conntrack_get(netfilter, &row)
      if found < 0 { throw LabError.system("reading an entry") }
      if found == 1 { left.append(row) }
    }
    made = left
    return left
  }

  private func hasName(_ a: conntrack_row, _ b: conntrack_row) -> Bool {
    a.name_length == b.name_length
      && withUnsafeBytes(of: a.name) { a in withUnsafeBytes(of: b.name) { a.elementsEqual($0) } }
  }

  /// Whether `table` has left nothing out.
  func checkTable() throws {
    let count = conntrack_count(netfilter)
    let known = try entries().count
    if count != known { throw LabError("the kernel has \(count) entries and told of \(known)") }
  }

  /// Makes every entry so much older: nothing of the table but UDP's two seconds knows another clock.
  func age(seconds: Int) throws {
    // What was rounded off is given back. It was almost a second, unless the entry's timer was set in this very jiffy.
    usleep(10_000)
    for var row in try entries() {
      let left = max(Int(row.seconds) + 1 - seconds, 0)
      if conntrack_set_seconds(netfilter, &row, UInt32(left)) < 0, errno != ENOENT { throw LabError.system("ageing an entry") }
    }
  }
}

extension TableRow {
  init(_ row: conntrack_row) {
    func tuple(_ tuple: conntrack_tuple) -> Tuple {
      Tuple(
        source: Endpoint(IP(rawValue: tuple.source), tuple.source_port),
        destination: Endpoint(IP(rawValue: tuple.destination), tuple.destination_port))
    }
    self.init(
      protocolNumber: row.original.protocol, icmpType: row.original.icmp_type, original: tuple(row.original),
      // Both count the states alike.
      reply: tuple(row.reply),
      state: Self.state(
        row.original.protocol, TCPState(rawValue: row.tcp_state) ?? .none, SCTPState(rawValue: row.sctp_state) ?? .none),
      seconds: Int(row.seconds) + 1,
      hasReply: row.status & 2 != 0, isAssured: row.status & 4 != 0)
  }
}
