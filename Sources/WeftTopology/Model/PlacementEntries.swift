import WeftSettings

/// Under `drain`.
struct Drain: Sendable {
  var host = ""
  var policy = PlacementPolicy.firstFit

  static let keys: KeyTable<Drain> = KeyTable(
    "drain", "Moves all VMs off a host while they run. Short form: the host alone", from: Drain(),
    [
      Field("host", \.host, .host, "Which host.", required: true, example: "server1"),
      Field("policy", \.policy, .choice, Consolidation.policyDoc, example: "best-fit"),
    ])
}

/// Under `consolidate`.
struct Consolidation: Sendable {
  var policy = PlacementPolicy.firstFit
  var off = false

  static let policyDoc =
    "Which of the hosts with room gets a VM: the first of the file, that with the least room left or with the most (best-fit, "
    + "worst-fit), or that with the fewest VMs (spread)."

  static let keys: KeyTable<Consolidation> = KeyTable(
    "consolidate", "Moves VMs onto as few hosts as they fit on", from: Consolidation(),
    [
      Field("policy", \.policy, .choice, policyDoc, example: "best-fit"),
      Field("off", \.off, .boolean, "Whether hosts without VMs are switched off then.", example: "true"),
    ])
}
