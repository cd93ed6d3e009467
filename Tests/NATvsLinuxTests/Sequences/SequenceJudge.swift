import KernelLab
import Foundation
import WeftNAT
import WeftWire

/// What two boxes made of one step of a sequence, where it isn't the same.
struct StepDifference {
  var step: Int
  var text: String
  /// Frames and refusals, as text: what only ours has, and only the kernel's.
  var ours: [String]
  var kernel: [String]
  var table: [TableDifference]
  /// Both tables after the step.
  var tables: (ours: [String], kernel: [String])
}

/// Gives a sequence to both boxes, and compares frames and tables after every step.
final class SequenceJudge {
  /// What one of the boxes has shown.
  private struct View {
    var said: [String] = []
    var table: [TableRow] = []
    /// External ports that its flows have, or had.
    var ports: [PacketWords.Label: UInt16] = [:]

    func port(_ label: PacketWords.Label) -> UInt16 { ports[label] ?? label.inside.port }

    mutating func see(_ table: [TableRow]) {
      self.table = table
      for row in table {
        let isEcho = row.protocolNumber == IPProtocol.icmp.rawValue
        let remote = Endpoint(row.reply.source.address, isEcho ? 0 : row.reply.source.port)
        ports[.init(protocolNumber: row.protocolNumber, inside: row.original.source, remote: remote)] = row.reply.destination.port
      }
    }
  }

  private let ours = OurBox()
  private let kernel: KernelBox
  /// When our clock was last set by the kernel's.
  private var seen = ContinuousClock.now
  private var names = TableNames(known: [])
  /// With one timer for both it only shows in [ASSURED], which then isn't compared: for sequences that can't wait.
  private var ignoresUDPStreams = false
  private var our = View()
  private var its = View()

  /// That the sequence asked to be slept.
  private var slept = 0.0

  init() throws { kernel = try KernelBox() }

  /// Nothing where they agree.
  func differences(_ sequence: StepSequence, stopsAtFirst: Bool = false) throws -> [StepDifference] {
    // A busy machine may stand still for so long that the kernel sees a stream where none was meant.
    for _ in 0..<10 {
      let start = ContinuousClock.now
      let differences = try attempt(sequence, stopsAtFirst: stopsAtFirst)
      if ContinuousClock.now - start < .seconds(slept + 1) { return differences }
    }
    throw LabError("this machine is too busy for \(sequence.name)")
  }

  private func attempt(_ sequence: StepSequence, stopsAtFirst: Bool) throws -> [StepDifference] {
    try kernel.exclusively {
      try begin(sequence)
      var differences: [StepDifference] = []
      for (index, step) in sequence.steps.enumerated() {
        (our.said, its.said) = ([], [])
        try catchUp()
        try perform(step, before: sequence.steps[(index + 1)...])
        its.see(try kernel.table())
        try catchUp()
        our.see(ours.table())
        guard let difference = compare(index, sequence.texts[index]) else { continue }
        differences.append(difference)
        if stopsAtFirst { break }
      }
      try kernel.checkTable()
      return differences
    }
  }

  private func begin(_ sequence: StepSequence) throws {
    try kernel.begin(sequence.setup)
    ours.begin(sequence.setup)
    names = TableNames(known: sequence.known)
    ignoresUDPStreams = sequence.setup.hasOneUDPTimeout
    (our, its) = (View(), View())
    seen = .now
    slept = 0
  }

  private func perform(_ step: SequenceStep, before later: ArraySlice<SequenceStep>) throws {
    switch step {
    case .packet(let origin, let words):
      its.said += say(try kernel.give(try words.packet(its.port), from: origin, toAll: words.isBroadcast))
      our.said += say(try ours.give(try words.packet(our.port), from: origin, toAll: words.isBroadcast))
    case .wait(let seconds):
      let real = needsRealTime(before: later) ? min(seconds, 2) : 0
      if real > 0 { try sleep(Double(real) + 0.1) }
      try kernel.age(seconds: seconds - real)
      try catchUp(and: seconds - real)
    case .sleep(let seconds): try sleep(seconds)
    case .addForward(let forward):
      its.said += try kernel.addForward(forward) ? [] : ["refused"]
      our.said += ours.addForward(forward) ? [] : ["refused"]
    case .removeForward(let forward):
      its.said += try kernel.removeForward(forward) ? [] : ["refused"]
      our.said += ours.removeForward(forward) ? [] : ["refused"]
    case .ipForwarding(let on):
      try kernel.setIPForwarding(on)
      ours.setIPForwarding(on)
    case .flush:
      try kernel.flush()
      ours.flush()
    }
  }

