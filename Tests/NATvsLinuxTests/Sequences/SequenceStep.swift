import Foundation

/// A step of a sequence in the language of `fixed.txt`, whose head explains it.
enum SequenceStep: Sendable {
  case packet(Origin, PacketWords)
  /// Seconds that pass for both boxes at once.
  case wait(Int)
  /// Seconds that really pass.
  case sleep(Double)
  case addForward(SequenceForward)
  case removeForward(SequenceForward)
  case ipForwarding(Bool)
  case flush

  enum Origin: String, Sendable {
    case inside = ">"
    case outside = "<"
    /// The box itself.
    case box = "^"
  }
}

/// `udp 6000 vm:53`
struct SequenceForward: Sendable, Hashable {
  var isTCP: Bool
  var port: UInt16
  var to: Endpoint
}

struct SequenceError: Error, CustomStringConvertible {
  var description: String
  init(_ description: String) { self.description = description }
}

/// What happens to both boxes, one after the other.
struct StepSequence: Sendable {
  var name: String
  var setup = RouterSetup()
  var steps: [SequenceStep]
  /// Of each step, as it was written.
  var texts: [String]

  init(name: String, _ text: some StringProtocol) throws {
    self.name = name
    steps = []
    texts = []
    for part in text.components(separatedBy: ";") {
      let words = part.split(separator: " ").map(String.init)
      guard let first = words.first else { continue }
      if first == "!" {
        try setup.set(words.dropFirst().joined(separator: " "))
      } else {
        steps.append(try SequenceStep(words))
        texts.append(words.joined(separator: " "))
      }
    }
  }

  /// Ports and identifiers that it names: what a box calls otherwise, it chose.
  var known: Set<UInt16> {
    var known = Set(Lab.forwards.flatMap { [$0.port, $0.to.port] })
    for word in texts.joined(separator: " ").split(whereSeparator: { " {}".contains($0) }) {
      let number = word.hasPrefix("id=") ? word.dropFirst(3) : word.split(whereSeparator: { ":.".contains($0) }).last ?? word
      if let number = UInt16(number.split(separator: ".").last ?? number) { known.insert(number) }
    }
    return known
  }
}

extension SequenceStep {
  init(_ words: [String]) throws {
    let rest = Array(words.dropFirst())
    switch words[0] {
    case ">", "<", "^":
      guard let origin = Origin(rawValue: words[0]) else { throw SequenceError("no origin \(words[0])") }
      self = .packet(origin, try PacketWords(rest))
    case "wait":
      guard let seconds = rest.first.flatMap({ Int($0) }) else { throw SequenceError("wait for what: \(words)") }
      self = .wait(seconds)
    case "rwait":
      guard let seconds = rest.first.flatMap({ Double($0) }) else { throw SequenceError("wait for what: \(words)") }
      self = .sleep(seconds)
    case "fwd+": self = .addForward(try SequenceForward(rest))
    case "fwd-": self = .removeForward(try SequenceForward(rest))
    case "ipfwd": self = .ipForwarding(rest == ["1"])
    case "flush": self = .flush
    default: throw SequenceError("no step \(words.joined(separator: " "))")
    }
  }

  var isUDP: Bool {
    guard case .packet(_, let words) = self else { return false }
    return words.kind == "udp" || words.kind == "udplite"
  }
}

extension SequenceForward {
  init(_ words: [String]) throws {
    guard words.count == 3, ["tcp", "udp"].contains(words[0]), let port = UInt16(words[1]),
      case let end = words[2].split(separator: ":"), end.count == 2, let address = TableNames.address(end[0]),
      let target = UInt16(end[1])
    else { throw SequenceError("no forward \(words)") }
    self.init(isTCP: words[0] == "tcp", port: port, to: Endpoint(address, target))
  }
}
