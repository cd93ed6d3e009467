import WeftCore
import WeftPrograms
import WeftSettings
import WeftTopology

/// Why there is nothing to explain.
public enum ExplainError: Error, CustomStringConvertible {
  case unknownMachine(String, known: [String])
  case noAddress(String)

  public var description: String {
    switch self {
    case .unknownMachine(let name, let known):
      "no machine is called \"\(name)\"; there are \(known.joined(separator: ", "))"
    case .noAddress(let name): "\(name) has no address"
    }
  }
}

/// A question that was asked of a run.
public struct ExplainQuestion: Sendable {
  var index: Int
  var from: String
  var label: String
  var at: Instant
}

extension Simulation {
  /// Plans one probe at a moment, now at the earliest: a check beside the file's own, so that what is told of it is what
  /// a check there would come to. The run goes on as it would, with its events and its checks, and beyond its end.
  public mutating func ask(
    from: String, _ probe: some ProbeSettings, to label: String, at moment: Instant? = nil,
    timeout: Nanoseconds = .seconds(4)
  ) throws(ExplainError) -> ExplainQuestion {
    guard world.names.machines[from] != nil else {
      throw .unknownMachine(from, known: world.names.machines.keys.sorted())
    }
    if let target = probe.target, world.target(target).address == nil {
      if case .node(let name) = target, world.names.machines[name] == nil {
        throw .unknownMachine(name, known: world.names.machines.keys.sorted())
      }
      throw .noAddress(label)
    }
    let moment = max(moment ?? world.now, world.now)
    var expectation = Expectation(
      name: "\(from) → \(label)", from: from, probe: probe, timing: .within(at: moment - .start, within: .zero))
    expectation.timeout = timeout
    topology.expectations.append(expectation)
    let index = topology.expectations.count - 1
    director.ask(index, expectation.timing)
    if director.end <= moment + timeout || isOver { director.end(at: .never) }
    scheduleDirector()
    return ExplainQuestion(index: index, from: from, label: label, at: moment)
  }

  /// Goes on until the question is answered, and tells.
  public mutating func answer(_ question: ExplainQuestion) -> Explanation {
    while director.verdict(of: question.index) == nil, let next = world.scheduler.pop(notAfter: .never) {
      if isStuck(before: next) { break }
      handle(next)
    }
    let recorder = world.recorder.explain
    world.recorder.explain = nil
    let verdict = director.verdict(of: question.index)
    var explanation = Explanation(
      from: question.from, to: question.label, at: question.at, outcome: verdict?.observed ?? "no answer",
      isOpen: verdict?.passed ?? false, steps: recorder?.steps ?? [])
    let expectation = topology.expectations[question.index]
    if let cause = director.cause(of: question.index),
      let advice = Advisor(topology, world).advice(
        cause, from: question.from, expectation.probe, lostARP: recorder?.lostARP(cause, in: world) ?? [:])
    {
      explanation.line = advice.line.flatMap { $0 > 0 ? $0 : nil }
      explanation.hint = advice.text
      if let last = explanation.steps.lastIndex(where: { $0.event == .dropped }) {
        explanation.steps[last].line = explanation.line
      }
    }
    return explanation
  }

  /// Sends one probe now and follows it through the fabric. It is real traffic: explain a run that nobody else needs.
  public mutating func explain(
    from: String, _ probe: some ProbeSettings, to label: String, timeout: Nanoseconds = .seconds(4)
  ) throws(ExplainError) -> Explanation {
    answer(try ask(from: from, probe, to: label, timeout: timeout))
  }
}
