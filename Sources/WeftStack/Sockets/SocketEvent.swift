/// Something that happened to a socket that is none of its machine's programs', kept for whoever it belongs to.
public enum SocketEvent: Codable, Sendable {
  case socket(tag: UInt64, SocketID, SocketEvents)
  case datagram(tag: UInt64, DatagramInfo, [UInt8])
  case echoReply(tag: UInt64, EchoReply)
  case notice(SocketNotice)
}
