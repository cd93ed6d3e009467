import WeftCore
import WeftIP
import WeftWire

// A checkpoint of the tables holds what is alive, in an order that owes nothing to where it lay: mappings by external
// endpoint, sessions by creation. The indices and the wheel are made anew; nothing visible depends on them.

extension SessionTable {
  static let wordsPerSession = 9

  /// Nine integers a session; `mappingOrder` gives a mapping's ordinal in its own checkpoint.
  func words(_ mappingOrder: [UInt32]) -> [UInt64] {
    var words: [UInt64] = []
    words.reserveCapacity(count * Self.wordsPerSession)
    func ordinal(_ mapping: UInt32) -> UInt64 {
      mapping == Self.none ? UInt64(mapping) : UInt64(mappingOrder[Int(mapping)])
    }
    for number in inOrder {
      let s = entries[number]
      words.append(UInt64(s.originalSource.rawValue) << 32 | UInt64(s.originalDestination.rawValue))
      words.append(UInt64(s.replySource.rawValue) << 32 | UInt64(s.replyDestination.rawValue))
      words.append(
        UInt64(s.originalSourcePort) << 48 | UInt64(s.originalDestinationPort) << 32 | UInt64(s.replySourcePort) << 16
          | UInt64(s.replyDestinationPort))
      words.append(
        UInt64(s.originalPort) << 48 | UInt64(s.replyPort) << 32 | UInt64(s.kind) << 16 | UInt64(s.state.rawValue) << 8
          | UInt64(s.flags.rawValue))
      words.append(s.deadline)
      words.append(UInt64(s.originalPackets) << 32 | UInt64(s.replyPackets))
      words.append(s.originalBytes)
      words.append(s.replyBytes)
      words.append(ordinal(links[number].mapping))
    }
    return words
  }

  /// Nil where the words make no session.
  static func session(_ w: ArraySlice<UInt64>) -> (session: Session, mapping: UInt32)? {
    let a = w.startIndex
    func address(_ word: UInt64) -> IPv4Address { IPv4Address(rawValue: UInt32(truncatingIfNeeded: word)) }
    func port(_ word: UInt64) -> UInt16 { UInt16(truncatingIfNeeded: word) }
    let kind = UInt8(truncatingIfNeeded: w[a + 3] >> 16)
    guard let state = TCPState(rawValue: UInt8(truncatingIfNeeded: w[a + 3] >> 8)) else { return nil }
    let original = Tuple(
      source: address(w[a] >> 32), destination: address(w[a]), sourcePort: port(w[a + 2] >> 48),
      destinationPort: port(w[a + 2] >> 32), port: port(w[a + 3] >> 48), kind: kind)
    let reply = Tuple(
      source: address(w[a + 1] >> 32), destination: address(w[a + 1]), sourcePort: port(w[a + 2] >> 16),
      destinationPort: port(w[a + 2]), port: port(w[a + 3] >> 32), kind: Tuple.answer(kind))
    var session = Session(
      original: original, reply: reply, deadline: Instant(w[a + 4]), state: state,
      flags: Session.Flags(rawValue: UInt8(truncatingIfNeeded: w[a + 3])))
    session.originalPackets = UInt32(truncatingIfNeeded: w[a + 5] >> 32)
    session.replyPackets = UInt32(truncatingIfNeeded: w[a + 5])
    session.originalBytes = w[a + 6]
    session.replyBytes = w[a + 7]
    return (session, UInt32(truncatingIfNeeded: w[a + 8]))
  }
}

extension MappingTable {
  static let wordsPerMapping = 4

  func words(_ order: [Int]) -> [UInt64] {
    var words: [UInt64] = []
    words.reserveCapacity(order.count * Self.wordsPerMapping)
    for number in order {
      let m = entries[number]
      words.append(UInt64(m.insideAddress.rawValue) << 32 | UInt64(m.externalAddress.rawValue))
      words.append(UInt64(m.remoteAddress.rawValue) << 32)
      words.append(
        UInt64(m.insidePort) << 48 | UInt64(m.externalPort) << 32 | UInt64(m.remotePort) << 16 | UInt64(m.port))
      words.append(UInt64(m.kind) << 16 | UInt64(m.owner.rawValue) << 8 | UInt64(m.outbound))
    }
    return words
  }

