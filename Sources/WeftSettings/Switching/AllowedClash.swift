/// What is a mistake in most files, and what a lab may be about.
public enum AllowedClash: String, Sendable, Codable, CaseIterable {
  case duplicateMAC = "duplicate-mac"
  case duplicateAddress = "duplicate-address"
}
