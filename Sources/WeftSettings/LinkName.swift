/// `laptop.uplink`, `web.eth0`; a bare VM name means its eth0, a bare host name its uplink.
public struct LinkName: Sendable, Codable, Hashable {
  public var node: String
  /// `uplink`, or `eth0`, `eth1`, … of a VM.
  public var port: String

  public init(node: String, port: String) {
    self.node = node
    self.port = port
  }
}
