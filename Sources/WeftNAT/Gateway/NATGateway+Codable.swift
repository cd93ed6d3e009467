import WeftCore
import WeftIP
import WeftWire

// A checkpoint of the tables holds what is alive, in an order that owes nothing to where it lay: mappings by external
// endpoint, sessions by creation. The indices and the wheel are made anew; nothing visible depends on them.

extension Conntrack {
  static let wordsPerSession = 9

  /// Nine integers a session; `mappingOrder` gives a mapping's ordinal in its own checkpoint.
  func words(_ mappingOrder: [UInt32]) -> [UInt64] {
    var words: [UInt64] = []
    words.reserveCapacity(count * Self.wordsPerSession)
    for id in inOrder {
      let s = self[id]
      words.append(UInt64(s.originalSource.rawValue) << 32 | UInt64(s.originalDestination.rawValue))
      words.append(UInt64(s.replySource.rawValue) << 32 | UInt64(s.replyDestination.rawValue))
      words.append(
        UInt64(s.originalSourcePort) << 48 | UInt64(s.originalDestinationPort) << 32 | UInt64(s.replySourcePort) << 16
          | UInt64(s.replyDestinationPort))
      words.append(
        UInt64(s.originalPort.number) << 48 | UInt64(s.replyPort.number) << 32 | UInt64(s.kind.rawValue) << 16
          | UInt64(s.state.rawValue) << 8 | UInt64(s.flags.rawValue))
      words.append(s.deadline)
      words.append(UInt64(s.originalPackets) << 32 | UInt64(s.replyPackets))
      words.append(s.originalBytes)
      words.append(s.replyBytes)
      let began = s.kind == .udp ? begin(id) : 0
      words.append(UInt64(began) << 32 | (mapping(id).map { UInt64(mappingOrder[$0.index]) } ?? UInt64(Self.none)))
    }
    return words
  }

  /// Nil where the words make no session.
  static func session(_ w: ArraySlice<UInt64>) -> (session: Session, mapping: MappingID?, began: UInt32)? {
    let a = w.startIndex
    func address(_ word: UInt64) -> IPv4Address { IPv4Address(rawValue: UInt32(truncatingIfNeeded: word)) }
    func port(_ word: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: word) }
    let kind = FlowKind(rawValue: UInt8(truncatingIfNeeded: w[a + 3] >> 16))
    func gatewayPort(_ word: UInt64) -> GatewayPort { GatewayPort(number: port(word)) }
    guard let state = TCPState(rawValue: UInt8(truncatingIfNeeded: w[a + 3] >> 8)) else { return nil }
    let original = Tuple(
      source: address(w[a] >> 32), destination: address(w[a]), sourcePort: port(w[a + 2] >> 48),
      destinationPort: port(w[a + 2] >> 32), port: gatewayPort(w[a + 3] >> 48), kind: kind)
    let reply = Tuple(
      source: address(w[a + 1] >> 32), destination: address(w[a + 1]), sourcePort: port(w[a + 2] >> 16),
      destinationPort: port(w[a + 2]), port: gatewayPort(w[a + 3] >> 32), kind: kind.answer)
    var session = Session(
      original: original, reply: reply, deadline: Instant(w[a + 4]), state: state,
      flags: Session.Flags(rawValue: UInt8(truncatingIfNeeded: w[a + 3])))
    session.originalPackets = UInt32(truncatingIfNeeded: w[a + 5] >> 32)
    session.replyPackets = UInt32(truncatingIfNeeded: w[a + 5])
    session.originalBytes = w[a + 6]
    session.replyBytes = w[a + 7]
    let mapping = UInt32(truncatingIfNeeded: w[a + 8])
    return (session, mapping == Self.none ? nil : MappingID(Int(mapping)), UInt32(w[a + 8] >> 32))
  }
}

extension Mappings {
  static let wordsPerMapping = 4

  func words(_ order: [MappingID]) -> [UInt64] {
    var words: [UInt64] = []
    words.reserveCapacity(order.count * Self.wordsPerMapping)
    for id in order {
      let m = self[id]
      words.append(UInt64(m.insideAddress.rawValue) << 32 | UInt64(m.externalAddress.rawValue))
      words.append(UInt64(m.remoteAddress.rawValue) << 32)
      words.append(
        UInt64(m.insidePort) << 48 | UInt64(m.externalPort) << 32 | UInt64(m.remotePort) << 16 | UInt64(m.port.number))
      words.append(UInt64(m.kind.rawValue) << 16 | UInt64(m.owner.rawValue) << 8 | UInt64(m.outbound))
    }
    return words
  }

