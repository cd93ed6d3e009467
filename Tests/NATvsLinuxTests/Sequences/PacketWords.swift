import WeftWire

/// A packet in words: `tcp vm:40000 srv:80 S seq=1000 mss`. Ports that a box chose are known when it is sent.
struct PacketWords: Sendable {
  /// An external port by the flow that has it: `~vm.40000`.
  struct Label: Hashable, Sendable {
    var protocolNumber: UInt8
    var inside: Endpoint
    /// The other end, without a port where there is none.
    var remote: Endpoint
  }

  /// Of the flow's external end.
  typealias Resolve = (Label) -> UInt16

  var kind: String
  private var words: [String]
  private var options: [String: String] = [:]
  private var quoted: [String] = []

  init(_ words: [String]) throws {
    guard let kind = words.first else { throw SequenceError("no packet") }
    self.kind = kind
    self.words = []
    if let start = words.firstIndex(where: { $0.hasPrefix("{") }) {
      quoted = words[start...].map { $0.trimmingCharacters(in: ["{", "}"]) }
    }
    for word in words.dropFirst().prefix(while: { !$0.hasPrefix("{") }) {
      let parts = word.split(separator: "=", maxSplits: 1).map(String.init)
      if parts.count == 2 { options[parts[0]] = parts[1] } else { self.words.append(word) }
    }
    _ = try packet { $0.inside.port }
  }

  var isBroadcast: Bool { words.contains("bcast") }

  func packet(_ resolve: Resolve) throws -> Packet {
    var packet = try make(resolve)
    if let ttl = options["ttl"] { packet = packet.ttl(UInt8(try number(ttl))) }
    if words.contains("bad") { packet = packet.flipped(at: try checksumOffset()) }
    if let range = options["frag"] {
      let ends = try range.split(separator: "-").map { Int(try number(String($0))) }
      packet = packet.fragment(ends[0]..<ends[1], id: UInt16(try number(options["ipid"] ?? "1")))
    }
    return packet
  }

  private func make(_ resolve: Resolve) throws -> Packet {
    switch kind {
    case "tcp":
      let (from, to) = try ends(IPProtocol.tcp.rawValue, resolve)
      var options = TCPOptions()
      if words.contains("mss") { options.maximumSegmentSize = 1460 }
      if let scale = self.options["ws"] { options.windowScale = UInt8(try number(scale)) }
      return .tcp(
        from, to, try flags(words.count > 2 ? words[2] : "-"), sequence: try value("seq", 1000),
        acknowledgment: try value("ack", 0),
        window: UInt16(try value("win", 8192)), options: options, count: Int(try value("len", 0)))
    case "udp":
      let (from, to) = try ends(IPProtocol.udp.rawValue, resolve)
      return .udp(from, to, count: Int(try value("len", 12)))
    case "udplite":
      let (from, to) = try ends(UDPLite.protocolNumber, resolve)
      return UDPLite.packet(from, to, coverage: Int(try value("cov", 20)))
    case "sctp":
      let (from, to) = try ends(SCTP.protocolNumber, resolve)
      let chunks = try words[2].split(separator: "+").map {
        guard let chunk = SCTP.Chunk(rawValue: String($0)) else { throw SequenceError("no chunk \($0)") }
        return chunk
      }
      return SCTP.packet(
        from, to, chunks, tag: try value("tag", 0), initiates: try value("itag", chunks == [.INITACK] ? 0x4321 : 0x1234),
        reflects: words.contains("T"))
    case "ping", "pong":
      let (from, to) = (try address(words[0]), try address(words[1]))
      let id = try identifier(options["id"] ?? "1", remote: kind == "ping" ? to : from, resolve)
      let sequence = UInt16(try value("seq", 1))
      return kind == "ping" ? .ping(from, to, id: id, sequence: sequence) : .pong(from, to, id: id, sequence: sequence)
    case "icmp", "err":
      let type = try words[0].split(separator: "/").map { UInt8(try number(String($0))) }
      let (from, to) = (try address(words[1]), try address(words[2]))
      guard kind == "err" else { return .icmp(type[0], code: type[1], rest: try value("rest", 0), from, to) }
      return .error(type[0], type[1], from: from, to: to, about: try quotedPacket(resolve))
    case "raw":
      let proto = IPProtocol(rawValue: UInt8(try number(words[0])))
      return Packet(proto, try address(words[1]), try address(words[2]), body: [UInt8](repeating: 0, count: 16))
    default: throw SequenceError("no packet \(kind)")
    }
  }

