import WeftCore

// Who goes when the table is full: netfilter's early drop.

extension Conntrack {
  /// Sessions in an order of their own, linked by `Link.older` and `newer`; each is in one at most.
  struct Queue {
    private(set) var oldest = Conntrack.none
    private var newest = Conntrack.none

    mutating func append(_ number: Int, _ links: inout [Link]) {
      links[number].older = newest
      if newest != Conntrack.none { links[Int(newest)].newer = UInt32(number) } else { oldest = UInt32(number) }
      newest = UInt32(number)
    }

    mutating func take(_ number: Int, _ links: inout [Link]) {
      let (older, newer) = (links[number].older, links[number].newer)
      if older != Conntrack.none { links[Int(older)].newer = newer } else { oldest = newer }
      if newer != Conntrack.none { links[Int(newer)].older = older } else { newest = older }
      (links[number].older, links[number].newer) = (Conntrack.none, Conntrack.none)
    }
  }

  enum Rank {
    /// Not assured: gone first, from the earliest made.
    case unassured
    /// A connection that is closing: gone where all are assured, from the earliest that came to it.
    case closing
    case kept
  }

  func rank(_ number: Int) -> Rank {
    let session = sessions[number]
    if !session.flags.contains(.assured) { return .unassured }
    let isClosing =
      session.kind == .sctp
      ? window(SessionID(number))?.association.state.isClosing ?? false : session.state.isClosing
    return isClosing ? .closing : .kept
  }

  var hasVictims: Bool { unassured.oldest != Self.none || closing.oldest != Self.none }

  /// Who a full table gives up: of the first `count` unassured sessions, oldest first, the first that `isWanted` says yes
  /// to, else the oldest; then the oldest that is closing; nil where there is none.
  func victim(among count: Int, _ isWanted: (Session) -> Bool) -> SessionID? {
    var candidate = unassured.oldest
    for _ in 0..<count where candidate != Self.none {
      if isWanted(sessions[Int(candidate)]) { return SessionID(Int(candidate)) }
      candidate = links[Int(candidate)].newer
    }
    if unassured.oldest != Self.none { return SessionID(Int(unassured.oldest)) }
    return closing.oldest == Self.none ? nil : SessionID(Int(closing.oldest))
  }

  /// Those that are closing, in their order: the others' is that of their creation.
  var closingInOrder: [SessionID] {
    var order: [SessionID] = []
    var next = closing.oldest
    while next != Self.none {
      order.append(SessionID(Int(next)))
      next = links[Int(next)].newer
    }
    return order
  }

  /// Of a checkpoint; false where these aren't those that are closing.
  mutating func restoreClosing(_ order: [SessionID]) -> Bool {
    let closing = Set(closingInOrder.map(\.index))
    guard order.count == closing.count, Set(order.map(\.index)) == closing else { return false }
    for id in order { dequeue(id.index) }
    for id in order { enqueue(id.index) }
    return true
  }
}
