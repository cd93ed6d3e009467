import WeftCore
import WeftPrograms
import WeftSettings

// A probe is coded beside the name of its kind.

extension ProbeRun: Codable {
  private enum CodingKeys: CodingKey {
    case settings, name, target, isPartner, machine, expiry, heldUntil, lag, ownProgress, waitingUntil, probe, result
  }

  func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(CodedProbe(settings), forKey: .settings)
    try container.encode(name, forKey: .name)
    try container.encodeIfPresent(target, forKey: .target)
    try container.encode(isPartner, forKey: .isPartner)
    try container.encode(machine, forKey: .machine)
    try container.encode(expiry, forKey: .expiry)
    try container.encode(heldUntil, forKey: .heldUntil)
    try container.encode(lag, forKey: .lag)
    try container.encodeIfPresent(ownProgress, forKey: .ownProgress)
    try container.encode(result, forKey: .result)
    switch state {
    case .waiting(let at): try container.encode(at, forKey: .waitingUntil)
    case .running(let probe): try container.encode(probe, forKey: .probe)
    // It is taken out before anybody looks.
    case .finished: break
    }
  }

  init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    func probe<S: RunnableProbe>(_ settings: S) throws -> (any Probe)? {
      try container.decodeIfPresent(S.Machine.self, forKey: .probe)
    }
    let kind = try container.decode(CodedProbe.self, forKey: .settings).settings
    guard let kind = kind as? any RunnableProbe else {
      throw DecodingError.dataCorruptedError(forKey: .settings, in: container, debugDescription: "nothing runs it")
    }
    settings = kind
    name = try container.decode(String.self, forKey: .name)
    target = try container.decodeIfPresent(Target.self, forKey: .target)
    isPartner = try container.decode(Bool.self, forKey: .isPartner)
    machine = try container.decode(Int.self, forKey: .machine)
    expiry = try container.decode(Instant.self, forKey: .expiry)
    heldUntil = try container.decode(Instant.self, forKey: .heldUntil)
    lag = try container.decode(Nanoseconds.self, forKey: .lag)
    ownProgress = try container.decodeIfPresent(Instant.self, forKey: .ownProgress)
    result = try container.decode(ProbeResult.self, forKey: .result)
    if let at = try container.decodeIfPresent(Instant.self, forKey: .waitingUntil) {
      state = .waiting(at: at)
    } else if let probe = try probe(settings) {
      state = .running(probe)
    } else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "a probe that is over"))
    }
  }
}

extension ProbeTable: Codable {
  private struct Ended: Codable {
    var machine: Int
    var result: ProbeResult
  }

  private enum CodingKeys: CodingKey { case runs, results }

  public func encode(to encoder: any Encoder) throws {
    var container = encoder.container(keyedBy: CodingKeys.self)
    try container.encode(runs, forKey: .runs)
    try container.encode(results.map { Ended(machine: $0.machine, result: $0.result) }, forKey: .results)
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    self.init(
      runs: try container.decode([ProbeRun].self, forKey: .runs),
      results: try container.decode([Ended].self, forKey: .results).map { ($0.machine, $0.result) })
  }
}
