import WeftCore
import WeftWire

// What the hop loop does to elements. Each gives back the element's deadline, so that a call of an element is one branch.

struct Receive: ElementVisitor {
  let frame: StoredFrame
  let port: PortIndex
  let now: Instant

  @inline(__always)
  mutating func visit<E: Element>(_ element: inout E, _ out: inout Effects) -> Instant {
    element.receive(Frame(stored: frame), on: port, now: now, &out)
    return element.deadline
  }
}

struct Wake: ElementVisitor {
  let now: Instant

  /// `retries`: what it keeps for its cables is to be tried again.
  @inline(__always)
  mutating func visit<E: Element>(_ element: inout E, _ out: inout Effects) -> (deadline: Instant, retries: Bool) {
    let retries = element.retryAt <= now
    element.wake(now: now, &out)
    return (element.deadline, retries)
  }
}

struct Send: ElementVisitor {
  let frame: StoredFrame
  let port: PortIndex
  let link: UnsafeMutablePointer<Link>
  let now: Instant

  @inline(__always)
  mutating func visit<E: Element>(_ element: inout E, _ out: inout Effects) -> (departure: Departure, deadline: Instant) {
    let departure = element.send(frame, on: port, over: &link.pointee, now: now)
    return (departure, element.deadline)
  }
}

struct SendWaiting: ElementVisitor {
  let port: PortIndex
  let link: UnsafeMutablePointer<Link>
  let now: Instant

  mutating func visit<E: Element>(_ element: inout E, _ out: inout Effects) -> (frame: StoredFrame, reason: DropReason)? {
    switch element.sendWaiting(on: port, over: &link.pointee, now: now) {
    case .none: nil
    case .lost(let frame, let reason): (frame.store(), reason)
    }
  }
}

struct ChangeLink: ElementVisitor {
  let port: PortIndex
  let up: Bool
  let now: Instant

  mutating func visit<E: Element>(_ element: inout E, _ out: inout Effects) {
    element.linkChanged(port, up: up, now: now, &out)
  }
}

/// Changes nothing, but a machine that is borrowed for a question is copied for it.
struct ReadDeadline: ElementVisitor {
  @inline(__always)
  mutating func visit<E: Element>(_ element: inout E, _ out: inout Effects) -> Instant { element.deadline }
}

struct ReadMAC: ElementReader {
  let port: PortIndex
  func read<E: Element>(_ element: borrowing E) -> MACAddress? { element.mac(of: port) }
}

struct AnswersFor: ElementReader {
  let address: IPv4Address
  let port: PortIndex
  func read<E: Element>(_ element: borrowing E) -> Bool { element.answers(for: address, on: port) }
}

/// The traces of what it keeps.
struct ReadWaiting: ElementReader {
  func read<E: Element>(_ element: borrowing E) -> [(trace: UInt32, waiting: Waiting)] {
    var found: [(trace: UInt32, waiting: Waiting)] = []
    element.forEachWaiting { found.append(($0, $1)) }
    return found
  }
}

/// Nil of one that can't go on from where it is.
struct ReadPortCount: ElementReader {
  func read<E: Element>(_ element: borrowing E) -> Int? { element.isConsistent ? element.portCount : nil }
}

/// The rows of one table.
struct ReadFacts<F: Fact>: ElementReader {
  let now: Instant
  func read<E: Element>(_ element: borrowing E) -> [F] {
    var facts = Facts(only: F.self)
    element.facts(now: now, &facts)
    return facts.rows.compactMap { $0 as? F }
  }
}

struct ReadAllFacts: ElementReader {
  let now: Instant
  func read<E: Element>(_ element: borrowing E) -> [any Fact] {
    var facts = Facts()
    element.facts(now: now, &facts)
    return facts.rows
  }
}

/// For a frame that somebody else owns.
struct ReadLookups: ElementReader {
  let frame: StoredFrame
  let port: PortIndex
  let ports: [String]
  let now: Instant

  func read<E: Element>(_ element: borrowing E) -> [Lookup] {
    let frame = Frame(stored: frame)
    let lookups = element.lookups(frame, on: port, ports: ports, now: now)
    _ = frame.store()
    return lookups
  }
}
