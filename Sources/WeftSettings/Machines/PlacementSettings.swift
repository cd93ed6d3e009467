/// Which of the hosts with room for a VM gets it.
public enum PlacementPolicy: String, Codable, CaseIterable, Sendable {
  /// The first in the order of the file.
  case firstFit = "first-fit"
  /// The one that it leaves the least room on.
  case bestFit = "best-fit"
  /// The one that it leaves the most room on.
  case worstFit = "worst-fit"
  /// The one with the fewest VMs.
  case spread
}

/// What a host does whose VMs have more memory than it.
public enum Overcommit: String, Codable, CaseIterable, Sendable {
  case refuse
  /// It takes pages that they don't use.
  case balloon
}

/// What becomes of a VM whose host fails.
public enum HostFailurePolicy: String, Codable, CaseIterable, Sendable {
  case stop
  /// It is started on another host, once the failure is noticed.
  case restart
}