  static func mapping(_ w: ArraySlice<UInt64>) -> Mapping? {
    let a = w.startIndex
    guard let owner = Mapping.Owner(rawValue: UInt8(truncatingIfNeeded: w[a + 3] >> 8)) else { return nil }
    var mapping = Mapping(
      insideAddress: IPv4Address(rawValue: UInt32(w[a] >> 32)),
      externalAddress: IPv4Address(rawValue: UInt32(truncatingIfNeeded: w[a])),
      remoteAddress: IPv4Address(rawValue: UInt32(w[a + 1] >> 32)), holders: 0,
      insidePort: UInt16(truncatingIfNeeded: w[a + 2] >> 48), externalPort: UInt16(truncatingIfNeeded: w[a + 2] >> 32),
      remotePort: UInt16(truncatingIfNeeded: w[a + 2] >> 16), port: UInt16(truncatingIfNeeded: w[a + 2]),
      kind: UInt8(truncatingIfNeeded: w[a + 3] >> 16), owner: owner)
    mapping.outbound = UInt8(truncatingIfNeeded: w[a + 3])
    return mapping
  }
}

extension NATGateway {
  private enum CodingKeys: CodingKey {
    case configuration, counters, neighbours, identification, random, mappings, sessions, sequences, created, windows,
      held
    case lastPort, hosts, pairs, filter, heldSYNs, fragments, events, moment
  }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(configuration, forKey: .configuration)
    try container.encode(counters, forKey: .counters)
    try container.encode(neighbours, forKey: .neighbours)
    try container.encode(identification, forKey: .identification)
    try container.encode(mappings.random, forKey: .random)
    let order = mappings.inOrder
    try container.encode(mappings.words(order), forKey: .mappings)
    var ordinals = [UInt32](repeating: SessionTable.none, count: mappings.entries.count)
    for (ordinal, number) in order.enumerated() { ordinals[number] = UInt32(ordinal) }
    try container.encode(sessions.words(ordinals), forKey: .sessions)
    try container.encode(sessions.inOrder.map { sessions.links[$0].sequence }, forKey: .sequences)
    try container.encode(sessions.created, forKey: .created)
    var windows: [UInt64] = []
    for (place, number) in sessions.inOrder.enumerated() where sessions.links[number].window != SessionTable.none {
      windows.append(UInt64(place))
      windows += sessions.windows[Int(sessions.links[number].window)].words
    }
    try container.encode(windows, forKey: .windows)
    try container.encode(mappings.held, forKey: .held)
    try container.encode(mappings.last, forKey: .lastPort)
    try container.encode(hosts, forKey: .hosts)
    try container.encode(pairs, forKey: .pairs)
    try container.encode(filter, forKey: .filter)
    try container.encode(heldSYNs, forKey: .heldSYNs)
    try container.encode(fragments, forKey: .fragments)
    try container.encode(events, forKey: .events)
    try container.encode(moment, forKey: .moment)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func corrupted(_ what: String) -> DecodingError {
      DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: what))
    }
    configuration = try container.decode(NATConfiguration.self, forKey: .configuration)
    smallestMTU = Self.smallestMTU(configuration)
    counters = try container.decode(Counters.self, forKey: .counters)
    neighbours = try container.decode([NeighbourTable].self, forKey: .neighbours)
    identification = try container.decode(UInt16.self, forKey: .identification)
    let addresses = configuration.externalAddresses
    mappings = MappingTable(seed: configuration.seed, owner: configuration.name, addresses: addresses)
    pairs = try container.decode([UInt64].self, forKey: .pairs)
    filter = try container.decode(PacketFilter.self, forKey: .filter)
    hosts = try container.decode(HostTable.self, forKey: .hosts)
    heldSYNs = try container.decode(HeldSYNs.self, forKey: .heldSYNs)
    fragments = try container.decode(FragmentTable.self, forKey: .fragments)
    events = try container.decode(EventRing.self, forKey: .events)
    moment = try container.decode(Instant.self, forKey: .moment)
    guard pairs.count == addresses.count else { throw corrupted("external addresses") }
    mappings.last = try container.decode(UInt16.self, forKey: .lastPort)
    mappings.held = try container.decode(HoldDown.self, forKey: .held)
    guard mappings.held.isConsistent else { throw corrupted("ports held down") }
    for held in mappings.held.all {
      if let address = mappings.ordinal(held.externalAddress) {
        mappings.taken.take(held.kind, address, held.externalPort)
      }
    }
    mappings.random = try container.decode(RandomStream.self, forKey: .random)
    guard neighbours.map(\.port.index) == Array(0..<configuration.insides.count + 2) else {
      throw corrupted("a gateway's ports")
    }
    guard configuration.problem == nil else { throw corrupted("a gateway's forwards") }
    // What holds for the topology file holds for what was made from it.
    guard configuration.outside.narrower.isConsistent, configuration.insides.allSatisfy(\.narrower.isConsistent) else {
      throw corrupted("the MTUs of a gateway's neighbours")
    }
    guard smallestMTU >= 68, configuration.limits.table >= 0, configuration.outside.prefix.length <= 32 else {
      throw corrupted("a gateway's settings")
    }
    guard heldSYNs.isConsistent, fragments.isConsistent, events.isConsistent,
      fragments.leads(below: neighbours.count), hosts.isConsistent(addresses: addresses.count),
      filter.isConsistent(configuration.settings.rules)
    else { throw corrupted("a gateway's tables") }

    let mappingWords = try container.decode([UInt64].self, forKey: .mappings)
    guard mappingWords.count % MappingTable.wordsPerMapping == 0 else { throw corrupted("a mapping cut short") }
    for start in stride(from: 0, to: mappingWords.count, by: MappingTable.wordsPerMapping) {
      guard let mapping = MappingTable.mapping(mappingWords[start..<start + MappingTable.wordsPerMapping]),
        Int(mapping.port) < neighbours.count,
        mappings.find(mapping.kind, external: mapping.externalAddress, mapping.externalPort) < 0
      else { throw corrupted("a mapping") }
      _ = mappings.restore(mapping)
    }

    let words = try container.decode([UInt64].self, forKey: .sessions)
    let sequences = try container.decode([UInt64].self, forKey: .sequences)
    guard words.count == sequences.count * SessionTable.wordsPerSession else { throw corrupted("a session cut short") }
    var numbers: [Int] = []
    for (index, sequence) in sequences.enumerated() {
      let start = index * SessionTable.wordsPerSession
      guard let entry = SessionTable.session(words[start..<start + SessionTable.wordsPerSession]),
        Int(entry.session.originalPort) < neighbours.count, Int(entry.session.replyPort) < neighbours.count,
        sessions.find(entry.session.original) < 0, sessions.find(entry.session.reply) < 0,
        hold(entry)
      else { throw corrupted("a session") }
      let number = sessions.insert(entry.session, mapping: entry.mapping, sequence: sequence)
      numbers.append(number)
      if entry.session.flags.contains(.contact) { countContact(sessions.entries[number], up: true) }
    }
    let windows = try container.decode([UInt64].self, forKey: .windows)
    let stride = 1 + TCPWindow.wordCount
    guard windows.count % stride == 0 else { throw corrupted("a window cut short") }
    for start in Swift.stride(from: 0, to: windows.count, by: stride) {
      guard let place = Int(exactly: windows[start]), place < numbers.count,
        sessions.links[numbers[place]].window == SessionTable.none,
        let window = TCPWindow(windows[start + 1..<start + stride])
      else { throw corrupted("a window") }
      sessions.addWindow(numbers[place], window)
    }
    sessions.restoreCreated(try container.decode(UInt64.self, forKey: .created))
  }

  /// Counts a session in at the mappings it holds; false where one isn't there, or is named without need.
  private mutating func hold(_ entry: (session: Session, mapping: UInt32)) -> Bool {
    let session = entry.session
    if session.flags.contains(.holdsTarget) {
      let target = mappings.find(session.kind, external: session.originalDestination, session.originalDestinationPort)
      guard target >= 0 else { return false }
      mappings.hold(target)
    }
    guard session.flags.contains(.holdsMapping) else { return entry.mapping == SessionTable.none }
    guard entry.mapping != SessionTable.none, Int(entry.mapping) < mappings.entries.count else { return false }
    mappings.hold(Int(entry.mapping))
    return true
  }
}
