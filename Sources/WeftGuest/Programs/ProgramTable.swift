import WeftCore
import WeftWire

/// The programs of a guest, each kind in an array of its own: no existential and no enum payload is copied on a
/// packet's way.
struct ProgramTable: Codable {
  var httpServers: [HTTPServer] = []
  var httpGets: [HTTPGet] = []
  var pings: [Ping] = []
  var tcpEchos: [TCPEcho] = []
  var udpEchos: [UDPEcho] = []
  var sinks: [Sink] = []
  var bulks: [Bulk] = []
  var udpRates: [UDPRate] = []
  var stunServers: [STUNServer] = []
  var natProbes: [NATProbe] = []
  var rendezvouses: [Rendezvous] = []
  var synFloods: [SYNFlood] = []
  /// As configured; the order in which those due at the same moment run.
  private var order: [SocketOwner] = []
  /// The earliest of all.
  private(set) var deadline = Instant.never

  init() {}

  init(_ configuration: GuestConfiguration, bootedAt: Instant) {
    for (index, program) in configuration.programs.enumerated() {
      add(program.kind, index: index, start: bootedAt + program.start, name: configuration.name)
    }
    updateDeadline()
  }

  private mutating func add(_ kind: GuestProgram.Kind, index: Int, start: Instant, name: String) {
    switch kind {
    case .httpServer(let port, let status, let body, let size):
      let owner = SocketOwner(.httpServer, UInt32(httpServers.count))
      order.append(owner)
      httpServers.append(
        HTTPServer(
          port: port, status: status, body: body, size: size, name: name, owner: owner, index: index, start: start))
    case .httpGet(let to, let port, let path, let host, let count, let interval):
      let owner = SocketOwner(.httpGet, UInt32(httpGets.count))
      order.append(owner)
      httpGets.append(
        HTTPGet(
          to: to, port: port, path: path, host: host, count: count, interval: interval, owner: owner, index: index,
          start: start))
    case .ping(let to, let count, let interval, let size, let ttl):
      let owner = SocketOwner(.ping, UInt32(pings.count))
      order.append(owner)
      pings.append(
        Ping(
          to: to, count: count, interval: interval, size: size, timeToLive: ttl, owner: owner, index: index,
          start: start))
    case .tcpEcho(let port):
      let owner = SocketOwner(.tcpEcho, UInt32(tcpEchos.count))
      order.append(owner)
      tcpEchos.append(TCPEcho(port: port, owner: owner, index: index, start: start))
    case .udpEcho(let port):
      let owner = SocketOwner(.udpEcho, UInt32(udpEchos.count))
      order.append(owner)
      udpEchos.append(UDPEcho(port: port, owner: owner, index: index, start: start))
    case .sink(let port):
      let owner = SocketOwner(.sink, UInt32(sinks.count))
      order.append(owner)
      sinks.append(Sink(port: port, owner: owner, index: index, start: start))
    case .bulk(let to, let port, let size):
      let owner = SocketOwner(.bulk, UInt32(bulks.count))
      order.append(owner)
      bulks.append(Bulk(to: to, port: port, size: size, owner: owner, index: index, start: start))
    case .udpRate(let to, let port, let size, let interval, let count):
      let owner = SocketOwner(.udpRate, UInt32(udpRates.count))
      order.append(owner)
      udpRates.append(
        UDPRate(
          to: to, port: port, size: size, interval: interval, count: count, owner: owner, index: index, start: start))
    case .stunServer(let port, let other):
      let owner = SocketOwner(.stunServer, UInt32(stunServers.count))
      order.append(owner)
      stunServers.append(STUNServer(port: port, partner: other, owner: owner, index: index, start: start))
    case .natProbe(let to, let port):
      let owner = SocketOwner(.natProbe, UInt32(natProbes.count))
      order.append(owner)
      natProbes.append(NATProbe(to: to, port: port, owner: owner, index: index, start: start))
    case .rendezvous(let port):
      let owner = SocketOwner(.rendezvous, UInt32(rendezvouses.count))
      order.append(owner)
      rendezvouses.append(Rendezvous(port: port, owner: owner, index: index, start: start))
    case .synFlood(let to, let port, let interval, let count):
      order.append(SocketOwner(.synFlood, UInt32(synFloods.count)))
      synFloods.append(SYNFlood(to: to, port: port, interval: interval, count: count, index: index, start: start))
    }
  }

