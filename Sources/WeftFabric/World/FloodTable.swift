import WeftCore
import WeftPrograms
import WeftStack
import WeftSwitch
import WeftWire

/// Where a switch's floods go, laid side by side.
///
/// A broadcast on a network of ten thousand VMs is ten thousand deliveries, of which all but a few come to nothing. Frame
/// by frame, each costs a cable's ring, a place in the event queue, and the machine's memory. So the cables that do
/// nothing but delay form a lane, one for each delay: a flood is one entry in it, delivered cable by cable in the order
/// in which the event queue would have had them, which knows of the lane's next cable only; and where the target's
/// `ReceiveFilter` says what its guest would do, that is counted beside the filter, in the same cache line.
///
/// Nothing of this shows: `World.links(withFloods:)` lays what is under way into the cables for a checkpoint, and counts
/// are brought to where they belong before anybody reads them.
struct FloodTable: ~Copyable {
  /// What every cable of every lane takes.
  var largestFrame = Int.max

  /// One cable to a machine.
  struct Target: BitwiseCopyable {
    var link: LinkID
    /// The NIC's.
    var port: PortID
    var mac: UInt64
    var filter = ReceiveFilter()
    var state = State.unknown
    // Decided in the guest's stead, and not yet in the counters of NIC and port.
    var frames: UInt32 = 0
    var bytes: UInt64 = 0
    var closed: UInt32 = 0
    var foreign: UInt32 = 0
    var foreignDHCP: UInt32 = 0
    var stopped: UInt32 = 0
    var stoppedBytes: UInt64 = 0

    enum State: UInt8 {
      /// To be asked for: the machine did something.
      case unknown
      /// It runs, its guest is at rest, and there is a filter.
      case filtered
      /// Its NIC drops whatever comes.
      case stopped
      /// Every frame is to be delivered.
      case open
    }
  }

  /// A frame on its way to every target from `cursor` on but those left out.
  struct Group: BitwiseCopyable {
    var frame: StoredFrame
    var summary: BroadcastSummary
    var departure: UInt64
    var arrival: UInt64
    var cursor: Int
    /// The port it came from, and cables with a frame before it that arrives at the same moment: it queues up there.
    var leftOut: LeftOut
  }

  /// A few targets by number; -1 where there is none.
  struct LeftOut: BitwiseCopyable {
    var a = -1
    var b = -1
    var c = -1
    var d = -1

    @inline(__always)
    func contains(_ target: Int) -> Bool { target == a || target == b || target == c || target == d }

    /// False where there is no room.
    mutating func insert(_ target: Int) -> Bool {
      if contains(target) { return true }
      if a < 0 { a = target } else if b < 0 { b = target } else if c < 0 { c = target } else if d < 0 { d = target }
      return contains(target)
    }

    var isFull: Bool { d >= 0 }

    func forEach(_ body: (Int) -> Void) {
      if a >= 0 { body(a) }
      if b >= 0 { body(b) }
      if c >= 0 { body(c) }
      if d >= 0 { body(d) }
    }
  }

  struct Lane {
    let delay: UInt64
    let count: Int
    let targets: UnsafeMutablePointer<Target>
    /// Frames and bytes that the lane's floods left a target out of.
    let leftOutFrames: UnsafeMutablePointer<UInt64>
    let leftOutBytes: UnsafeMutablePointer<UInt64>
    /// In the order sent, which is that of arrival; those from `head` on are under way.
    var groups: UnsafeMutablePointer<Group>
    var capacity = 4
    var head = 0
    var end = 0
    /// The target whose link stands in the event queue for the lane; -1 for none.
    var waiting = -1
    var waitingUntil = UInt64.max
    /// While its frames are being delivered, it stands in the queue for itself.
    var isRunning = false
    /// There may be frames in the lane's cables that were sent one by one.
    var hasSingles = false
    var sentFrames: UInt64 = 0
    var sentBytes: UInt64 = 0
    var isCounting = false
  }

  struct Plan {
    var lanes: Range<Int>
    /// Ports that go singly.
    var singles: [PortIndex]
  }

  private(set) var isBuilt = false
  /// Floods that are on their way, in all lanes.
  private(set) var underWay = 0
  private(set) var lanes: UnsafeMutablePointer<Lane>
  private(set) var laneCount = 0
  /// By link; -1 for none.
  private var laneOfLink: UnsafeMutablePointer<Int32>
  private var targetOfLink: UnsafeMutablePointer<Int32>
  private(set) var plans: [ID<VirtualSwitch>: Plan] = [:]

  init() {
    lanes = .allocate(capacity: 1)
    laneOfLink = .allocate(capacity: 1)
    targetOfLink = .allocate(capacity: 1)
  }

