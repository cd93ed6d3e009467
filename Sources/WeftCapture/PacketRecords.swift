/// What the pcapng files of one run say of its packets, all files together.
public struct PacketRecords: Sendable {
  /// A frame as one port saw it.
  public struct Record: Sendable, Hashable {
    /// The capture, and the frame's number in it as Wireshark counts.
    public var file: String
    public var frame: UInt64 { packet.frameNumber }
    /// `home/wan`
    public var port: String
    /// Where the port's cable leads: `campus/1`; nil where it isn't told.
    public var peer: String?
    public var packet: PcapngBlock.Packet

    /// The element that has the port: `home`.
    public var node: String { String(port.split(separator: "/", maxSplits: 1)[0]) }
    public var id: UInt64? { packet.packetID }
    public var isInbound: Bool? { packet.isInbound }
    /// What the fabric did with it here.
    public var comments: [FabricComment] { packet.comments.compactMap { FabricComment($0) } }
    /// Why it went no further, if that was here.
    public var drop: FabricComment? { comments.first { if case .dropped = $0 { true } else { false } } }
  }

  /// By time; at one moment in the order in which they were added.
  public private(set) var all: [Record] = []

  public init() {}

  /// Takes in a capture's bytes: `[UInt8]`, `Data`, whatever holds bytes.
  public mutating func add(_ bytes: some Sequence<UInt8>, file: String) throws(PcapngError) {
    var reader = PcapngReader(bytes)
    while let block = try reader.next() {
      guard case .packet(let packet) = block else { continue }
      let interface = reader.interfaces[Int(packet.interface)]
      var peer: String?
      if let text = interface.description, text.hasPrefix("to ") { peer = String(text.dropFirst(3)) }
      all.append(Record(file: file, port: interface.name ?? "", peer: peer, packet: packet))
    }
    let order = all.indices.sorted {
      (all[$0].packet.timestampNanos, $0) < (all[$1].packet.timestampNanos, $1)
    }
    all = order.map { all[$0] }
  }

  /// One packet's way: its records in the order in which they happened, also where several happened at one moment.
  public func following(_ id: UInt64) -> [Record] {
    var left = all.filter { $0.id == id }
    var way: [Record] = []
    while !left.isEmpty {
      let now = left[0].packet.timestampNanos
      let moment = left.prefix { $0.packet.timestampNanos == now }
      // Of one moment comes first what nothing else of it leads to: a cable brings in what was sent, an element sends what
      // came in.
      let next = moment.indices.first { index in
        !moment.contains { other in
          moment[index].isInbound == true
            ? other.isInbound == false && other.peer == moment[index].port
            : other.isInbound == true && other.node == moment[index].node
        }
      }
      way.append(left.remove(at: next ?? 0))
    }
    return way
  }

  /// The records of packets that were dropped.
  public var dropped: [Record] { all.filter { $0.drop != nil } }
}