  /// What an ICMP error is about, as its sender saw it.
  private func quotedPacket(_ resolve: Resolve) throws -> Packet {
    guard quoted.first == "ping", quoted.count == 3 else { return try PacketWords(quoted).packet(resolve) }
    // An identifier in the place of a port.
    let from = try Self.end(quoted[1])
    let to = try Self.end(quoted[2]).endpoint.address
    let label = from.inside.map { Label(protocolNumber: IPProtocol.icmp.rawValue, inside: $0, remote: Endpoint(to, 0)) }
    return .ping(from.endpoint.address, to, id: label.map(resolve) ?? from.endpoint.port)
  }

  // MARK: Words

  private func number(_ text: String) throws -> UInt32 {
    guard let number = UInt32(text) else { throw SequenceError("no number: \(text)") }
    return number
  }

  private func value(_ key: String, _ other: UInt32) throws -> UInt32 { try options[key].map(number) ?? other }

  private func address(_ text: String) throws -> IP {
    guard let address = TableNames.address(text) else { throw SequenceError("no address \(text)") }
    return address
  }

  /// `vm:40000`, or `ext:~vm.40000` with the inside end that it stands for.
  private static func end(_ text: String) throws -> (endpoint: Endpoint, inside: Endpoint?) {
    let parts = text.split(separator: ":", omittingEmptySubsequences: false)
    guard parts.count == 2, let address = TableNames.address(parts[0]) else { throw SequenceError("no endpoint \(text)") }
    if let port = UInt16(parts[1].isEmpty ? "0" : parts[1]) { return (Endpoint(address, port), nil) }
    return (Endpoint(address, 0), try inside(parts[1]))
  }

  /// `~vm.40000`
  private static func inside(_ text: Substring) throws -> Endpoint {
    let parts = text.dropFirst().split(separator: ".")
    guard text.first == "~", parts.count == 2, let address = TableNames.address(parts[0]), let port = UInt16(parts[1]) else {
      throw SequenceError("no label \(text)")
    }
    return Endpoint(address, port)
  }

  private func identifier(_ text: String, remote: IP, _ resolve: Resolve) throws -> UInt16 {
    if let id = UInt16(text) { return id }
    return resolve(
      Label(protocolNumber: IPProtocol.icmp.rawValue, inside: try Self.inside(text[...]), remote: Endpoint(remote, 0)))
  }

  private func ends(_ proto: UInt8, _ resolve: Resolve) throws -> (Endpoint, Endpoint) {
    guard words.count >= 2 else { throw SequenceError("from where to where: \(words)") }
    var (from, to) = (try Self.end(words[0]), try Self.end(words[1]))
    if let inside = from.inside {
      from.endpoint.port = resolve(Label(protocolNumber: proto, inside: inside, remote: to.endpoint))
    } else if let inside = to.inside {
      to.endpoint.port = resolve(Label(protocolNumber: proto, inside: inside, remote: from.endpoint))
    }
    return (from.endpoint, to.endpoint)
  }

  private func flags(_ text: String) throws -> TCPFlags {
    let letters: [Character: TCPFlags] = ["S": .syn, "F": .fin, "R": .rst, "P": .psh, "A": .ack, "U": .urg]
    var flags: TCPFlags = []
    for letter in text where letter != "-" {
      guard let flag = letters[letter] else { throw SequenceError("no flags \(text)") }
      flags.insert(flag)
    }
    return flags
  }

  private func checksumOffset() throws -> Int {
    switch kind {
    case "tcp": 16
    case "udp", "udplite": 6
    case "sctp": 8
    case "ping", "pong": 2
    default: throw SequenceError("\(kind) has no checksum to break")
    }
  }
}
