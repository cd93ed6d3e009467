import WeftWire

/// What two boxes made of one step, where it isn't the same.
struct Difference: CustomStringConvertible {
  var step: Int
  var input: String
  var ours: [Output]
  var kernel: [Output]

  var description: String {
    let ours = Self.lines(ours)
    let kernel = Self.lines(kernel)
    var text = "  step \(step), \(shape): \(input)\n"
    for line in ours { text += kernel.contains(line) ? "    both    \(line)\n" : "    ours    \(line)\n" }
    for line in kernel where !ours.contains(line) { text += "    kernel  \(line)\n" }
    if ours.isEmpty { text += "    ours    nothing\n" }
    if kernel.isEmpty { text += "    kernel  nothing\n" }
    if ours == kernel {
      text += zip(self.ours, self.kernel).map { "    \(hex($0.bytes.span.bytes))\n    \(hex($1.bytes.span.bytes))\n" }
        .joined()
    }
    return text
  }

  private static func lines(_ outputs: [Output]) -> [String] {
    outputs.map { output in
      let span = output.bytes.span.bytes
      return "\(output.side.rawValue) to \(span.mac(0)): \(describe(span.extracting(14..<span.byteCount)))"
    }
  }
}

/// Takes out what is documented as not deterministic (docs/nat-vs-linux.md), and nothing else:
/// - the identification of packets that the box makes itself: netfilter's are random, or zero, by kind;
/// - ports that were chosen because the wanted one was taken, where the stimulus says that it comes to that.
struct Normaliser {
  static let chosenPort: UInt16 = 0xffff

  var choosesPorts: Bool
  /// Of the frames given in so far: what has another identification was made by the box.
  private var identifications: Set<UInt16> = []
  private var wantedPorts: Set<UInt16> = []

  init(choosesPorts: Bool) { self.choosesPorts = choosesPorts }

  /// A frame goes in. Only ports of what comes from inside, and of who is outside, are wanted: the others answer.
  mutating func note(given frame: [UInt8], on side: Side) {
    guard frame.count >= 34 else { return }
    let span = frame.span.bytes
    identifications.insert(span.u16(18))
    let isEcho = span.u8(23) == IPProtocol.icmp.rawValue
    for offset in Self.ports(span).prefix(side == .inside ? 2 : isEcho ? 0 : 1) {
      wantedPorts.insert(span.u16(offset))
    }
  }

  func callAsFunction(_ output: Output) -> Output {
    var output = output
    guard output.bytes.count >= 34 else { return output }
    let offsets = choosesPorts ? Self.ports(output.bytes.span.bytes) : []
    var mutable = output.bytes.mutableSpan
    var span = mutable.mutableBytes
    if !identifications.contains(span.bytes.u16(18)) { replace(&span, at: 18, with: 0, checksumAt: 24) }
    for offset in offsets where !wantedPorts.contains(span.bytes.u16(offset)) {
      replace(&span, at: offset, with: Self.chosenPort, checksumAt: Self.checksum(span.bytes))
    }
    return output
  }

  private func replace(_ span: inout MutableRawSpan, at offset: Int, with new: UInt16, checksumAt: Int) {
    let old = span.bytes.u16(offset)
    let checksum = span.bytes.u16(checksumAt)
    span.put(new, at: offset)
    // Its two zeros are one here.
    let updated = InternetChecksum.update(checksum, replacing: old, with: new)
    span.put(updated == 0xffff ? 0 : updated, at: checksumAt)
  }

  private static func transport(_ frame: RawSpan) -> Int { 14 + Int(frame.u8(14) & 15) * 4 }

  /// Where a frame has ports or an echo's identifier.
  static func ports(_ frame: RawSpan) -> [Int] {
    let at = transport(frame)
    guard frame.byteCount >= at + 8, frame.u16(20) & 0x1fff == 0 else { return [] }
    switch frame.u8(23) {
    case 6, 17: return [at, at + 2]
    case 1: return frame.u8(at) == 8 || frame.u8(at) == 0 ? [at + 4] : []
    default: return []
    }
  }

  private static func checksum(_ frame: RawSpan) -> Int {
    transport(frame) + (frame.u8(23) == 6 ? 16 : frame.u8(23) == 17 ? 6 : 2)
  }
}
