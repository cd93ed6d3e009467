import WeftCore

extension Explanation {
  /// For people: a line a step, indented below its node; `file` is named with the line of the verdict.
  public func text(file: String, paint: (String, Report.Colour) -> String = { text, _ in text }) -> String {
    var lines = [paint("\(from) → \(to)", .bold) + "  at \(at)"]
    var node = ""
    var packet = ""
    for step in steps {
      if step.node != node {
        lines.append("  \(paint(step.node, .bold)) (\(step.element))")
        node = step.node
      }
      let what = step.packet.isEmpty || step.packet == packet ? "" : ": \(step.packet)"
      if !step.packet.isEmpty { packet = step.packet }
      let mark =
        step.event == .dropped
        ? paint("✗ dropped", .red) : step.event == .delivered ? paint("✓ delivered", .green) : step.event.rawValue
      switch step.event {
      case .dropped, .delivered:
        lines.append("    \(step.at)  \(mark) at \(step.port): \(step.details.joined(separator: "; "))")
      case .sent, .arrived:
        lines.append("    \(step.at)  \(mark) \(step.event == .sent ? "from" : "at") \(step.port)\(what)")
        lines += step.details.map { paint("      \($0)", .dim) }
      }
    }
    lines.append((isOpen ? paint("✓", .green) : paint("✗", .red)) + " \(outcome)")
    if let line { lines.append("  \(file):\(line)") }
    if let hint { lines.append("  \(hint)") }
    return lines.joined(separator: "\n") + "\n"
  }
}
