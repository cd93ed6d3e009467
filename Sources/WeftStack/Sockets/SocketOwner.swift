/// Who is told about a socket: a program by its place among those of its kind, or a probe by its trace.
struct SocketOwner: Codable, Equatable {
  enum Kind: UInt8, Codable {
    /// Nobody any more: the stack sees it to its end.
    case none
    case timeWait
    case httpServer
    case httpGet
    case ping
    case tcpEcho
    case udpEcho
    case sink
    case bulk
    case udpRate
    case stunServer
    case natProbe
    case rendezvous
    case synFlood
    case probe
  }

  var kind: Kind
  var index: UInt32

  /// Another one for every other owner.
  var number: UInt64 { UInt64(kind.rawValue) << 32 | UInt64(index) }

  var isProgram: Bool { kind != .none && kind != .timeWait && kind != .probe }

  @inline(__always)
  init(_ kind: Kind, _ index: UInt32) {
    self.kind = kind
    self.index = index
  }
}

/// A TCP connection as its owner names it. Goes stale when the connection ends: then nothing is found under it.
struct SocketID: Codable, Equatable {
  var index: UInt32
  var generation: UInt32
}
