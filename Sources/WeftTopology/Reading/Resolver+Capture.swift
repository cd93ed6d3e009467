import WeftCore
import WeftSettings

extension Resolver {
  func readCapture(_ value: Written) {
    guard !value.isNull else { return }
    guard let capture = CaptureSettings.form.read(value, self) else { return }
    topology.capture = capture
    let object = Object(value, CaptureSettings.keys)
    if let filter = capture.filter, let place = value.text != nil ? value : object.place(\.filter) {
      if let problem = filterChecker?(filter) {
        if ["false", "no", "off", "none", "true", "yes", "on", "all"].contains(filter) {
          return report(
            "\"\(filter)\" is not a capture filter", at: place,
            hint: "everything is captured where nothing is said; the option --no-captures writes nothing")
        }
        let node = String(filter.prefix { !"/ ".contains($0) })
        report(
          "not a capture filter: \(problem)", at: place,
          hint: names[node] != nil && !filter.contains(" ")
            ? "ports are chosen by their names: capture: {ports: [\"\(node)/*\"]}" : nil)
      }
    }
    let patterns = object.place(\.ports)?.items ?? []
    for pattern in patterns where pattern.text?.isEmpty ?? false { report("an empty pattern matches nothing", at: pattern) }
    if errorCount == 0, let names = portNames?(topology) { checkPatterns(patterns, names) }
  }

  /// A pattern that matches nothing captures nothing, and a run without captures looks like any other.
  private func checkPatterns(_ patterns: [Written], _ ports: [String]) {
    for pattern in patterns {
      guard let text = pattern.text else { continue }
      let match = PortPattern(text)
      if ports.contains(where: match.matches) { continue }
      report("\"\(text.prefix(60))\" matches no port", at: pattern, hint: Self.patternHint(text, ports))
    }
  }

  private static func patternHint(_ text: String, _ ports: [String]) -> String {
    func node(_ port: String) -> String { String(port.prefix { $0 != "/" }) }
    var nodes: [String] = []
    for port in ports where nodes.last != node(port) { nodes.append(node(port)) }
    let parts = text.split(maxSplits: 1, omittingEmptySubsequences: false) { "/.:".contains($0) }.map(String.init)
    let rest = parts.count == 2 && !parts[1].isEmpty ? parts[1] : "*"
    let owner = nodes.contains(parts[0]) ? parts[0] : Suggestion.nearest(to: parts[0], in: nodes)
    if let owner {
      let meant = "\(owner)/\(rest)"
      if ports.contains(where: PortPattern(meant).matches) { return "did you mean \"\(meant)\"?" }
      let own = ports.filter { node($0) == owner }
      let near = Suggestion.nearest(to: meant, in: own)
      return near.map { "did you mean \"\($0)\"?" } ?? "its ports are \(own.prefix(8).joined(separator: ", "))"
    }
    return "a port is NODE/PORT, * any text; the ports are \(ports.prefix(12).joined(separator: ", "))"
      + (ports.count > 12 ? ", …" : "")
  }
}
