import WeftCore
import WeftNAT
import WeftTopology

/// The lines of the file that what an element looked up stands on.
struct LookupLines {
  let topology: Topology
  /// The first of a gateway's networks: the rules are the same in all.
  let network: Network?

  /// `lookups` in words, and the line of the rule or forward that decided.
  func text(_ lookups: [Lookup]) -> (details: [String], line: Int?) {
    var line: Int?
    let details = lookups.map { lookup in
      guard let subject = lookup.subject, let found = self.line(of: subject) else { return lookup.text }
      line = found
      return "\(lookup.text), line \(found)"
    }
    return (details, line)
  }

  private func line(of subject: any Sendable) -> Int? {
    if let rule = subject as? FilterRuleNumber {
      let rules = network?.nat.rules ?? []
      return rules.indices.contains(rule.index) ? rules[rule.index].mark.line : nil
    }
    if let forward = subject as? PortForward {
      return network.flatMap { topology.forward(forward, besides: $0.name) }?.forward.mark.line
    }
    return nil
  }
}
