import Foundation

/// Makes sequences of steps at random: a few flows that get in each other's way on purpose, each with a model of its numbers, time
/// that passes, and rules that change. The same seed makes the same ones.
struct SequenceGenerator {
  private var random: SplitMix
  private var flows: [Flow] = []
  private var changesRules = false
  private var isForwarding = true
  private var hasForward: [String: Bool] = [:]

  init(seed: UInt64) { random = SplitMix(state: seed) }

  mutating func make(name: String) throws -> StepSequence {
    flows = (0..<(1 + random(3))).map { _ in flow() }
    changesRules = random(3) == 0
    isForwarding = true
    hasForward = ["tcp 8080 vm:80": true, "tcp 2222 vm2:2222": true, "udp 5353 vm:53": true, "udp 40000 vm2:53": false]
    let steps = (0..<(4 + random(11))).map { _ in step() }
    // The kernel's two seconds are left to the sequences that are written down.
    return try StepSequence(name: name, "! udp=one; " + steps.joined(separator: "; "))
  }

  private mutating func step() -> String {
    if random(100) < 13 { return "wait \(random.pick([1, 5, 15, 25, 35, 45, 55, 70, 110, 310]))" }
    if changesRules, random(100) < 7 { return ruleChange() }
    let index = random(flows.count)
    var flow = flows[index]
    defer { flows[index] = flow }
    return flow.step(&random)
  }

  private mutating func ruleChange() -> String {
    if random(4) == 0 {
      isForwarding.toggle()
      return "ipfwd \(isForwarding ? 1 : 0)"
    }
    let forward = random.pick(hasForward.keys.sorted())
    hasForward[forward]?.toggle()
    return "fwd\(hasForward[forward] == true ? "+" : "-") \(forward)"
  }

  private mutating func flow() -> Flow {
    let server = random.pick(["srv", "srv2"])
    let vm = random.pick(["vm", "vm", "vm2"])
    switch random(22) {
    case 0..<9:
      let (port, remote) = (random.pick([40000, 40001, 45005]), random.pick([80, 443]))
      return Flow(
        kind: .tcp, near: (">", "\(vm):\(port) \(server):\(remote)"), far: ("<", "\(server):\(remote) ext:~\(vm).\(port)"),
        opensNear: true)
    case 9..<13:
      let remote = random.pick([3000, 3001])
      let (outer, inner) = random.pick([("8080", "vm:80"), ("8080", "vm:80"), ("2222", "vm2:2222")])
      return Flow(
        kind: .tcp, near: (">", "\(inner) \(server):\(remote)"), far: ("<", "\(server):\(remote) ext:\(outer)"), opensNear: false)
    case 13..<15:
      let remote = random.pick([80, 443])
      return Flow(
        kind: .tcp, near: ("^", "ext:45005 \(server):\(remote)"), far: ("<", "\(server):\(remote) ext:45005"), opensNear: true)
    case 15..<18:
      let (port, remote) = (random.pick([40000, 40001, 45000]), random.pick([53, 123]))
      return Flow(
        kind: .udp, near: (">", "\(vm):\(port) \(server):\(remote)"), far: ("<", "\(server):\(remote) ext:~\(vm).\(port)"),
        opensNear: random(6) > 0)
    case 18:
      return Flow(kind: .udp, near: (">", "vm:53 \(server):3000"), far: ("<", "\(server):3000 ext:5353"), opensNear: false)
    case 19, 20:
      let (port, remote) = (random.pick([4000, 4001]), random.pick([53, 54]))
      return Flow(
        kind: .sctp, near: (">", "\(vm):\(port) \(server):\(remote)"), far: ("<", "\(server):\(remote) ext:~\(vm).\(port)"),
        opensNear: true)
    default:
      return Flow(kind: .ping, near: (">", "\(vm) \(server) id=7"), far: ("<", "\(server) ext id=~\(vm).7"), opensNear: true)
    }
  }
}

/// Two ends that talk through the box.
private struct Flow {
  enum Kind { case tcp, udp, ping, sctp }

  var kind: Kind
  /// Where each end's packets come in, and from where to where they go: who is behind the box, or the box, and who is beyond.
  var near: (origin: String, ends: String)
  var far: (origin: String, ends: String)
  var opensNear: Bool
  private var count = 0
  /// Of TCP: what each end sends next.
  private var next: (near: UInt32, far: UInt32) = (1000, 5000)