  private func sleep(_ seconds: Double) throws {
    slept += seconds
    its.said += say(try kernel.pause(milliseconds: Int(seconds * 1000)))
  }

  /// An entry can be aged, but not the moment from which on the kernel takes UDP for a stream, two seconds after its first
  /// packet. Whether that can come to matter: for an answered flow with the next packet, for others with the one after.
  private func needsRealTime(before later: ArraySlice<SequenceStep>) -> Bool {
    if ignoresUDPStreams { return false }
    let coming = later.count { $0.isUDP }
    return its.table.contains { row in
      [IPProtocol.udp.rawValue, UDPLite.protocolNumber].contains(row.protocolNumber) && !row.isAssured
        && coming >= (row.hasReply ? 1 : 2)
    }
  }

  /// Lets our clock go on by what has passed for the kernel. Before it is given something, not in the midst: however long
  /// that takes on a busy machine, both then count from the same moment.
  private func catchUp(and seconds: Int = 0) throws {
    let moment = ContinuousClock.now
    let (whole, fraction) = (moment - seen).components
    seen = moment
    our.said += say(
      try ours.pass(nanoseconds: UInt64(whole + Int64(seconds)) * 1_000_000_000 + UInt64(fraction / 1_000_000_000)))
  }

  private func say(_ outputs: [Output]) -> [String] {
    outputs.map { output in
      let span = output.bytes.span.bytes
      return "\(output.side.rawValue) to \(span.mac(0)): \(describe(span.extracting(14..<span.byteCount), names))"
    }
  }

  private func compare(_ index: Int, _ text: String) -> StepDifference? {
    let table = TableDifference.all(ours: our.table, kernel: its.table, names)
      .filter { !(ignoresUDPStreams && $0.isUDPAssured) }
    let (onlyOurs, onlyKernel) = (Self.without(our.said, its.said), Self.without(its.said, our.said))
    if table.isEmpty, onlyOurs.isEmpty, onlyKernel.isEmpty { return nil }
    return StepDifference(
      step: index, text: text, ours: onlyOurs, kernel: onlyKernel, table: table,
      tables: (our.table.map(names.line).sorted(), its.table.map(names.line).sorted()))
  }

  /// What is left of some lines when others are taken out, each as often as it is there.
  private static func without(_ lines: [String], _ others: [String]) -> [String] {
    var others = others
    return lines.filter { line in
      guard let index = others.firstIndex(of: line) else { return true }
      others.remove(at: index)
      return false
    }
  }
}

extension StepDifference: CustomStringConvertible {
  /// What differs, both values, the kernel's first.
  var signature: String {
    var parts = Set(table.map(\.signature)).sorted()
    if !ours.isEmpty || !kernel.isEmpty { parts.insert("frames \(Self.kinds(kernel))|\(Self.kinds(ours))", at: 0) }
    let words = text.split(separator: " ")
    let flags = words.count > 4 && words[1] == "tcp" ? " \(words[4])" : ""
    return words.prefix(words.first.map { "<>^".contains($0) } ?? false ? 2 : 1).joined(separator: " ") + flags
      + " :: " + parts.joined(separator: "; ")
  }

  /// `inside tcp`
  private static func kinds(_ lines: [String]) -> String {
    lines.map { line in
      let words = line.split(separator: " ")
      return words.first.map(String.init).map { $0 + (line.contains(" tcp ") ? " tcp" : line.contains(" icmp ") ? " icmp" : "") }
        ?? ""
    }.joined(separator: ",")
  }

  var description: String {
    var text = "  step \(step): \(self.text)\n    \(signature)\n"
    text += ours.map { "    frame, ours    \($0)\n" }.joined()
    text += kernel.map { "    frame, kernel  \($0)\n" }.joined()
    text += tables.ours.map { "    table, ours    \($0)\n" }.joined()
    text += tables.kernel.map { "    table, kernel  \($0)\n" }.joined()
    return text
  }
}
