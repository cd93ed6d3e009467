import WeftCore
import WeftSettings
import WeftWire

/// Where a machine meets the fabric: a MAC address, a link state, and two bounded rings. The fabric knows nothing else
/// of a machine.
///
/// The receive ring holds what came while the guest doesn't run (a paused VM); a running guest takes frames as they
/// come. The transmit ring, if it has one, holds what the guest has sent while the wire's own queue is full.
public struct NetworkInterface: Codable {
  public struct Counters: Codable, Hashable, Sendable {
    public var received: UInt64 = 0
    public var receivedBytes: UInt64 = 0
    public var transmitted: UInt64 = 0
    public var transmittedBytes: UInt64 = 0
    public var dropped: UInt64 = 0
  }

  /// What became of a frame from the wire.
  public enum Delivery: ~Copyable {
    /// The guest runs: it is the guest's now.
    case pass(Frame)
    case kept
    case dropped(Frame, DropReason)
  }

  public let mac: MACAddress
  /// Descriptors.
  public let receiveCapacity: Int
  public let transmitCapacity: Int
  public var isLinkUp = true
  public var counters: Counters { counted }
  @usableFromInline var counted = Counters()
  private var receiveRing: FrameQueue
  /// Of one place, and never used, where there is none.
  var transmitRing: FrameQueue
  /// What the transmit ring holds, in octets on the wire.
  public internal(set) var octetsToTransmit = 0
  /// Of a VM with a standby.
  var gate: Apart<OutputGate>?

  /// 256 descriptors is virtio-net's default in QEMU. Without a transmit ring what waits for the cable is in the cable's
  /// queue alone. Precondition: a capacity to receive > 0.
  public init(mac: MACAddress, receiveCapacity: Int = 256, transmitCapacity: Int = 0) {
    precondition(receiveCapacity > 0 && transmitCapacity >= 0)
    self.mac = mac
    self.receiveCapacity = receiveCapacity
    self.transmitCapacity = transmitCapacity
    receiveRing = FrameQueue(capacity: receiveCapacity)
    transmitRing = FrameQueue(capacity: max(1, transmitCapacity))
  }

  public var waitingToReceive: Int { receiveRing.count }
  public var waitingToTransmit: Int { transmitRing.count }

  /// From the wire: a guest that runs takes it, one that is paused finds it later, for others there is nobody.
  @inlinable @inline(__always)
  public mutating func deliver(_ frame: consuming Frame, to state: VirtualMachine.State) -> Delivery {
    guard state.runs else { return hold(frame, state) }
    counted.received &+= 1
    counted.receivedBytes &+= UInt64(frame.count)
    return .pass(frame)
  }

  @usableFromInline
  mutating func hold(_ frame: consuming Frame, _ state: VirtualMachine.State) -> Delivery {
    guard state == .paused || state == .migrating else {
      counted.dropped &+= 1
      return .dropped(frame, .machineStopped)
    }
    guard !receiveRing.isFull else {
      counted.dropped &+= 1
      return .dropped(frame, .rxRingFull)
    }
    receiveRing.push(frame)
    return .kept
  }

  /// The same where the guest takes nothing from the wire by itself: it finds what is in the ring when it has a cpu.
  public mutating func land(_ frame: consuming Frame, _ state: VirtualMachine.State) -> LostFrame {
    let reason: DropReason
    if state.isOff {
      reason = .machineStopped
    } else if receiveRing.isFull {
      reason = .rxRingFull
    } else {
      receiveRing.push(frame)
      return .none
    }
    counted.dropped &+= 1
    return .lost(frame, reason)
  }

  /// The trace of the frame that comes out next; 0 for none.
  public var nextReceivedTrace: UInt32 { receiveRing.firstTrace }

  /// The next frame that waited for the guest, once it runs again.
  public mutating func takeReceived() -> Frame? {
    guard let frame = receiveRing.pop() else { return nil }
    counted.received &+= 1
    counted.receivedBytes &+= UInt64(frame.count)
    return frame
  }

  /// Counts a frame that went straight onto the wire.
  @inlinable @inline(__always)
  public mutating func countTransmitted(_ bytes: Int) {
    counted.transmitted &+= 1
    counted.transmittedBytes &+= UInt64(bytes)
  }

  /// The traces of frames that wait for the guest to run.
  public func forEachReceivedTrace(_ body: (UInt32) -> Void) {
    receiveRing.forEachTraced { trace, bytes in
      guard bytes.byteCount >= 6, bytes.mac(0) == mac || bytes.mac(0).isGroup else { return }
      body(trace)
    }
  }
  /// Of those that wait for the wire.
  public func forEachTransmittedTrace(_ body: (UInt32) -> Void) { transmitRing.forEachTrace(body) }