  private func deadline(of owner: SocketOwner) -> Instant {
    let index = Int(owner.index)
    switch owner.kind {
    case .httpServer: return httpServers[index].deadline
    case .httpGet: return httpGets[index].deadline
    case .ping: return pings[index].deadline
    case .tcpEcho: return tcpEchos[index].deadline
    case .udpEcho: return udpEchos[index].deadline
    case .sink: return sinks[index].deadline
    case .bulk: return bulks[index].deadline
    case .udpRate: return udpRates[index].deadline
    case .stunServer: return stunServers[index].deadline
    case .natProbe: return natProbes[index].deadline
    case .rendezvous: return rendezvouses[index].deadline
    case .synFlood: return synFloods[index].deadline
    case .none, .timeWait, .probe: return .never
    }
  }

  private mutating func updateDeadline() {
    var earliest = Instant.never
    for owner in order { earliest = min(earliest, deadline(of: owner)) }
    deadline = earliest
  }

  mutating func wake(now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    var earliest = Instant(.max)
    for index in order.indices {
      let owner = order[index]
      if deadline(of: owner) <= now { wake(owner, now: now, &stack, &out) }
      earliest = min(earliest, deadline(of: owner))
    }
    deadline = earliest
  }

  /// Not inlined: in a loop, the optimiser would make every kind's array unique beforehand, and empty ones by a copy.
  @inline(never)
  private mutating func wake(_ owner: SocketOwner, now: Instant, _ stack: inout Stack, _ out: inout Effects) {
    let index = Int(owner.index)
    switch owner.kind {
    case .httpServer: httpServers[index].wake(now: now, &stack, &out)
    case .httpGet: httpGets[index].wake(now: now, &stack, &out)
    case .ping: pings[index].wake(now: now, &stack, &out)
    case .tcpEcho: tcpEchos[index].wake(now: now, &stack, &out)
    case .udpEcho: udpEchos[index].wake(now: now, &stack, &out)
    case .sink: sinks[index].wake(now: now, &stack, &out)
    case .bulk: bulks[index].wake(now: now, &stack, &out)
    case .udpRate: udpRates[index].wake(now: now, &stack, &out)
    case .stunServer: stunServers[index].wake(now: now, &stack, &out)
    case .natProbe: natProbes[index].wake(now: now, &stack, &out)
    case .rendezvous: rendezvouses[index].wake(now: now, &stack, &out)
    case .synFlood: synFloods[index].wake(now: now, &stack, &out)
    case .none, .timeWait, .probe: break
    }
  }

  mutating func socket(
    _ owner: SocketOwner, _ id: SocketID, _ events: SocketEvents, now: Instant, _ stack: inout Stack,
    _ out: inout Effects
  ) {
    let index = Int(owner.index)
    switch owner.kind {
    case .httpServer: httpServers[index].socket(id, events, now: now, &stack, &out)
    case .httpGet: httpGets[index].socket(id, events, now: now, &stack, &out)
    case .tcpEcho: tcpEchos[index].socket(id, events, now: now, &stack, &out)
    case .sink:
      // The one on the hot path never sets a deadline after its start.
      sinks[index].socket(id, events, now: now, &stack, &out)
      return
    case .bulk:
      bulks[index].socket(id, events, now: now, &stack, &out)
      return
    case .rendezvous: rendezvouses[index].socket(id, events, now: now, &stack, &out)
    case .ping, .udpEcho, .udpRate, .stunServer, .natProbe, .synFlood, .none, .timeWait, .probe: return
    }
    deadline = min(deadline, deadline(of: owner))
  }

  /// For the kinds whose datagrams are few.
  @inline(never)
  mutating func datagram(
    _ owner: SocketOwner, _ info: DatagramInfo, _ payload: RawSpan, now: Instant, _ stack: inout Stack,
    _ out: inout Effects
  ) {
    let index = Int(owner.index)
    switch owner.kind {
    case .stunServer: stunServers[index].datagram(info, payload, now: now, &stack, &out)
    case .natProbe: natProbes[index].datagram(info, payload, now: now, &stack, &out)
    case .rendezvous: rendezvouses[index].datagram(info, payload, now: now, &stack, &out)
    default: return
    }
    deadline = min(deadline, deadline(of: owner))
  }

  /// A program has set itself a deadline outside of `wake`.
  @inline(__always)
  mutating func hasten(_ time: Instant) { if time < deadline { deadline = time } }

