import WeftWire

/// The head of a pool slot; the frame's bytes follow it. Sharers of one slot count references (flooding shares one buffer).
@usableFromInline
struct FrameSlot {
  @usableFromInline var references: UInt32
  /// Of its checksums; see `Frame.isSound`.
  @usableFromInline var isSound: Bool
  /// The probe this frame belongs to, 0 for none.
  @usableFromInline var trace: UInt32
  @usableFromInline var packetID: UInt64
  /// When its last record says that it left a port; 0 without one.
  @usableFromInline var stamp: UInt64
  @usableFromInline var core: UnsafeMutablePointer<FramePoolCore>
  @usableFromInline var nextFree: UnsafeMutableRawPointer?

  /// Where the bytes begin, kept to a multiple of 64 so that headroom and header share cache lines predictably.
  @usableFromInline static let headerSize = 64
  @usableFromInline static let size = 2048
}

/// What outlives the pool object while frames of it are still held.
@usableFromInline
struct FramePoolCore {
  @usableFromInline var free: UnsafeMutableRawPointer?
  @usableFromInline var outstanding: Int
  @usableFromInline var slabs: [UnsafeMutableRawPointer]
  @usableFromInline var closed: Bool

  /// Adds a slab of free slots, linked so that they leave in address order.
  @usableFromInline
  static func grow(_ core: UnsafeMutablePointer<FramePoolCore>) {
    let slab = UnsafeMutableRawPointer.allocate(byteCount: FramePool.slotsPerSlab * FrameSlot.size, alignment: 64)
    core.pointee.slabs.append(slab)
    for index in stride(from: FramePool.slotsPerSlab - 1, through: 0, by: -1) {
      let raw = slab + index * FrameSlot.size
      raw.bindMemory(to: FrameSlot.self, capacity: 1).initialize(
        to: FrameSlot(
          references: 0, isSound: false, trace: 0, packetID: 0, stamp: 0, core: core, nextFree: core.pointee.free))
      core.pointee.free = raw
    }
  }

  /// Takes a free slot with one reference.
  @inlinable @inline(__always)
  static func take(_ core: UnsafeMutablePointer<FramePoolCore>) -> UnsafeMutablePointer<FrameSlot> {
    if core.pointee.free == nil { grow(core) }
    let slot = core.pointee.free.unsafelyUnwrapped.assumingMemoryBound(to: FrameSlot.self)
    core.pointee.free = slot.pointee.nextFree
    core.pointee.outstanding &+= 1
    slot.pointee.references = 1
    return slot
  }
}

/// Fixed-size buffers for frames, handed out last-in first-out so that a slot is reused while it is hot in the cache.
/// Allocates slabs as the high-water mark grows and nothing in steady state. Not thread-safe: one pool, one thread at a time.
public final class FramePool {
  /// Room for headers to be put in front of a frame, such as a VLAN tag or a tunnel's.
  @inlinable public static var headroom: Int { 64 }
  /// The longest frame a slot holds behind the default headroom.
  public static let maximumFrame = FrameSlot.size - FrameSlot.headerSize - headroom
  static let slotsPerSlab = 64

  @usableFromInline let core: UnsafeMutablePointer<FramePoolCore>

  public init() {
    core = .allocate(capacity: 1)
    core.initialize(to: FramePoolCore(free: nil, outstanding: 0, slabs: [], closed: false))
  }

  deinit { Self.close(core) }

  /// Frames handed out and not yet given back.
  public var outstanding: Int { core.pointee.outstanding }
  /// Memory held, in bytes.
  public var footprint: Int { core.pointee.slabs.count * Self.slotsPerSlab * FrameSlot.size }

  /// A frame of `count` bytes whose content is undefined: the caller writes them all.
  /// Precondition: count ≤ `maximumFrame` (with the default headroom).
  @inlinable @inline(__always)
  public func frame(count: Int, headroom: Int = FramePool.headroom) -> Frame {
    let room = FrameSlot.size &- FrameSlot.headerSize
    precondition(headroom >= 0 && headroom <= room && count >= 0 && count <= room &- headroom)
    let slot = FramePoolCore.take(core)
    slot.pointee.isSound = false
    slot.pointee.trace = 0
    slot.pointee.packetID = 0
    slot.pointee.stamp = 0
    return Frame(
      slot: slot, start: UInt32(truncatingIfNeeded: FrameSlot.headerSize &+ headroom),
      count: UInt32(truncatingIfNeeded: count))
  }

  /// A frame that holds a copy of these bytes.
  public func frame(copying bytes: RawSpan) -> Frame {
    var frame = frame(count: bytes.byteCount)
    var span = frame.mutableBytes
    span.put(bytes, at: 0)
    return frame
  }

  public func frame(_ bytes: [UInt8]) -> Frame { frame(copying: bytes.span.bytes) }

  @inlinable @inline(__always)
  static func recycle(_ slot: UnsafeMutablePointer<FrameSlot>) {
    let core = slot.pointee.core
    slot.pointee.nextFree = core.pointee.free
    core.pointee.free = UnsafeMutableRawPointer(slot)
    core.pointee.outstanding &-= 1
    if core.pointee.closed { close(core) }
  }

  /// Frees the memory once the pool object is gone and the last frame is back.
  @usableFromInline
  static func close(_ core: UnsafeMutablePointer<FramePoolCore>) {
    core.pointee.closed = true
    guard core.pointee.outstanding == 0 else { return }
    for slab in core.pointee.slabs { slab.deallocate() }
    core.deinitialize(count: 1)
    core.deallocate()
  }
}
