import WeftCore
import WeftWire

/// What the gateway knows of those who begin flows: inside hosts one by one, all of the outside as one. An entry is
/// there as long as it has a session or a mapping.
struct HostTable: Codable {
  struct Host: Codable {
    var sessions: UInt32 = 0
    /// Of the sessions, those that are not assured.
    var unassured: UInt32 = 0
    var mappings: UInt32 = 0
    /// Ordinal of its external address, where it is paired with one.
    var address: UInt16?
    /// Of ports, at its external address.
    var block: UInt16?
  }

  private var hosts = FlatMap<UInt64, Host>()
  /// Blocks in use, by external address × 65536 + block.
  private var blocks = FlatMap<UInt32, UInt64>()
  /// The external address that the next host or mapping gets.
  private var turn = 0

  /// Of a decoded one: places among `addresses` external ones.
  func isConsistent(addresses: Int) -> Bool {
    (0...addresses).contains(turn)
      && hosts.unordered.allSatisfy {
        Int($0.value.address ?? 0) < addresses && $0.value.sessions < 1 << 31 && $0.value.unassured < 1 << 31
          && $0.value.mappings < 1 << 31
      }
  }

  static func key(_ port: GatewayPort, _ address: IPv4Address) -> UInt64 {
    switch port.side {
    case .outside: 0
    case .host: 1 << 32
    case .inside: UInt64(port.number) << 32 | UInt64(address.rawValue)
    }
  }

  /// Where the host of a key is.
  static func port(_ key: UInt64) -> GatewayPort { GatewayPort(number: UInt16(truncatingIfNeeded: key >> 32)) }

  subscript(key: UInt64) -> Host { hosts[key] ?? Host() }

  mutating func began(_ key: UInt64) {
    var host = self[key]
    host.sessions += 1
    host.unassured += 1
    hosts[key] = host
  }

  mutating func becameAssured(_ key: UInt64) {
    hosts.update(key) { $0.unassured = $0.unassured > 0 ? $0.unassured - 1 : 0 }
  }

  mutating func ended(_ key: UInt64, wasAssured: Bool) {
    change(key) { host in
      host.sessions = host.sessions > 0 ? host.sessions - 1 : 0
      if !wasAssured { host.unassured = host.unassured > 0 ? host.unassured - 1 : 0 }
    }
  }

  mutating func mapped(_ key: UInt64) {
    var host = self[key]
    host.mappings += 1
    hosts[key] = host
  }

  mutating func unmapped(_ key: UInt64) {
    change(key) { $0.mappings = $0.mappings > 0 ? $0.mappings - 1 : 0 }
  }

  private mutating func change(_ key: UInt64, _ body: (inout Host) -> Void) {
    guard var host = hosts[key] else { return }
    body(&host)
    if host.sessions == 0, host.mappings == 0 {
      if let address = host.address, let block = host.block { blocks[UInt32(address) << 16 | UInt32(block)] = nil }
      hosts[key] = nil
    } else {
      hosts[key] = host
    }
  }

  /// Which of `count` external addresses a new mapping of the host would go to.
  func externalAddress(_ key: UInt64, of count: Int, paired: Bool) -> Int {
    if count == 1 { return 0 }
    if paired, let address = self[key].address, address < count { return Int(address) }
    return turn % count
  }

  /// Gives the host that address.
  mutating func take(_ address: Int, _ key: UInt64, of count: Int, paired: Bool) {
    if count == 1 || paired && self[key].address.map({ $0 < count }) ?? false { return }
    turn = address + 1
    if paired {
      var host = self[key]
      host.address = UInt16(address)
      hosts[key] = host
    }
  }

  /// The host's block at an address, or the first of `count` that is free; nil where none is.
  func block(_ key: UInt64, at address: Int, of count: Int) -> Int? {
    if let block = self[key].block { return Int(block) }
    return (0..<count).first { blocks[UInt32(address) << 16 | UInt32($0)] == nil }
  }

  /// Gives the host that block.
  mutating func take(block: Int, _ key: UInt64, at address: Int) {
    var host = self[key]
    if host.block != nil { return }
    host.address = UInt16(address)
    host.block = UInt16(block)
    blocks[UInt32(address) << 16 | UInt32(block)] = key
    hosts[key] = host
  }
}
