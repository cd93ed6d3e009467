import WeftWire

/// A segment of a walk: who sends it, and where it departs from what a real stack would send.
struct Segment: Sendable {
  var fromClient: Bool
  var flags: TCPFlags
  var count = 0
  /// Added to the sequence and acknowledgment numbers that would be right.
  var sequence = 0
  var acknowledgment = 0
  /// What is sent a second time, or nobody believes, moves no numbers.
  var isStray = false
  var window: UInt16 = 8192
  var options = TCPOptions()
  var damage: (@Sendable (inout [UInt8]) -> Void)?
}

/// `c("SA", 10)`: from the client, SYN and ACK and ten bytes. `stray`: doesn't move the walk's sequence numbers.
func c(
  _ flags: String, _ count: Int = 0, sequence: Int = 0, acknowledgment: Int = 0, stray: Bool = false,
  window: UInt16 = 8192, options: TCPOptions = TCPOptions(), damage: (@Sendable (inout [UInt8]) -> Void)? = nil
) -> Segment {
  Segment(
    fromClient: true, flags: parse(flags), count: count, sequence: sequence, acknowledgment: acknowledgment,
    isStray: stray || sequence != 0, window: window, options: options, damage: damage)
}

/// The same from the server.
func s(
  _ flags: String, _ count: Int = 0, sequence: Int = 0, acknowledgment: Int = 0, stray: Bool = false,
  window: UInt16 = 8192, options: TCPOptions = TCPOptions(), damage: (@Sendable (inout [UInt8]) -> Void)? = nil
) -> Segment {
  var segment = c(
    flags, count, sequence: sequence, acknowledgment: acknowledgment, stray: stray, window: window, options: options,
    damage: damage)
  segment.fromClient = false
  return segment
}

private func parse(_ text: String) -> TCPFlags {
  var flags = TCPFlags(rawValue: 0)
  for letter in text {
    switch letter {
    case "S": flags.insert(.syn)
    case "F": flags.insert(.fin)
    case "R": flags.insert(.rst)
    case "P": flags.insert(.psh)
    case "A": flags.insert(.ack)
    case "U": flags.insert(.urg)
    case "E": flags.insert(.ece)
    case "C": flags.insert(.cwr)
    default: preconditionFailure("no TCP flag \(letter)")
    }
  }
  return flags
}

extension Stimulus {
  /// A connection from a VM to a server outside, segment by segment.
  static func outbound(_ name: String, _ segments: [Segment]) -> Stimulus {
    walk(name, client: Endpoint(Lab.vm, 40000), server: Endpoint(Lab.server, 80), isOutbound: true, segments)
  }

  /// A connection from outside to a VM, through a port forward.
  static func inbound(_ name: String, _ segments: [Segment]) -> Stimulus {
    walk(name, client: Endpoint(Lab.server, 50000), server: Endpoint(Lab.vm, 80), isOutbound: false, segments)
  }

  private static func walk(
    _ name: String, client: Endpoint, server: Endpoint, isOutbound: Bool, _ segments: [Segment]
  ) -> Stimulus {
    // What each will send next; the client's and the server's.
    var next: (client: UInt32, server: UInt32) = (1_000_000, 7_000_000)
    var steps: [Step] = []
    for segment in segments {
      let own = segment.fromClient ? next.client : next.server
      let others = segment.fromClient ? next.server : next.client
      let acknowledges = segment.flags.contains(.ack)
      let from: Endpoint
      let to: Endpoint
      if isOutbound {
        from = segment.fromClient ? client : server
        to = segment.fromClient ? server : Endpoint(Lab.external, client.port)
      } else {
        from = segment.fromClient ? client : server
        to = segment.fromClient ? Endpoint(Lab.external, 8080) : client
      }
      var packet = Packet.tcp(
        from, to, segment.flags, sequence: own &+ UInt32(truncatingIfNeeded: segment.sequence),
        acknowledgment: acknowledges ? others &+ UInt32(truncatingIfNeeded: segment.acknowledgment) : 0,
        window: segment.window, options: segment.options, count: segment.count)
      if let damage = segment.damage { packet = packet.damaged(damage) }
      steps.append(segment.fromClient == isOutbound ? .out(packet) : .back(packet))
      guard !segment.isStray else { continue }
      let length =
        UInt32(segment.count) + (segment.flags.contains(.syn) ? 1 : 0) + (segment.flags.contains(.fin) ? 1 : 0)
      if segment.fromClient { next.client &+= length } else { next.server &+= length }
    }
    return Stimulus(name, steps)
  }
}
