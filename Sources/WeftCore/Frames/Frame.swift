import WeftWire

/// A frame on its way: the unique owner of a pool slot, or one of several sharers of it. It goes back to its pool when
/// the last owner lets go, so a dropped frame can't leak.
@frozen
public struct Frame: ~Copyable {
  @usableFromInline var slot: UnsafeMutablePointer<FrameSlot>
  @usableFromInline var start: UInt32
  @usableFromInline var length: UInt32

  @inlinable @inline(__always)
  init(slot: UnsafeMutablePointer<FrameSlot>, start: UInt32, count: UInt32) {
    self.slot = slot
    self.start = start
    length = count
  }

  @inlinable @inline(__always)
  deinit {
    slot.pointee.references &-= 1
    if slot.pointee.references == 0 { FramePool.recycle(slot) }
  }

  @inlinable public var count: Int { Int(length) }

  /// The same number on every hop of one packet; 0 until the fabric numbers it at its first transmission.
  @inlinable public var packetID: UInt64 {
    get { slot.pointee.packetID }
    nonmutating set { slot.pointee.packetID = newValue }
  }

  /// The probe this frame belongs to or answers; 0 for none.
  @inlinable public var trace: UInt32 {
    get { slot.pointee.trace }
    nonmutating set { slot.pointee.trace = newValue }
  }

  /// Whether the checksums of the IPv4 packet in it, header's and transport's, are known to be right: who made it has
  /// written them, or a receiver has looked. They needn't be summed up again. Over as soon as anything is written.
  @inlinable public var isSound: Bool {
    get { slot.pointee.isSound }
    nonmutating set { slot.pointee.isSound = newValue }
  }

  /// The moment that captures give for its last departure: see `CausalClock` of the fabric.
  @inlinable public var stamp: UInt64 {
    get { slot.pointee.stamp }
    nonmutating set { slot.pointee.stamp = newValue }
  }

  @inlinable @inline(__always)
  var base: UnsafeMutableRawPointer { UnsafeMutableRawPointer(slot) + Int(start) }

  public var bytes: RawSpan {
    @inlinable @inline(__always) @_lifetime(borrow self) get {
      let span = unsafe RawSpan(_unsafeStart: base, byteCount: Int(length))
      return unsafe _overrideLifetime(span, borrowing: self)
    }
  }

  /// For writing; a shared frame is copied first.
  public var mutableBytes: MutableRawSpan {
    @inlinable @inline(__always) @_lifetime(&self) mutating get {
      if slot.pointee.references > 1 { unshare() }
      slot.pointee.isSound = false
      let span = unsafe MutableRawSpan(_unsafeStart: base, byteCount: Int(length))
      return unsafe _overrideLifetime(span, mutating: &self)
    }
  }

  /// Another owner of the same bytes.
  @inlinable @inline(__always)
  public func share() -> Frame {
    slot.pointee.references &+= 1
    return Frame(slot: slot, start: start, count: length)
  }

  /// The stamp, which is over as the frame arrives. One of several sharers becomes a frame of its own first: each is
  /// stamped anew where it goes on, and those that haven't arrived yet still bear this one.
  @inlinable public mutating func takeStamp() -> UInt64 {
    let stamp = slot.pointee.stamp
    guard stamp != 0 else { return 0 }
    if slot.pointee.references > 1 { unshare() }
    slot.pointee.stamp = 0
    return stamp
  }

  @usableFromInline
  mutating func unshare() {
    let copy = StoredFrame(slot: slot, start: start, length: length).copy().store().slot
    slot.pointee.references &-= 1
    slot = copy
  }

  /// Gives up bytes at the front (a header that was consumed). Precondition: count ≤ self.count.
  @inlinable public mutating func dropFirst(_ count: Int) {
    precondition(count >= 0 && count <= Int(length))
    start &+= UInt32(truncatingIfNeeded: count)
    length &-= UInt32(truncatingIfNeeded: count)
  }

  /// Bytes that `prepend` may take in.
  @inlinable public var headroom: Int { Int(start) - FrameSlot.headerSize }

  /// Takes `count` bytes of headroom in; their content is undefined. Precondition: that much headroom is left.
  @inlinable public mutating func prepend(_ count: Int) {
    precondition(count >= 0 && count <= Int(start) - FrameSlot.headerSize)
    start &-= UInt32(truncatingIfNeeded: count)
    length &+= UInt32(truncatingIfNeeded: count)
  }

  /// Cuts bytes off the end. Precondition: count ≤ self.count.
  @inlinable public mutating func truncate(to count: Int) {
    precondition(count >= 0 && count <= Int(length))
    length = UInt32(truncatingIfNeeded: count)
    slot.pointee.isSound = false
  }
}

/// A frame put away in a queue of plain values. Whoever stores one takes it back exactly once with `Frame(stored:)`.
@frozen
public struct StoredFrame: BitwiseCopyable {
  @usableFromInline let slot: UnsafeMutablePointer<FrameSlot>
  @usableFromInline let start: UInt32
  @usableFromInline let length: UInt32

  @inlinable @inline(__always)
  init(slot: UnsafeMutablePointer<FrameSlot>, start: UInt32, length: UInt32) {
    self.slot = slot
    self.start = start
    self.length = length
  }

  @inlinable public var count: Int { Int(length) }
  @inlinable public var packetID: UInt64 { slot.pointee.packetID }
  @inlinable public var trace: UInt32 { slot.pointee.trace }
  @inlinable public var stamp: UInt64 { slot.pointee.stamp }
  @inlinable public func setPacketID(_ number: UInt64) { slot.pointee.packetID = number }

  /// Looks at the bytes without taking the frame back.
  @inlinable @inline(__always)
  public func withBytes<R>(_ body: (RawSpan) -> R) -> R {
    body(unsafe RawSpan(_unsafeStart: UnsafeRawPointer(slot) + Int(start), byteCount: Int(length)))
  }
}

extension StoredFrame {
  /// Another owner of the same bytes; the stored one is as it was.
  @inlinable @inline(__always)
  public func share() -> Frame {
    slot.pointee.references &+= 1
    return Frame(slot: slot, start: start, count: length)
  }

  /// A frame of its own with the same bytes and marks, from the same pool; the stored one is as it was.
  public func copy() -> Frame {
    let copy = FramePoolCore.take(slot.pointee.core)
    copy.pointee.isSound = slot.pointee.isSound
    copy.pointee.trace = slot.pointee.trace
    copy.pointee.packetID = slot.pointee.packetID
    copy.pointee.stamp = slot.pointee.stamp
    (UnsafeMutableRawPointer(copy) + Int(start)).copyMemory(
      from: UnsafeRawPointer(slot) + Int(start), byteCount: Int(length))
    return Frame(slot: copy, start: start, count: length)
  }
}

extension Frame {
  /// Takes a stored frame back.
  @inlinable @inline(__always)
  public init(stored: StoredFrame) {
    self.init(slot: stored.slot, start: stored.start, count: stored.length)
  }

  /// As it would be stored, to look at while this one owns it.
  @inlinable public var stored: StoredFrame { StoredFrame(slot: slot, start: start, length: length) }

  /// Puts the frame away; the receiver of the value owns it now.
  @inlinable @inline(__always)
  public consuming func store() -> StoredFrame {
    let stored = StoredFrame(slot: slot, start: start, length: length)
    discard self
    return stored
  }
}