  /// Counts frames that the guest would have taken in only to let them go, and those that came while it was stopped.
  public mutating func countFlooded(received frames: UInt64, _ bytes: UInt64, dropped: UInt64) {
    counted.received &+= frames
    counted.receivedBytes &+= bytes
    counted.dropped &+= dropped
  }

  public mutating func countDropped() { counted.dropped &+= 1 }

  public var canHoldTransmission: Bool { waitingToTransmit < transmitCapacity }

  /// Keeps a frame for which the wire has no room. Precondition: `canHoldTransmission`.
  public mutating func holdTransmission(_ frame: consuming Frame, now: Instant) {
    if gate != nil { gate?.value.push(now: now) }
    octetsToTransmit &+= LinkParameters.octetsOnWire(frame.count)
    transmitRing.push(frame)
  }

  /// The length of the frame that waits longest for the wire.
  public var nextTransmission: Int? { gate?.value.open == 0 ? nil : transmitRing.firstCount }

  public mutating func takeTransmission() -> Frame? {
    guard let frame = transmitRing.pop() else { return nil }
    if gate != nil {
      gate?.value.removeFirst()
      if transmitRing.isEmpty, gate?.value.isOpened == true { gate = nil }
    }
    octetsToTransmit &-= LinkParameters.octetsOnWire(frame.count)
    return frame
  }

  /// Takes out what waits in both rings, from the oldest; the caller owns the frames.
  public mutating func emptyRings() -> [(frame: StoredFrame, cameIn: Bool)] {
    var frames: [(frame: StoredFrame, cameIn: Bool)] = []
    while let frame = receiveRing.pop() { frames.append((frame.store(), true)) }
    while let frame = transmitRing.pop() { frames.append((frame.store(), false)) }
    octetsToTransmit = 0
    if gate != nil { gate?.value.empty() }
    counted.dropped &+= UInt64(frames.count)
    return frames
  }

  /// Takes out what has come since so many were there; the caller owns the frames.
  public mutating func emptyReceived(beyond count: Int) -> [StoredFrame] {
    var late: [StoredFrame] = []
    for place in 0..<receiveRing.count {
      guard let frame = receiveRing.pop() else { break }
      if place < count { receiveRing.push(frame) } else { late.append(frame.store()) }
    }
    counted.dropped &+= UInt64(late.count)
    return late
  }

  /// What waits to come in and to go out.
  public var rings: [FrameQueue] { [receiveRing, transmitRing] }

  /// Its rings as they were then; counters and link are the present's.
  public mutating func takeBack(to past: NetworkInterface) {
    receiveRing = past.receiveRing
    transmitRing = past.transmitRing
    octetsToTransmit = past.octetsToTransmit
  }

  /// Power off: both rings are memory of the machine.
  public mutating func reset() {
    receiveRing = FrameQueue(capacity: receiveRing.capacity)
    transmitRing = FrameQueue(capacity: transmitRing.capacity)
    octetsToTransmit = 0
    if gate != nil { gate?.value.empty() }
  }
}

// MARK: - Checkpoint

extension NetworkInterface {
  private enum CodingKeys: String, CodingKey {
    case mac, receiveCapacity, transmitCapacity, isLinkUp
    case counted = "counters"
    case receiveRing, transmitRing, gate
  }

  public init(from decoder: any Decoder) throws {
    let container = try decoder.container(keyedBy: CodingKeys.self)
    mac = try container.decode(MACAddress.self, forKey: .mac)
    receiveCapacity = try container.decode(Int.self, forKey: .receiveCapacity)
    transmitCapacity = try container.decode(Int.self, forKey: .transmitCapacity)
    isLinkUp = try container.decode(Bool.self, forKey: .isLinkUp)
    counted = try container.decode(Counters.self, forKey: .counted)
    receiveRing = try container.decode(FrameQueue.self, forKey: .receiveRing)
    transmitRing = try container.decode(FrameQueue.self, forKey: .transmitRing)
    let lengths = transmitRing.map { LinkParameters.octetsOnWire($0.byteCount) }
    octetsToTransmit = lengths.reduce(0, +)
    gate = try container.decodeIfPresent(Apart<OutputGate>.self, forKey: .gate)
    guard gate?.value.isConsistent(waiting: transmitRing.count) ?? true, gate == nil || transmitCapacity > 0,
      receiveCapacity > 0, transmitCapacity >= 0, receiveRing.capacity == receiveCapacity,
      transmitRing.capacity == max(1, transmitCapacity)
    else {
      throw DecodingError.dataCorrupted(.init(codingPath: decoder.codingPath, debugDescription: "an interface's rings"))
    }
  }
}
