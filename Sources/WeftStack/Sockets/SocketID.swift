/// A TCP connection as its owner names it. Goes stale when the connection ends: then nothing is found under it.
public struct SocketID: Codable, Hashable, Sendable {
  @usableFromInline let index: UInt32
  @usableFromInline let generation: UInt32
}
