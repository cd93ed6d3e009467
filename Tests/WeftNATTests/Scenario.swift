import Testing
import WeftCore
import WeftSettings
import WeftWire

@testable import WeftNAT

/// What happens to one flow, a line a step, and what the table then says of it:
///
///     > S seq=1000 mss        | SYN_SENT 120 unreplied
///     < SA seq=5000 ack=1001  | SYN_RECV 60
///     wait 5                  | SYN_RECV 55
///     < R seq=900000          | stray SYN_RECV 55
///     > R seq=1001            | gone
///
/// `dropped` where it went nowhere, `stray` where it went to the host's own stack instead.
///
/// `>` is sent by vm:40000 to srv:80, `<` is the answer. Flags as tcpdump's letters, or `udp`, `ping`, `esp`; then `seq`,
/// `ack`, `len`, `win`, `ttl`, and of a SYN's options `mss` and `ws`; `bad` is a wrong checksum. `forward off` and
/// `forward on` are net.ipv4.ip_forward, `deny srv` and `deny -` the filter. Of what isn't TCP there is no state.
struct Scenario {
  let net: Harness
  private(set) var dropped: DropReason?
  private var isStray = false

  init(_ settings: NATSettings) {
    net = Harness(
      configuration {
        $0.settings = settings
        $0.hasHostPort = true
      })
  }

  /// The profile with timeouts that each name their own timer.
  static var linux: NATSettings {
    var settings = NATSettings(.linux)
    settings.timeouts.tcpEstablished = .seconds(2000)
    settings.timeouts.tcpFinWait = .seconds(100)
    settings.timeouts.tcpCloseWait = .seconds(50)
    settings.timeouts.tcpTimeWait = .seconds(90)
    settings.timeouts.tcpMaxRetrans = .seconds(400)
    settings.timeouts.udp = .seconds(40)
    settings.timeouts.udpStream = .seconds(150)
    settings.timeouts.icmp = .seconds(20)
    settings.timeouts.generic = .seconds(70)
    return settings
  }

  /// Plays all lines; says of each what isn't as it says.
  static func play(
    _ text: String, _ settings: NATSettings = linux, _ location: SourceLocation = #_sourceLocation
  ) {
    var scenario = Scenario(settings)
    for (number, line) in text.split(separator: "\n").enumerated() {
      let parts = line.split(separator: "|").map { $0.split(separator: " ").map(String.init) }
      scenario.step(parts[0])
      if parts.count == 1 { continue }
      let table = scenario.table
      let expected = parts[1].joined(separator: " ")
      #expect(
        table == expected, "line \(number + 1): \(line) (\(scenario.dropped.map { "\($0)" } ?? "passed"))",
        sourceLocation: location)
    }
  }

  private var table: String {
    let prefix = dropped != nil ? ["dropped"] : isStray ? ["stray"] : []
    guard let entry = net.gateway.connections(now: net.now).first else { return (prefix + ["gone"]).joined(separator: " ") }
    var words = prefix
    if entry.protocolNumber == IPProtocol.tcp.rawValue { words.append(entry.state.conntrackName) }
    words.append("\(entry.timeLeft.rawValue / 1_000_000_000)")
    if !entry.hasReply { words.append("unreplied") }
    if entry.isAssured { words.append("assured") }
    return words.joined(separator: " ")
  }

  private mutating func step(_ words: [String]) {
    net.clear()
    dropped = nil
    isStray = false
    switch words[0] {
    case "wait": net.advance(by: .milliseconds(UInt64(Double(words[1])! * 1000)))
    case "forward": net.gateway.setIPForwarding(words[1] == "on")
    case "deny":
      var rule = FilterRule(.deny)
      rule.source = words[1] == "srv" ? IPv4Prefix(server, length: 32) : nil
      net.gateway.setFilterRules(words[1] == "srv" ? [rule] : [])
    case ">", "<":
      var packet = packet(words[1], Array(words[2...]), isReply: words[0] == "<")
      if words.contains("bad") { packet[packet.count - 1] ^= 1 }
      net.give(packet, on: words[0] == ">" ? 2 : 0)
      dropped = net.drops.first?.reason
      isStray = words[0] == "<" && net.sent.first?.port == 1
    default: Issue.record("no step: \(words)")
    }
  }

  private func packet(_ kind: String, _ words: [String], isReply: Bool) -> [UInt8] {
    func number(_ name: String) -> UInt32? {
      words.first { $0.hasPrefix(name + "=") }.flatMap { UInt32($0.dropFirst(name.count + 1)) }
    }
    let ttl = UInt8(number("ttl") ?? 64)
    let (from, to) = isReply ? (server, external) : (vm, server)
    // Whatever port it left from.
    let port = isReply ? net.gateway.connections(now: net.now).first?.reply.destinationPort ?? 40000 : 40000
    switch kind {
    case "udp": return isReply ? Packets.udp(from, 80, to, port, ttl: ttl) : Packets.udp(from, port, to, 80, ttl: ttl)
    case "ping": return Packets.ping(from, to, id: 7, reply: isReply, ttl: ttl)
    case "esp":
      return Packets.ip(
        IPv4Header(protocol: IPProtocol(rawValue: 50), source: from, destination: to, timeToLive: ttl), [1, 2, 3, 4])
    default: break
    }
    var flags = TCPFlags(rawValue: 0)
    for letter in kind {
      switch letter {
      case "S": flags.insert(.syn)
      case "A": flags.insert(.ack)
      case "F": flags.insert(.fin)
      case "R": flags.insert(.rst)
      case "P": flags.insert(.psh)
      default: Issue.record("no flag: \(letter)")
      }
    }
    var options = TCPOptions()
    if words.contains("mss") { options.maximumSegmentSize = 1460 }
    if let scale = number("ws") { options.windowScale = UInt8(scale) }
    return Packets.tcp(
      from, isReply ? 80 : port, to, isReply ? port : 80, flags, ttl: ttl,
      payload: [UInt8](repeating: 7, count: Int(number("len") ?? 0)), sequence: number("seq") ?? 0,
      acknowledgment: number("ack") ?? 0, window: UInt16(number("win") ?? 9000), options: options)
  }
}