  static func mapping(_ w: ArraySlice<UInt64>) -> Mapping? {
    let a = w.startIndex
    guard let owner = Mapping.Owner(rawValue: UInt8(truncatingIfNeeded: w[a + 3] >> 8)) else { return nil }
    var mapping = Mapping(
      insideAddress: IPv4Address(rawValue: UInt32(w[a] >> 32)),
      externalAddress: IPv4Address(rawValue: UInt32(truncatingIfNeeded: w[a])),
      remoteAddress: IPv4Address(rawValue: UInt32(w[a + 1] >> 32)),
      insidePort: UInt16(truncatingIfNeeded: w[a + 2] >> 48), externalPort: UInt16(truncatingIfNeeded: w[a + 2] >> 32),
      remotePort: UInt16(truncatingIfNeeded: w[a + 2] >> 16),
      port: GatewayPort(number: UInt16(truncatingIfNeeded: w[a + 2])),
      kind: FlowKind(rawValue: UInt8(truncatingIfNeeded: w[a + 3] >> 16)), owner: owner)
    mapping.outbound = UInt8(truncatingIfNeeded: w[a + 3])
    return mapping
  }
}

extension NATGateway {
  private enum CodingKeys: CodingKey {
    case configuration, counters, neighbours, identification, random, mappings, sessions, sequences, created, windows,
      closing, held
    case lastPort, hosts, hostPorts, bindings, filter, heldSYNs, fragments, events, moment
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(configuration, forKey: .configuration)
    try container.encode(counters, forKey: .counters)
    try container.encode(links.neighbours, forKey: .neighbours)
    try container.encode(answers.identification, forKey: .identification)
    try container.encode(mappings.ports.random, forKey: .random)
    let order = mappings.inOrder
    try container.encode(mappings.words(order), forKey: .mappings)
    var ordinals = [UInt32](repeating: Conntrack.none, count: mappings.capacity)
    for (ordinal, id) in order.enumerated() { ordinals[id.index] = UInt32(ordinal) }
    let sessions = conntrack.inOrder
    try container.encode(conntrack.words(ordinals), forKey: .sessions)
    try container.encode(sessions.map { conntrack.sequence($0) }, forKey: .sequences)
    try container.encode(conntrack.created, forKey: .created)
    var windows: [UInt64] = []
    for (place, id) in sessions.enumerated() {
      guard conntrack[id].kind.hasStates, let window = conntrack.window(id) else { continue }
      windows.append(UInt64(place))
      windows += window.words
    }
    try container.encode(windows, forKey: .windows)
    var places: [Int: UInt32] = [:]
    for (place, id) in sessions.enumerated() { places[id.index] = UInt32(place) }
    try container.encode(conntrack.closingInOrder.compactMap { places[$0.index] }, forKey: .closing)
    try container.encode(mappings.ports.held, forKey: .held)
    try container.encode(mappings.ports.last, forKey: .lastPort)
    try container.encode(mappings.hosts, forKey: .hosts)
    try container.encode(mappings.hostPorts, forKey: .hostPorts)
    try container.encode(mappings.bindings, forKey: .bindings)
    try container.encode(filter, forKey: .filter)
    try container.encode(answers.held, forKey: .heldSYNs)
    try container.encode(fragments, forKey: .fragments)
    try container.encode(conntrack.events, forKey: .events)
    try container.encode(conntrack.now, forKey: .moment)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func corrupted(_ what: String) -> DecodingError {
      DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: what))
    }
    configuration = try container.decode(NATConfiguration.self, forKey: .configuration)
    counters = try container.decode(Counters.self, forKey: .counters)
    links = Links(configuration, neighbours: try container.decode([NeighbourTable].self, forKey: .neighbours))
    let addresses = configuration.externalAddresses
    mappings = Mappings(seed: configuration.seed, owner: configuration.name, addresses: addresses)
    mappings.bindings = try container.decode([UInt64].self, forKey: .bindings)
    filter = try container.decode(PacketFilter.self, forKey: .filter)
    mappings.hosts = try container.decode(HostTable.self, forKey: .hosts)
    mappings.hostPorts = try container.decode(HostPorts.self, forKey: .hostPorts)
    answers = Answers(
      identification: try container.decode(UInt16.self, forKey: .identification),
      held: try container.decode(HeldSYNs.self, forKey: .heldSYNs))
    fragments = try container.decode(FragmentTable.self, forKey: .fragments)
    conntrack.events = try container.decode(EventRing.self, forKey: .events)
    conntrack.now = try container.decode(Instant.self, forKey: .moment)
    guard mappings.bindings.count == addresses.count else { throw corrupted("external addresses") }
    mappings.ports.last = try container.decode(UInt16.self, forKey: .lastPort)
    mappings.ports.held = try container.decode(HoldDown.self, forKey: .held)
    guard mappings.ports.held.isConsistent else { throw corrupted("ports held down") }
    for held in mappings.ports.held.all { mappings.ports.take(held.kind, held.externalAddress, held.externalPort) }
    mappings.ports.random = try container.decode(RandomStream.self, forKey: .random)
    guard links.neighbours.map(\.port.index) == Array(0..<configuration.networks.count + 2) else {
      throw corrupted("a gateway's ports")
    }
    guard configuration.problem == nil else { throw corrupted("a gateway's forwards") }
    // What holds for the topology file holds for what was made from it.
    guard configuration.outside.narrower.isConsistent, configuration.networks.allSatisfy(\.narrower.isConsistent) else {
      throw corrupted("the MTUs of a gateway's neighbours")
    }
    guard links.smallestMTU >= 68, configuration.limits.table >= 0, configuration.outside.prefix.length <= 32 else {
      throw corrupted("a gateway's settings")
    }
    guard answers.held.isConsistent, fragments.isConsistent, conntrack.events.isConsistent,
      fragments.leads(below: links.neighbours.count), mappings.hosts.isConsistent(addresses: addresses.count),
      filter.isConsistent(configuration.settings.rules)
    else { throw corrupted("a gateway's tables") }

    let mappingWords = try container.decode([UInt64].self, forKey: .mappings)
    guard mappingWords.count % Mappings.wordsPerMapping == 0 else { throw corrupted("a mapping cut short") }
    for start in stride(from: 0, to: mappingWords.count, by: Mappings.wordsPerMapping) {
      guard let mapping = Mappings.mapping(mappingWords[start..<start + Mappings.wordsPerMapping]),
        mapping.port.index < links.neighbours.count,
        mappings.find(mapping.kind, external: mapping.externalAddress, mapping.externalPort) == nil
      else { throw corrupted("a mapping") }
      mappings.restore(mapping)
    }

    let words = try container.decode([UInt64].self, forKey: .sessions)
    let sequences = try container.decode([UInt64].self, forKey: .sequences)
    guard words.count == sequences.count * Conntrack.wordsPerSession else { throw corrupted("a session cut short") }
    var restored: [SessionID] = []
    for (index, sequence) in sequences.enumerated() {
      let start = index * Conntrack.wordsPerSession
      guard let entry = Conntrack.session(words[start..<start + Conntrack.wordsPerSession]),
        entry.session.originalPort.index < links.neighbours.count,
        entry.session.replyPort.index < links.neighbours.count,
        conntrack.find(entry.session.original) == nil, conntrack.find(entry.session.reply) == nil, retain(entry)
      else { throw corrupted("a session") }
      let id = conntrack.insert(entry.session, mapping: entry.mapping, sequence: sequence, began: entry.began)
      restored.append(id)
      restoreSource(id)
      if entry.session.flags.contains(.pinhole) { mappings.countPinholes(of: entry.session, opens: true) }
    }
    let windows = try container.decode([UInt64].self, forKey: .windows)
    let stride = 1 + TCPWindow.wordCount
    guard windows.count % stride == 0 else { throw corrupted("a window cut short") }
    for start in Swift.stride(from: 0, to: windows.count, by: stride) {
      guard let place = Int(exactly: windows[start]), place < restored.count,
        conntrack[restored[place]].kind.hasStates, conntrack.window(restored[place]) == nil,
        let window = TCPWindow(windows[start + 1..<start + stride])
      else { throw corrupted("a window") }
      conntrack.addWindow(restored[place], window)
    }
    let closing = try container.decode([UInt32].self, forKey: .closing)
    guard closing.allSatisfy({ $0 < restored.count }), conntrack.restoreClosing(closing.map { restored[Int($0)] }) else {
      throw corrupted("connections that are closing")
    }
    conntrack.restoreCreated(try container.decode(UInt64.self, forKey: .created))
  }

  private mutating func restoreSource(_ id: SessionID) {
    let session = conntrack[id]
    guard configuration.settings.overloads, session.originalPort.isInside,
      mappings.ports.ordinal(session.replyDestination) != nil
    else { return }
    conntrack.sources.add(id, session.original, isChanged: session.replyDestinationPort != session.originalSourcePort)
  }

  /// Counts a session in at the mappings it uses; false where one isn't there, or is named without need.
  private mutating func retain(_ entry: (session: Session, mapping: MappingID?, began: UInt32)) -> Bool {
    let session = entry.session
    if session.flags.contains(.retainsTarget) {
      guard
        let target = mappings.find(
          session.kind, external: session.originalDestination, session.originalDestinationPort)
      else { return false }
      mappings.retain(target)
    }
    guard session.flags.contains(.retainsMapping) else { return entry.mapping == nil }
    guard let mapping = entry.mapping, mapping.index < mappings.capacity else { return false }
    mappings.retain(mapping)
    return true
  }
}
