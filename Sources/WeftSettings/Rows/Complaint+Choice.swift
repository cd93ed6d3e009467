extension Complaint {
  /// A word that is none of those that may stand there.
  package static func noChoice(_ text: String, _ words: [String]) -> Complaint {
    let list = words.joined(separator: ", ")
    return Complaint("\"\(text.prefix(60))\" is none of: \(list)", hint: choiceHint(text, words))
  }

  /// What the same is called elsewhere (nmap, iptables, VirtualBox, libvirt).
  private static let otherWords = [
    "closed": "refused", "reject": "refused", "rejected": "refused", "reset": "refused", "rst": "refused",
    "filtered": "dropped", "timeout": "dropped", "timed-out": "dropped", "silent": "dropped", "lost": "dropped",
    "denied": "blocked", "failed": "blocked", "fail": "blocked", "ok": "open", "up": "open", "success": "open",
    "succeeds": "open", "reachable": "open", "allowed": "open", "accepted": "open", "connected": "open",
    "down": "unreachable", "received": "delivered", "bridged": "bridge", "bridging": "bridge", "masquerade": "nat",
    "natted": "nat", "internal": "isolated", "private": "isolated", "none": "isolated", "accept": "allow",
    "forward": "forwarded", "input": "in", "output": "out", "inbound": "in", "outbound": "out", "wan": "outside",
    "lan": "inside", "cone": "full-cone", "rfc4787": "rfc", "default": "rfc", "standard": "rfc", "on": "true",
  ]

  private static func choiceHint(_ text: String, _ words: [String]) -> String? {
    if words.contains("rfc"), text == "true" || text == "false" {
      return "\"mode: nat\" makes the NAT; \"nat\" says how it behaves: nat: linux"
    }
    if words.contains("open"), let status = UInt16(text), (100...599).contains(status) {
      return "a page's status is a key of its own: status: \(text)"
    }
    if words.contains("blocked"), text.hasPrefix("not") || text.hasPrefix("!") {
      return "\"blocked\" says that it doesn't open, in whatever way"
    }
    if let meant = otherWords[text.lowercased()], words.contains(meant) { return "did you mean \"\(meant)\"?" }
    return Suggestion.hint(for: text, in: words)
  }
}
