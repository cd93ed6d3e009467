/// Of which age the TCP of a VM is.
public enum StackProfile: String, Codable, Sendable, CaseIterable {
  /// With scaled windows (RFC 7323).
  case modern
  /// Of before 1992: windows of 65,535 bytes at most, no option in a SYN but the segment size.
  case legacy
}