  mutating func failed(
    _ owner: SocketOwner, _ error: SocketError, now: Instant, _ stack: inout Stack, _ out: inout Effects
  ) {
    switch owner.kind {
    case .ping: pings[Int(owner.index)].failed(error, now: now, &stack, &out)
    case .udpRate: udpRates[Int(owner.index)].failed(error, now: now, &stack, &out)
    default: break
    }
  }

  /// In the order of the configuration.
  var reports: [ProgramReport] {
    order.map { owner in
      let index = Int(owner.index)
      switch owner.kind {
      case .httpServer: return httpServers[index].report
      case .httpGet: return httpGets[index].report
      case .ping: return pings[index].report
      case .tcpEcho: return tcpEchos[index].report
      case .udpEcho: return udpEchos[index].report
      case .sink:
        var report = sinks[index].report
        report.throughput = sinks[index].throughput
        return report
      case .bulk: return bulks[index].report
      case .stunServer: return stunServers[index].report
      case .natProbe: return natProbes[index].report
      case .rendezvous: return rendezvouses[index].report
      case .synFlood: return synFloods[index].report
      default: return udpRates[index].report
      }
    }
  }

  var hasUnfinished: Bool {
    pings.contains { $0.isUnfinished } || httpGets.contains { $0.isUnfinished } || bulks.contains { $0.isUnfinished }
      || udpRates.contains { $0.isUnfinished } || natProbes.contains { $0.isUnfinished }
      || synFloods.contains { $0.isUnfinished }
  }
}

extension ProgramTable {
  private typealias Place = (kind: SocketOwner.Kind, index: UInt32, owner: SocketOwner)

  /// What each program believes itself to be, beside what it is. A SYN flood has no sockets.
  private var owners: [(kind: SocketOwner.Kind, index: UInt32, owner: SocketOwner)] {
    var all: [Place] = []
    func add(_ kind: SocketOwner.Kind, _ owners: [SocketOwner]) {
      for (index, owner) in owners.enumerated() { all.append((kind, UInt32(index), owner)) }
    }
    add(.httpServer, httpServers.map(\.owner))
    add(.httpGet, httpGets.map(\.owner))
    add(.ping, pings.map(\.owner))
    add(.tcpEcho, tcpEchos.map(\.owner))
    add(.udpEcho, udpEchos.map(\.owner))
    add(.sink, sinks.map(\.owner))
    add(.bulk, bulks.map(\.owner))
    add(.udpRate, udpRates.map(\.owner))
    add(.stunServer, stunServers.map(\.owner))
    add(.natProbe, natProbes.map(\.owner))
    add(.rendezvous, rendezvouses.map(\.owner))
    add(.synFlood, synFloods.indices.map { SocketOwner(.synFlood, UInt32($0)) })
    return all
  }

  /// Whether a socket's owner is there; a probe may be gone.
  func has(_ owner: SocketOwner) -> Bool {
    let count: Int
    switch owner.kind {
    case .none, .timeWait, .probe: return true
    case .httpServer: count = httpServers.count
    case .httpGet: count = httpGets.count
    case .ping: count = pings.count
    case .tcpEcho: count = tcpEchos.count
    case .udpEcho: count = udpEchos.count
    case .sink: count = sinks.count
    case .bulk: count = bulks.count
    case .udpRate: count = udpRates.count
    case .stunServer: count = stunServers.count
    case .natProbe: count = natProbes.count
    case .rendezvous: count = rendezvouses.count
    case .synFlood: count = synFloods.count
    }
    return owner.index < count
  }

  /// Of a decoded one: that every program can go on from where it is.
  var isConsistent: Bool {
    // Each program once, and each with its own number.
    order.allSatisfy { $0.isProgram && has($0) } && Set(order.map(\.number)).count == order.count
      && order.count == owners.count
      && owners.allSatisfy { kind, index, owner in owner.kind == kind && owner.index == index }
      && httpServers.allSatisfy { $0.isConsistent } && sinks.allSatisfy { $0.isConsistent }
      && pings.allSatisfy { (0...65_507).contains($0.size) && $0.count >= 0 && $0.interval > .zero }
      && httpGets.allSatisfy { $0.count >= 0 }
      && udpRates.allSatisfy { (0...min(65_507, Pattern.longest)).contains($0.size) && $0.interval > .zero }
      && bulks.allSatisfy { $0.transfer?.isConsistent ?? true }
  }
}
