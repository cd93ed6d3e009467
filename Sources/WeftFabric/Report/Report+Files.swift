import WeftCapture

// What was dropped, and where what was seen can be read.
extension Report {
  /// Per node and reason, the ports are in the JSON; harmless ones in one line.
  var dropLines: [String] {
    var lines = Self.shortened(
      Self.counted(drops.filter { !$0.harmless }) { "\($0.node): \($0.reason)" }.map { key, count, drop in
        "  \(key) × \(count)  \(drop.explanation)"
      }, to: 20)
    if !lines.isEmpty { lines.append("  (each reason: docs/drop-reasons.md)") }
    let harmless = Self.counted(drops.filter(\.harmless)) { $0.reason }.map { "\($0.0) × \($0.1)" }
    if !harmless.isEmpty {
      lines.append("  harmless: \(harmless.joined(separator: ", ")) (copies and broadcasts for others)")
    }
    return lines
  }

  /// In the order in which the keys first come.
  private static func counted(_ drops: [Drop], by key: (Drop) -> String) -> [(String, UInt64, Drop)] {
    var order: [(String, UInt64, Drop)] = []
    var places: [String: Int] = [:]
    for drop in drops {
      let key = key(drop)
      if let place = places[key] {
        order[place].1 += drop.count
      } else {
        places[key] = order.count
        order.append((key, drop.count, drop))
      }
    }
    return order
  }

  var captureLines: [String] {
    guard !captures.isEmpty || silentPorts > 0 else { return [] }
    let frames = captures.reduce(0) { $0 + $1.frames }
    var head = "  \(captures.count) files, \(frames) frames"
    if silentPorts > 0 {
      head += "; \(silentPorts) \(silentPorts == 1 ? "port" : "ports") saw nothing and have no file"
    }
    var lines = [head]
    if let cutOff = captureCutOff { lines.append("  " + cutOff.notice) }
    let width = min(captures.map(\.path.count).max() ?? 0, 60)
    let place = min(captures.map(\.description.count).max() ?? 0, 60)
    lines += Self.shortened(
      captures.map { "  \(Self.padded($0.path.visible, width))  \(Self.padded($0.description, place))  \($0.frames) frames" },
      to: 40)
    return lines
  }

  private static func padded(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  /// Why this report isn't of a whole run; nil of one that is.
  public var ending: String? {
    if let interruption { return "interrupted (\(interruption)) at \(endedAt) of virtual time; \(extent)" }
    if let stall { return "\(stall); \(extent)" }
    if let captureFailure { return "\(captureFailure); ended at \(endedAt) of virtual time; \(extent)" }
    return nil
  }

  private var extent: String {
    captures.isEmpty ? "the report goes up to there" : "captures and report go up to there"
  }
}

extension CaptureCutOff {
  /// For people.
  public var notice: String {
    "captures reached their limit of \(Self.size(limit)) at \(from): \(missedFrames) frames after that were counted, not "
      + "kept (--capture-limit, or capture: {limit: …})"
  }

  private static func size(_ bytes: UInt64) -> String {
    for (unit, scale) in [("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1000)] as [(String, UInt64)]
    where bytes >= scale && bytes % scale == 0 {
      return "\(bytes / scale) \(unit)"
    }
    return "\(bytes) B"
  }
}