  init(plans: [ID<VirtualSwitch>: Plan], lanes made: [(delay: UInt64, targets: [Target])], links: Int) {
    self.plans = plans
    isBuilt = true
    laneCount = made.count
    lanes = .allocate(capacity: max(1, made.count))
    laneOfLink = .allocate(capacity: max(1, links))
    targetOfLink = .allocate(capacity: max(1, links))
    laneOfLink.initialize(repeating: -1, count: links)
    targetOfLink.initialize(repeating: -1, count: links)
    for (number, lane) in made.enumerated() {
      let count = lane.targets.count
      let targets = UnsafeMutablePointer<Target>.allocate(capacity: count)
      let frames = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
      let bytes = UnsafeMutablePointer<UInt64>.allocate(capacity: count)
      frames.initialize(repeating: 0, count: count)
      bytes.initialize(repeating: 0, count: count)
      for (index, target) in lane.targets.enumerated() {
        (targets + index).initialize(to: target)
        laneOfLink[target.link.index] = Int32(number)
        targetOfLink[target.link.index] = Int32(index)
      }
      (lanes + number).initialize(
        to: Lane(
          delay: lane.delay, count: count, targets: targets, leftOutFrames: frames, leftOutBytes: bytes,
          groups: .allocate(capacity: 4)))
    }
  }

  deinit {
    for number in 0..<laneCount {
      for index in lanes[number].head..<lanes[number].end { _ = Frame(stored: lanes[number].groups[index].frame) }
      lanes[number].groups.deallocate()
      lanes[number].targets.deallocate()
      lanes[number].leftOutFrames.deallocate()
      lanes[number].leftOutBytes.deallocate()
    }
    lanes.deinitialize(count: laneCount)
    lanes.deallocate()
    laneOfLink.deallocate()
    targetOfLink.deallocate()
  }

  @inline(__always)
  func lane(of link: LinkID) -> Int? {
    let lane = laneOfLink[link.index]
    return lane < 0 ? nil : Int(lane)
  }

  /// The lane of a link, if it has anything under way.
  @inline(__always)
  func busyLane(of link: LinkID) -> Int? {
    guard let lane = lane(of: link), lanes[lane].head < lanes[lane].end else { return nil }
    return lane
  }

  /// Precondition: it is in a lane.
  @inline(__always)
  func target(of link: LinkID) -> Int { Int(targetOfLink[link.index]) }

  mutating func append(_ group: Group, to lane: Int) {
    (lanes + lane).append(group)
    underWay &+= 1
  }

  /// Gives up the groups at a lane's front that have reached all their targets.
  mutating func retire(_ lane: Int) { underWay &-= (lanes + lane).retire() }

  /// A frame was put into a cable by itself.
  @inline(__always)
  func sentSingly(_ link: LinkID) {
    if let lane = lane(of: link) { lanes[lane].hasSingles = true }
  }

  /// Its guest did something: its filter may be another now.
  @inline(__always)
  func touched(linkTo link: LinkID) {
    if let lane = lane(of: link) { lanes[lane].targets[target(of: link)].state = .unknown }
  }
}

// By the pointer: a lane is never copied.
extension UnsafeMutablePointer where Pointee == FloodTable.Lane {
  /// The next target of a group behind a place.
  @inline(__always)
  func following(_ place: Int, _ group: FloodTable.Group) -> Int {
    var next = place + 1
    while next < pointee.count, group.leftOut.contains(next) { next += 1 }
    return next
  }

  fileprivate func append(_ group: FloodTable.Group) {
    if pointee.end == pointee.capacity {
      let larger = UnsafeMutablePointer<FloodTable.Group>.allocate(capacity: pointee.capacity * 2)
      let used = pointee.end - pointee.head
      larger.initialize(from: pointee.groups + pointee.head, count: used)
      pointee.groups.deallocate()
      pointee.groups = larger
      pointee.capacity *= 2
      pointee.head = 0
      pointee.end = used
    }
    (pointee.groups + pointee.end).initialize(to: group)
    pointee.end += 1
  }

  /// Gives up the groups at the front that have reached all their targets, and says how many they are.
  fileprivate func retire() -> Int {
    let first = pointee.head
    while pointee.head < pointee.end, pointee.groups[pointee.head].cursor >= pointee.count {
      _ = Frame(stored: pointee.groups[pointee.head].frame)
      pointee.head += 1
    }
    let count = pointee.head - first
    if pointee.head == pointee.end {
      pointee.head = 0
      pointee.end = 0
    }
    return count
  }

  /// The first target of all the groups that arrive first, and that moment; nil where nothing is under way.
  var first: (target: Int, arrival: UInt64)? {
    var index = pointee.head
    while index < pointee.end, pointee.groups[index].cursor >= pointee.count { index += 1 }
    guard index < pointee.end else { return nil }
    let arrival = pointee.groups[index].arrival
    var target = pointee.groups[index].cursor
    index += 1
    while index < pointee.end, pointee.groups[index].arrival == arrival {
      target = Swift.min(target, pointee.groups[index].cursor)
      index += 1
    }
    return (target, arrival)
  }
}
