import WeftWire

/// What a box has been seen to choose by itself.
struct Chosen: Sendable {
  /// The external ports (or echo identifiers) of what left, in order.
  var ports: [UInt16] = []

  /// Of the last that left; zero where nothing has.
  var port: UInt16 { ports.last ?? 0 }
  /// Where to answer the last that left.
  var endpoint: Endpoint { Endpoint(Lab.external, port) }
  func endpoint(_ index: Int) -> Endpoint { Endpoint(Lab.external, index < ports.count ? ports[index] : 0) }
}

/// One thing that happens to a box.
enum Step: Sendable {
  /// A packet comes in from a side; it may depend on what the box chose before.
  case packet(Side, @Sendable (Chosen) -> Packet)
  /// The same, to this link address.
  case broadcast(Side, MACAddress, Packet)
  case pause(milliseconds: Int)

  /// From inside.
  static func out(_ packet: Packet) -> Step { .packet(.inside) { _ in packet } }
  /// From outside.
  static func back(_ packet: Packet) -> Step { .packet(.outside) { _ in packet } }
  static func back(_ packet: @escaping @Sendable (Chosen) -> Packet) -> Step { .packet(.outside, packet) }

  func frame(_ chosen: Chosen) -> (bytes: [UInt8], side: Side)? {
    switch self {
    case .pause: return nil
    case .packet(let side, let make): return (Self.ethernet(make(chosen), from: side, to: side.mac), side)
    case .broadcast(let side, let mac, let packet): return (Self.ethernet(packet, from: side, to: mac), side)
    }
  }

  static func ethernet(_ packet: Packet, from side: Side, to mac: MACAddress) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: 14) + packet.bytes
    var mutable = bytes.mutableSpan
    var span = mutable.mutableBytes
    EthernetHeader(destination: mac, source: side.peer, type: .ipv4).write(to: &span)
    return bytes
  }
}

/// A named conversation that both boxes are given.
struct Stimulus: Sendable {
  /// What a conversation needs to be judged fairly.
  struct Traits: OptionSet, Sendable {
    let rawValue: Int
    /// The ports that a box gives where the wanted one is taken are its own affair.
    static let choosesPorts = Traits(rawValue: 1)
    /// What comes out is compared after the last step, in no order: netfilter holds fragments until all are there, and
    /// we don't.
    static let isComparedAtEnd = Traits(rawValue: 2)
    /// Timeouts are those of `Lab.shortTimeouts`.
    static let hasShortTimeouts = Traits(rawValue: 4)
  }

  var name: String
  var steps: [Step]
  var traits: Traits
  var outsideMTU: Int

  init(_ name: String, outsideMTU: Int = 1500, _ steps: [Step]) {
    self.init(name, Traits(), outsideMTU: outsideMTU, steps)
  }

  init(_ name: String, _ traits: Traits, outsideMTU: Int = 1500, _ steps: [Step]) {
    self.name = name
    self.steps = steps
    self.traits = traits
    self.outsideMTU = outsideMTU
  }

  static let all: [Stimulus] =
    udp + tcpWalks + tcpOdd + icmpQueries + icmpErrors + fragments + forwarding + forwards + box + martians + timeouts
}
