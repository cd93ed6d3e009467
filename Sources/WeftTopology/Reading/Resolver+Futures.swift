import WeftCore
import WeftSettings

// Checkpoints and forks: which futures there are, and from when on.
extension Resolver {
  /// Before any is named.
  func declareFutures(_ events: [Written]) {
    for event in events {
      guard let fork = event[ForkEntry.word], let place = Object(fork, ForkEntry.keys).place(\.name), let name = place.text else {
        continue
      }
      do throws(Complaint) { _ = try Parse.name(name) } catch {
        report(error, at: place)
        continue
      }
      if name == Future.main || futures.contains(name) {
        report("there is a future \"\(name)\" already", at: place)
      } else {
        futures.append(name)
      }
    }
  }

  func future(_ name: String, at place: Written) -> String? {
    if name == Future.main || futures.contains(name) { return name }
    report(
      "there is no future \"\(name)\"", at: place,
      hint: Suggestion.hint(for: name, in: futures + [Future.main]) ?? "forks are events: fork: {name: \(name), from: …}")
    return nil
  }

  /// What is of a future comes after its beginning, and that after the moment it begins at.
  func checkFutures() {
    var checkpoints: [String: Nanoseconds] = [:]
    var begins: [String: Nanoseconds] = [:]
    for (index, event) in topology.events.enumerated() {
      func wrong(_ message: String, _ hint: String? = nil) {
        report(message, at: eventKeys[index].mark, length: eventKeys[index].length, hint: hint)
      }
      guard case .checkpoint(let name) = event.action else { continue }
      if checkpoints[name] != nil { wrong("there is a checkpoint \"\(name)\" already") }
      if event.future != nil { wrong("a checkpoint is of the run itself", "leave \"future\" out") }
      checkpoints[name] = event.at
    }
    for (index, event) in topology.events.enumerated() {
      guard case .fork(let future) = event.action else { continue }
      let (mark, length) = eventKeys[index]
      if event.future != nil { report("a fork is of the run itself", at: mark, length: length, hint: "leave \"future\" out") }
      guard let moment = checkpoints[future.from] else {
        let hint =
          Suggestion.hint(for: future.from, in: checkpoints.keys.sorted()) ?? "checkpoints are events: checkpoint: \(future.from)"
        report("there is no checkpoint \"\(future.from)\"", at: mark, length: length, hint: hint)
        continue
      }
      if moment > event.at {
        report("the checkpoint \"\(future.from)\" is of \(moment), and this is before", at: mark, length: length)
      }
      begins[future.name] = moment
    }
    for event in topology.events { checkMoment(event.future, event.at, event.mark, begins) }
    for expectation in topology.expectations {
      checkMoment(expectation.future, expectation.timing.start, expectation.mark, begins)
    }
  }

  private func checkMoment(_ future: String?, _ at: Nanoseconds, _ mark: Mark, _ begins: [String: Nanoseconds]) {
    guard let future, let begin = begins[future], at < begin else { return }
    report("\"\(future)\" begins at \(begin), and this is before", at: mark)
  }
}
