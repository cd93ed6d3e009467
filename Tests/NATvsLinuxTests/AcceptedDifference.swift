/// A way in which we differ from Linux on purpose, under the name that docs/nat-vs-linux.md gives the reason for.
struct AcceptedDifference: Sendable {
  var name: String
  var shape: Difference.Shape
  /// Stimuli, and those of their steps that differ in this way.
  var steps: [String: [Int]]

  init(_ name: String, _ shape: Difference.Shape, _ steps: [String: [Int]]) {
    self.name = name
    self.shape = shape
    self.steps = steps
  }
}

extension Difference {
  /// What it comes to, so that a table entry stands for one thing and not for whatever a step may do one day.
  enum Shape: String, Sendable {
    /// We say nothing; the kernel's own stack answers with a RST,
    case kernelResets
    /// or with an ICMP message,
    case kernelAnswers
    /// or the packet is passed on there.
    case kernelPasses
    /// We pass on, or answer, what the kernel says nothing to.
    case wePass
    /// Both send something.
    case bothSend
  }

  var shape: Shape {
    guard ours.isEmpty else { return kernel.isEmpty ? .wePass : .bothSend }
    guard kernel.count == 1, kernel[0].bytes.count >= 34, kernel[0].bytes[22] == 64 else { return .kernelPasses }
    // Made by the box: nobody has taken one off its TTL.
    switch kernel[0].bytes[23] {
    case 6: return .kernelResets
    case 1: return .kernelAnswers
    default: return .kernelPasses
    }
  }
}