  init(kind: Kind, near: (String, String), far: (String, String), opensNear: Bool) {
    self.kind = kind
    self.near = near
    self.far = far
    self.opensNear = opensNear
  }

  mutating func step(_ random: inout SplitMix) -> String {
    defer { count += 1 }
    let takesTurns = kind == .sctp && count < 4 && random(5) > 0
    let isNear =
      count == 0 ? opensNear : takesTurns ? count & 1 == 0 : count == 1 && random(5) > 0 ? !opensNear : random(2) == 0
    let (origin, ends) = isNear ? near : far
    let ttl = random(33) == 0 ? " ttl=1" : ""
    switch kind {
    case .udp: return "\(origin) udp \(ends)\(ttl)"
    case .ping: return "\(origin) \(isNear ? "ping" : "pong") \(ends)\(ttl)"
    case .tcp: return "\(origin) tcp \(ends) \(segment(isNear, &random))\(ttl)"
    case .sctp: return "\(origin) sctp \(ends) \(chunks(isNear, &random))\(ttl)"
    }
  }

  /// Of an association: as it should be set up, mostly, and then anything. Near reads 4660 as its tag, far 17185.
  private mutating func chunks(_ isNear: Bool, _ random: inout SplitMix) -> String {
    let inOrder = ["INIT", "INITACK", "COOKIE", "COOKIEACK"]
    var chunks = count < 4 && random(8) > 0 ? inOrder[count] : random.pick(Self.chunks)
    if random(12) == 0 { chunks += "+" + random.pick(Self.chunks) }
    var tag = chunks == "INIT" ? 0 : isNear ? 17185 : 4660
    if random(12) == 0 { tag = random.pick([0, 1, 4660, 17185]) }
    var text = "\(chunks) tag=\(tag)"
    if chunks.hasPrefix("INIT") { text += " itag=\(random(9) == 0 ? 7 : isNear ? 4660 : 17185)" }
    return text + (random(15) == 0 ? " T" : "")
  }

  private static let chunks = [
    "DATA", "DATA", "SACK", "HEARTBEAT", "HEARTBEATACK", "INIT", "INITACK", "COOKIE", "COOKIEACK", "ABORT", "SHUTDOWN",
    "SHUTDOWNACK",
    "SHUTDOWNCOMPLETE", "ERROR", "ASCONF",
  ]

  /// The next as it should be, mostly, of an end that opens, answers, talks and closes; sometimes another one.
  private mutating func segment(_ isNear: Bool, _ random: inout SplitMix) -> String {
    let opens = isNear == opensNear
    let flags: String
    switch count {
    case 0: flags = random(4) > 0 ? "S" : random.pick(["A", "PA", "FA"])
    case 1 where !opens: flags = random(5) > 0 ? "SA" : random.pick(["A", "RA", "S", "PA"])
    case 2 where opens && random(5) > 0: flags = "A"
    default:
      flags = random.pick(["A", "A", "A", "PA", "PA", "PA", "FA", "FA", "FA", "R", "RA", "S", "SA"])
    }
    let length: UInt32 = flags.contains("P") ? random.pick([10, 100, 1000]) : 0
    var sequence = isNear ? next.near : next.far
    let other = isNear ? next.far : next.near
    if random(100) < 13 {
      sequence = random.pick([
        sequence &+ 1, sequence &- 1, sequence &+ 100, sequence &- 100, sequence &+ 8191, sequence &+ 70000, sequence &+ 900_000,
        sequence &- 20000, 90000, 0,
      ])
    }
    var acknowledgment = flags.contains("A") ? other : 0
    if flags.contains("A"), random(100) < 6 {
      acknowledgment = random.pick([other &+ 1, other &- 1, other &- 100, other &+ 1000, other &+ 70000])
    }
    let sent = sequence &+ length &+ (flags.contains("S") || flags.contains("F") ? 1 : 0)
    if isNear { next.near = sent } else { next.far = sent }
    var text = "\(flags) seq=\(sequence) ack=\(acknowledgment)"
    if length > 0 { text += " len=\(length)" }
    if flags.contains("S"), random(3) == 0 { text += " ws=\(random.pick([0, 2, 7]))" }
    if random(40) == 0 { text += " win=0" }
    return text
  }
}

/// SplitMix64 (Steele, Lea and Flood 2014).
struct SplitMix {
  var state: UInt64

  private mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  /// Below `limit`.
  mutating func callAsFunction(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
  mutating func pick<Element>(_ elements: [Element]) -> Element { elements[self(elements.count)] }
}
