/// What of a VM its clone has too.
public enum CloneIdentity: String, Codable, Sendable, CaseIterable {
  /// All: nothing tells the two apart but where they are plugged in.
  case keep
  /// None of what should be one machine's alone: UUID, generation, MAC addresses, host name, instance, leases, random numbers,
  /// connections. Addresses that are settled by hand stay.
  case regenerate
}
