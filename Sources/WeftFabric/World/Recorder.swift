import WeftCapture
import WeftCore

/// What is written down of a run, and changes nothing in it: captures, drops by port, the traces of probes, the steps of
/// a packet that is being explained.
struct Recorder: ~Copyable {
  var captures: CaptureSet? { didSet { look() } }
  /// Of each node; empty without captures.
  var clocks = Arena<NodeTag, CausalClock>()
  /// When the frame that arrived last had left the far end, as its record there bears it.
  private var arrivedStamp: UInt64 = 0
  var drops = DropLedger()
  var events = EventLedger()
  var traces = TraceLog()
  /// Probes of which a packet was lost by accident since the director looked last.
  var losses: [UInt32] = []
  /// Set where somebody compares runs; never part of a checkpoint.
  var fingerprint: Fingerprint? { didSet { look() } }
  /// Set while a packet is being explained; never part of a checkpoint.
  var explain: ExplainRecorder? { didSet { look() } }
  /// Who wants to know of a frame that no probe has sent: the hop loop has a short way for each but the last.
  private(set) var watch = Watch.none

  enum Watch: UInt8 {
    case none
    /// Captures alone.
    case captures
    case closely
  }

  /// The captures once more: a strong reference would be counted up and down for every record.
  private var open: Unmanaged<CaptureSet>?

  private mutating func look() {
    open = captures.map(Unmanaged.passUnretained)
    watch = fingerprint != nil || explain != nil ? .closely : captures != nil ? .captures : .none
  }

  // Records are opened for a frame in a port's file; false where there is none, or the filter leaves it out. Clocks go on
  // all the same: which ports are captured changes no time. Precondition: there are captures.

  @inline(__always)
  mutating func stageArrival(_ frame: inout Frame, in file: CaptureID?, of node: NodeID, now: Instant) -> Bool {
    let stamp = frame.takeStamp()
    arrivedStamp = stamp
    return stage(frame, in: file, clocks[node].arrive(stamp, now: now.rawValue), inbound: true)
  }

  @inline(__always)
  mutating func stageDeparture(_ frame: borrowing Frame, in file: CaptureID?, of node: NodeID, now: Instant) -> Bool {
    let stamp = clocks[node].leave(now: now.rawValue)
    frame.stamp = stamp
    return stage(frame, in: file, stamp, inbound: false)
  }

  mutating func stageDrop(
    _ frame: borrowing Frame, in file: CaptureID?, of node: NodeID, now: Instant, inbound: Bool
  ) -> Bool {
    stage(frame, in: file, clocks[node].note(now: now.rawValue), inbound: inbound)
  }

  @inline(__always)
  private func stage(_ frame: borrowing Frame, in file: CaptureID?, _ stamp: UInt64, inbound: Bool) -> Bool {
    guard let open, let file else { return false }
    return open._withUnsafeGuaranteedRef {
      $0.stage(
        port: file.index, at: Instant(stamp), bytes: frame.bytes, originalLength: frame.count, inbound: inbound,
        packetID: frame.packetID)
    }
  }

  @inline(__always)
  func commit(_ file: CaptureID?, dropped: Bool) {
    guard let open, let file else { return }
    open._withUnsafeGuaranteedRef { $0.commit(port: file.index, dropped: dropped) }
  }

  /// `by`: the node's name.
  func comment(_ file: CaptureID?, by name: String, _ note: Note) {
    guard let file else { return }
    captures?.comment(port: file.index, by: name, note)
  }

  func commentDrop(_ file: CaptureID?, by name: String, _ reason: DropReason, _ detail: DropDetail, isHarmless: Bool) {
    guard let file else { return }
    captures?.commentDrop(port: file.index, by: name, reason, detail, isHarmless: isHarmless)
  }

  /// Of the record that is open in the file; 0 where there is none.
  func frameNumber(_ file: CaptureID?) -> UInt64 {
    guard let file else { return 0 }
    return captures?.frameNumber(port: file.index) ?? 0
  }

  // MARK: A switch's words in the far end's file

  /// Opens a record there for a frame that a switch lost on its way out of a port: it was on its way in, and never came.
  /// Not in classic pcap, which couldn't say so. `far`: the far end's node.
  func stageLoss(_ frame: borrowing Frame, in farFile: CaptureID?, of far: NodeID) -> Bool {
    guard let captures, captures.format == .pcapng, let farFile else { return false }
    return captures.stage(
      port: farFile.index, at: Instant(max(frame.stamp, clocks[far].last)), bytes: frame.bytes,
      originalLength: frame.count, inbound: true, packetID: frame.packetID)
  }

  /// Adds the drop of the frame that arrived last to the record of its leaving. Returns that one's number, 0 for none.
  func commentFarDrop(
    _ frame: borrowing Frame, in farFile: CaptureID?, by name: String, _ reason: DropReason, _ detail: DropDetail,
    isHarmless: Bool
  ) -> UInt64 {
    guard let captures, let farFile else { return 0 }
    return captures.commentFarDrop(
      port: farFile.index, packetID: frame.packetID, since: Instant(arrivedStamp), by: name, reason, detail,
      isHarmless: isHarmless) ?? 0
  }

  @inline(__always)
  mutating func addToFingerprint(
    _ passage: Fingerprint.Passage, _ frame: borrowing Frame, at port: PortID, _ name: String, now: Instant
  ) {
    if watch == .closely { fingerprint?.add(passage, of: frame.bytes, at: port, name, now: now) }
  }

  func isExplained(_ frame: borrowing Frame) -> Bool {
    guard watch == .closely, let explain, !explain.isComplete else { return false }
    return frame.trace == explain.trace
  }
}

extension Port {
  /// Where records that are opened for it stand.
  @inline(__always)
  var file: CaptureID? { capture ?? farCapture }
}
